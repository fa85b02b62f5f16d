"""The HTTP target against a real server that answers as it is told to."""

import gc
import http.server
import json
import socket
import threading
import time
import warnings
from dataclasses import dataclass, field

import pytest

from heartbeat.errors import BadSetting, StartFailed
from heartbeat.model import Trigger
from heartbeat.targets.build import build
from heartbeat.targets.protocol import StartCall

RUN = "0b7c9d6e-1111-4222-8333-444444444444"
SLOT = 1_767_603_600_000  # 2026-01-05T09:00Z
CALL = StartCall(slug="report", run_id=RUN, slot=SLOT, timezone="Asia/Tokyo")


@dataclass
class App:
    status: int = 202
    body: bytes = b"taken"
    headers: dict = field(default_factory=dict)
    hang: bool = False
    cut: bool = False
    seen: list = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def app():
    app = App()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            app.seen.append((self.command, self.path, dict(self.headers), json.loads(body)))
            if app.hang:
                app.closing.wait(20)
            if app.cut or app.hang:
                return
            self.send_response(app.status)
            for name, value in {**app.headers, "Content-Length": str(len(app.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(app.body)

        def do_PUT(self):
            self.do_POST()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        app.url = f"http://127.0.0.1:{server.server_port}/jobs?a=1"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield app
        app.closing.set()
        server.shutdown()
        thread.join()


def start(app, call=CALL, sent=lambda: None, **settings):
    target = build(Trigger(kind="http", settings={"url": app.url, **settings}), resolve=lambda text: text)
    return target.start(call, sent)


def refusal(app, **settings):
    with pytest.raises(StartFailed) as failed:
        start(app, **settings)
    return failed.value


def test_the_app_is_told_everything(app):
    answer = start(app, token="s3cret", headers={"X-Team": "data"}, body={"rows": 3, "job": "not this"})
    assert (answer.text, answer.ok) == ("202 Accepted", None)
    method, path, headers, body = app.seen[0]
    assert (method, path) == ("POST", "/jobs?a=1")
    assert body == {"rows": 3, "job": "report", "run_id": RUN, "slot": "2026-01-05T18:00:00+09:00", "token": "s3cret"}
    assert (headers["Idempotency-Key"], headers["Heartbeat-Run"]) == (RUN, RUN)
    assert (headers["Heartbeat-Job"], headers["Heartbeat-Slot"]) == ("report", "2026-01-05T18:00:00+09:00")
    assert (headers["Authorization"], headers["X-Team"]) == ("Bearer s3cret", "data")
    assert headers["Content-Type"] == "application/json"


def test_a_run_by_hand_has_no_slot_and_may_have_an_input(app):
    start(app, StartCall(slug="report", run_id=RUN, slot=None, timezone="UTC", input='{"rows": [1]}'), method="PUT")
    method, _, headers, body = app.seen[0]
    assert (method, headers["Heartbeat-Slot"], body["slot"], body["input"]) == ("PUT", "", None, {"rows": [1]})


@pytest.mark.parametrize(
    ("status", "again", "unknown"),
    [
        (400, False, False),
        (401, False, False),
        (404, False, False),
        (408, True, False),
        (425, True, False),
        (429, True, False),
        (500, False, False),
        (502, False, True),
        (503, True, False),
        (504, False, True),
        (302, False, False),
    ],
)
def test_what_a_status_means(app, status, again, unknown):
    app.status, app.body = status, b"the reason"
    problem = refusal(app)
    assert (problem.again, problem.unknown) == (again, unknown)
    assert f"answered {status} " in str(problem)
    assert "the reason" in str(problem)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_an_app_that_starts_one_run_for_one_key_is_asked_again(app, status):
    app.status = status
    problem = refusal(app, idempotent=True)
    assert (problem.again, problem.unknown) == (True, False)


def test_a_500_is_the_end_of_a_run_whose_answer_is_waited_for(app):
    app.status = 500
    assert start(app, idempotent=True, waits=True).ok is False


def test_retry_after_is_handed_on(app):
    app.status, app.headers = 429, {"Retry-After": "17"}
    assert refusal(app).retry_after == 17.0


def test_a_redirect_is_not_followed_and_says_so(app):
    app.status, app.headers = 307, {"Location": "/elsewhere"}
    assert "redirects are not followed, give the final URL" in str(refusal(app))
    assert len(app.seen) == 1


@pytest.mark.parametrize(
    ("expected", "status", "taken"),
    [(["202"], 202, True), (["202"], 200, False), (["2xx", "409"], 409, True), (["2xx"], 404, False)],
)
def test_the_status_may_be_named(app, expected, status, taken):
    app.status = status
    if taken:
        assert start(app, expect_status=expected).text.startswith(str(status))
    else:
        refusal(app, expect_status=expected)


def test_the_text_may_be_named(app):
    assert start(app, expect_body="take").text == "202 Accepted"
    problem = refusal(app, expect_body="queued")
    assert str(problem).endswith("answered 202 Accepted; expected was the text 'queued': taken")


def test_nobody_there_has_started_nothing(app):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        app.url = f"http://127.0.0.1:{bound.getsockname()[1]}/x?key=s3cret"
        problem = refusal(app)
    assert (problem.again, problem.unknown) == (True, False)
    assert "cannot be reached (" in str(problem)
    assert "s3cret" not in str(problem)


@pytest.mark.parametrize("how", ["cut", "hang"])
def test_no_answer_after_the_sending_is_unknown(app, how):
    setattr(app, how, True)
    began = time.monotonic()
    problem = refusal(app, timeout=300)
    assert (problem.again, problem.unknown) == (False, True)
    assert time.monotonic() - began < 5


class TestWaits:
    def test_the_answer_is_the_end(self, app):
        sent = []
        app.status, app.body = 200, b"3 rows"
        answer = start(app, sent=lambda: sent.append(len(app.seen)), waits=True)
        assert (answer.ok, answer.output, len(sent)) == (True, "3 rows", 1)

    @pytest.mark.parametrize("status", [400, 404, 500])
    def test_a_bad_answer_is_a_bad_end(self, app, status):
        app.status, app.body = status, b"no disk"
        answer = start(app, waits=True)
        assert (answer.ok, answer.output) == (False, "no disk")

    @pytest.mark.parametrize("status", [429, 503, 502])
    def test_a_proxy_that_refuses_is_no_end(self, app, status):
        app.status = status
        refusal(app, waits=True)


@pytest.mark.parametrize("url", ["", "ftp://x", "https://", "http://x y", "app.example.org"])
def test_what_is_no_url_is_said_without_showing_it(url):
    with pytest.raises(BadSetting, match=r"^url must be an http or https URL with a host"):
        build(Trigger(kind="http", settings={"url": url}), resolve=lambda text: text)


def test_references_are_read_at_each_start(app):
    target = build(
        Trigger(kind="http", settings={"url": app.url, "token": "${env:T}", "headers": {"A": "${env:T}"}}),
        resolve=lambda text: text.replace("${env:T}", "s3cret"),
    )
    target.start(CALL, lambda: None)
    assert (app.seen[0][3]["token"], app.seen[0][2]["A"]) == ("s3cret", "s3cret")


def test_what_an_older_apply_left_is_said():
    with pytest.raises(BadSetting, match="a setting is missing or unknown"):
        build(Trigger(kind="http", settings={"uri": "x"}), resolve=lambda text: text)
    with pytest.raises(BadSetting, match="there is no trigger 'cron'"):
        build(Trigger(kind="cron", settings={}), resolve=lambda text: text)


def test_a_connection_is_closed_after_an_answer_that_does_not_say_its_length():
    """As PHP's own web server answers; what is left open makes a warning, and so fails the tests."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                request = connection.makefile("rb")
                head = dict(line.lower().split(b": ", 1) for line in iter(request.readline, b"\r\n") if b": " in line)
                request.read(int(head[b"content-length"]))  # what is closed with something unread resets the connection
                request.close()
                connection.sendall(b"HTTP/1.0 403 Forbidden\r\n\r\nwrong token")

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with warnings.catch_warnings(record=True) as left_open:
            warnings.simplefilter("always")
            with pytest.raises(StartFailed, match="answered 403 Forbidden: wrong token") as refused:
                build(Trigger(kind="http", settings={"url": url}), resolve=lambda text: text).start(CALL, lambda: None)
            refused.value.itself = refused.value  # then all that it holds is only found by the collector
            del refused
            gc.collect()
        thread.join()
    assert [str(each.message) for each in left_open] == []
