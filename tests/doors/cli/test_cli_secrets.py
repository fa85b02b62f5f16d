"""No secret is shown or kept, whatever goes wrong: in no output, log line, error of a delivery, or run.

Each field that may hold a secret holds a marked one: channels, targets, the watchdog, the settings, credentials. The
other side is as hostile as it can be and repeats everything that it was sent.
"""

import json
import os
import socket
from io import StringIO

import pytest
from receiver import Receiver, listening

from heartbeat import settings
from heartbeat.channels.slack.bot import SlackBot
from heartbeat.doors.http.watchdog import Watchdog
from heartbeat.errors import BadSetting
from heartbeat.outbound.addresses import Deadline, Guard
from heartbeat.targets import aws_call
from heartbeat.telemetry import Log

MARK = "MARKED"
ENVIRON = {
    name: f"{MARK}-{name.lower().replace('_', '-')}-0123456789"
    for name in ("TOKEN", "HEADER", "SIGNING", "QUERY", "PASSWORD", "BOT", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
} | {"HEARTBEAT_PING_KEY": f"{MARK}-ping-key"}
JOBS = """\
defaults: {timezone: UTC, grace: 1m, notify: [hook, slack, bot, topic]}
channels:
  hook:
    webhook:
      url: "${env:BASE}/hook?key=${env:QUERY}"
      secret: "${env:SIGNING}"
      headers: {Authorization: "Bearer ${env:HEADER}"}
      template: '{"text": "${headline}"}'
      allow_private: true
  slack: {slack: {webhook: "${env:BASE}/services", allow_private: true}}
  bot: {slack: {token: "${env:BOT}", channel: C0123456789}}
  topic: {sns: "arn:aws:sns:eu-west-1:123456789012:alerts"}
jobs:
  app: &app
    schedule: "0 9 * * *"
    max_runtime: 1h
    trigger: &trigger
      http: &http
        url: "${env:BASE}/start?key=${env:QUERY}"
        token: "${env:TOKEN}"
        headers: {X-Auth: "${env:HEADER}", Cookie: "session=${env:SIGNING}"}
        body: {login: {password: "${env:PASSWORD}"}}
        timeout: 2s
  waits: {<<: *app, trigger: {http: {<<: *http, waits: true}}}
  queue:
    <<: *app
    trigger:
      sqs:
        queue: "${env:BASE}/queue"
        attributes: {secret: "${env:TOKEN}"}
        body: {password: "${env:PASSWORD}"}
        region: eu-west-1
"""
PLAIN = f"""\
  plain:
    <<: *app
    trigger:
      http:
        url: "${{env:BASE}}/start?key={MARK}-plain-query-0123456789"
        token: {MARK}-plain-token
        headers: {{X-Auth: {MARK}-plain-header}}
        body: {{password: {MARK}-plain-password}}
        timeout: 2s
"""
NAMES = ("app", "waits", "queue")
ANSWERS = [200, 302, 400, 403, 404, 429, 500, 503]


class Echo(Receiver):
    """Repeats everything, wherever there is room: reason, headers, body."""

    status = 400

    def answer(self, asked):
        told = " ".join([asked.path, *asked.headers.values(), asked.body.decode()])
        said = {
            "ok": False,
            "error": told,
            "__type": "Sender",
            "message": told,
            "Error": {"Code": told},
            "MessageId": told,
        }
        headers = {"Location": asked.path, "Retry-After": "7", "X-Echo": told.replace("\r", "").replace("\n", "")}
        return self.status, headers, json.dumps(said).encode()


class World:
    """The machine, whose other side is at `url`; shown: everything that anybody could read so far."""

    def __init__(self, machine, url, monkeypatch):
        self.machine, self.base, self.shown = machine, f"{url}/{MARK}-path-0123456789", []
        for name, value in {**ENVIRON, "BASE": self.base, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        monkeypatch.setitem(SlackBot.__init__.__kwdefaults__, "base_url", f"{self.base}/")
        monkeypatch.setitem(SlackBot.__init__.__kwdefaults__, "guard", Guard(allow_private=True))
        aws_call.client.cache_clear()

    def run(self, *argv, when=None):
        self.shown += map(str, self.machine.run(*argv, when=when))

    def live(self, jobs, names):
        """A day of jobs that start and are missed, and of people who look at everything."""
        self.machine.write(jobs)
        for command in ("check", "plan", "apply"):
            self.run(command, when="2026-11-22T08:00")
        for name in names:
            self.run("run", name, when="2026-11-22T08:30")
        self.run("tick", when="2026-11-22T08:40")
        self.run("tick", "--json", when="2026-11-22T09:30")
        self.run("doctor", "--send-test")
        self.run("doctor", "--send-test", "--json")
        for each in ((), ("--json",)):
            self.run("status", *each)
            for name in names:
                self.run("explain", name, *each)
                self.run("runs", name, *each)
        self.machine.write(jobs.replace("?key=", f"?key={MARK}-another-one-0123456789"))
        self.run("plan")

    def watch(self):
        log = StringIO()
        url = f"{self.base}/ping/{ENVIRON['HEARTBEAT_PING_KEY']}/hb"
        try:
            settings.read({"HEARTBEAT_WATCHDOG_URL": url})
        except BadSetting as refused:
            self.shown.append(str(refused))
        Watchdog(url, Log(lambda: 0.0, stream=log)).beat()
        self.shown.append(log.getvalue())

    @property
    def kept(self):
        """All of the database."""
        return b"".join(path.read_bytes() for path in self.machine.folder.glob("heartbeat.db*"))

    def leaks(self):
        return [text[max(0, text.find(MARK) - 200) :][:400] for text in self.shown if MARK in text]


@pytest.fixture
def world(machine, monkeypatch):
    return lambda url: World(machine, url, monkeypatch)


def tell(world):
    """Everything goes wrong once; what is kept holds no secret, what is shown neither."""
    world.live(JOBS, NAMES)
    world.watch()
    assert world.leaks() == []
    assert MARK.encode() not in world.kept


@pytest.mark.parametrize("status", ANSWERS)
def test_who_repeats_all_that_was_sent(world, status):
    with listening(Echo()) as echo:
        echo.status = status
        made = world(echo.url)
        tell(made)
        heard = [asked.path.partition("?")[0].removeprefix(f"/{MARK}-path-0123456789") for asked in echo.asked]
    assert {"/hook", "/services", "/start", f"/ping/{MARK}-ping-key/hb", "/chat.postMessage"} <= set(heard)
    assert heard.count("/hook") > 2  # the alerts, and two of `doctor`
    assert any(ENVIRON["PASSWORD"] in asked.body.decode() for asked in echo.asked)
    assert made.shown[0] == "0"


def test_who_hangs_up(world):
    class Mute(Receiver):
        def finish_request(self, *_):
            pass

    with listening(Mute()) as mute:
        tell(world(mute.url))


def test_who_never_answers(world, monkeypatch):
    monkeypatch.setattr(Deadline, "left", lambda _self: 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = world(f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        tell(made)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "http://127.0.0.1:99999", "http://exa mple", "ftp://127.0.0.1", "http://[::1"]
)
def test_a_url_that_leads_nowhere(world, url):
    made = world(url)
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"  # of botocore's own, which takes no other
    tell(made)


def test_a_secret_in_plain_text_is_not_shown_either(world):
    with listening(Echo()) as echo:
        made = world(echo.url)
        made.live(JOBS + PLAIN, (*NAMES, "plain"))
    assert made.leaks() == []
    assert any(b"-plain-token" in asked.body for asked in echo.asked)


def test_a_bug_in_a_channel_is_one_problem_of_many(machine, monkeypatch):
    def broken(*_, **__):
        raise LookupError(f"{MARK} is not to be found")

    monkeypatch.setattr("heartbeat.channels.console.terminal.Console.send", broken)
    status, out, err = machine.run("doctor", "--send-test", when="2026-11-22T08:00")
    assert (status, err) == (1, "")
    assert "problem  channel screen: a bug in the channel: LookupError" in out
    assert MARK not in out
    assert out.splitlines()[-1] == "1 problem"
