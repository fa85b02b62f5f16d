"""From a request to what is recorded and answered: keys, unknown names, definitions, a store that is away."""

import gzip
import json

import pytest
from asking import KEY

from heartbeat.doors.http.ping_gate import PingOutcome
from heartbeat.doors.server.asgi import App
from heartbeat.errors import StoreUnavailable

ENVELOPE = "/sentry/api/42/envelope/"
CONFIG = {"schedule": {"type": "crontab", "value": "0 9 * * *"}, "timezone": "Asia/Tokyo"}
URLS = [
    f"/kuma/api/push/{KEY}.backup",
    f"/cronitor/p/{KEY}/backup",
    f"/cronitor/{KEY}.backup/complete",
    f"/snitch/{KEY}.backup",
    f"/betterstack/api/v1/heartbeat/{KEY}.backup",
    "/opsgenie/v2/heartbeats/backup/ping",
    f"/sentry/api/42/cron/backup/{KEY}/",
    f"/alertmanager/{KEY}.backup",
]
BODIES = {"alertmanager": b'{"alerts": [{"status": "firing", "labels": {}}]}'}


def told(service, url, *, key=KEY):
    prefix = url.split("/")[1]
    return service.ask(
        url.replace(KEY, key),
        query=b"status=ok" if prefix == "sentry" else b"",
        headers={"authorization": f"GenieKey {key}"},
        body=BODIES.get(prefix, b""),
    )


def envelope(*values, create=False):
    lines = ["{}"]
    for value in values:
        lines += ['{"type":"check_in"}', json.dumps({"monitor_slug": "backup", "status": "ok"} | value)]
    return {
        "path": ENVELOPE.replace("/api", "/create/api") if create else ENVELOPE,
        "query": b"sentry_key=" + KEY.encode(),
        "headers": {"content-encoding": "gzip"},
        "body": gzip.compress("\n".join(lines).encode()),
    }


@pytest.mark.parametrize("url", URLS)
def test_each_service_leaves_its_signal(service, url):
    assert told(service, url)[0] in {200, 202}
    assert [str(signal.kind) for signal in service.signals()] == ["success"]


@pytest.mark.parametrize("url", URLS)
def test_a_wrong_key_records_nothing(service, url):
    assert told(service, url, key="wrong")[0] == (403 if url.startswith(("/sentry", "/opsgenie")) else 404)
    assert (service.signals(), service.strays.waiting) == ([], {})


@pytest.mark.parametrize("url", URLS)
def test_an_unknown_name_is_404_and_counted(service, url):
    assert told(service, url.replace("backup", "bakcup"))[0] == 404
    assert list(service.strays.waiting) == ["bakcup"]


def test_a_uuid_needs_no_key(service):
    assert service.ask(f"/snitch/{service.uuid}") == (200, "Got it, thanks!", "text/plain")
    other = service.uuid[:-1] + ("1" if service.uuid.endswith("0") else "0")
    assert service.ask(f"/snitch/{other}")[0] == 404
    assert len(service.signals()) == 1


def test_a_name_may_be_percent_encoded(service):
    assert service.ask(f"/cronitor/p/{KEY}/Back%75p")[0] == 200
    assert len(service.signals()) == 1


def test_the_answers_have_the_services_forms(service):
    assert service.ask(f"/kuma/api/push/{KEY}.backup") == (200, '{"ok":true}', "application/json")
    status, text, kind = service.ask(f"/kuma/api/push/{KEY}.nobody")
    assert (status, json.loads(text)["ok"], kind) == (404, False, "application/json")
    status, text, _ = service.ask("/opsgenie/v2/heartbeats/backup/ping", headers={"authorization": f"GenieKey {KEY}"})
    assert (status, json.loads(text)["result"]) == (202, "PONG - Heartbeat received")
    assert service.ask(**envelope({"monitor_slug": "bakcup"}))[:2] == (
        404,
        '{"detail": "no job of this name; did you mean backup?"}',
    )


@pytest.mark.parametrize("path", ["/", "/nobody", "/kuma", "//", "/Kuma/api/push/x", "/request/x", "/__init__"])
def test_other_paths_are_not_found(service, path):
    assert service.ask(path)[0] == 404


@pytest.mark.parametrize(
    ("where", "content_type"),
    [
        ("query", ""),
        ("form", "application/x-www-form-urlencoded"),
        ("form", "Application/X-WWW-Form-URLencoded; charset=UTF-8"),
    ],
)
def test_options_may_stand_in_the_url_or_in_a_form(service, where, content_type):
    headers = {"content-type": content_type}
    options = b"m=no+disk&s=7"
    path = f"/snitch/{KEY}.backup"
    given = {"query": options} if where == "query" else {"body": options, "headers": headers}
    assert service.ask(path, **given)[0] == 200
    (signal,) = service.signals()
    assert (str(signal.kind), signal.exit_status, signal.body) == ("fail", 7, "no disk")


def test_what_better_stack_calls_output_is_no_form(service):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    service.ask(f"/betterstack/api/v1/heartbeat/{KEY}.backup/1", body=b"a=1&b", headers=headers)
    assert service.signals()[0].body == "a=1&b"


def test_of_several_check_ins_the_known_ones_count(service):
    assert service.ask(**envelope({"monitor_slug": "nobody"}, {}))[0] == 200
    assert len(service.signals()) == 1


def test_while_the_store_is_away_it_is_to_be_sent_again(service, monkeypatch):
    def refuse(*_):
        raise StoreUnavailable("gone")

    monkeypatch.setattr(service.store, "commit", refuse)
    for url in URLS:
        status, text, _ = told(service, url)
        assert (status, "send it again" in text) == (503, True)


class TestCreate:
    def job(self, service, slug="new"):
        found = service.store.load([slug]).get(slug)
        return found.job if found else None

    def test_a_monitor_config_makes_the_job_and_who_hears_of_the_service_hears_of_it(self, service):
        assert service.ask(**envelope({"monitor_slug": "new", "monitor_config": CONFIG}, create=True))[0] == 200
        job = self.job(service)
        assert (job.schedule, job.timezone, job.source, job.notify) == (
            ("0 9 * * *",),
            "Asia/Tokyo",
            "sentry",
            ("ops",),
        )
        assert [str(signal.kind) for signal in service.signals("new")] == ["success"]

    def test_not_without_being_asked(self, service):
        assert service.ask(**envelope({"monitor_slug": "new", "monitor_config": CONFIG}))[0] == 404
        assert self.job(service) is None

    def test_another_config_changes_its_own_job(self, service):
        service.ask(**envelope({"monitor_slug": "new", "monitor_config": CONFIG}, create=True))
        service.time += 60_000
        later = CONFIG | {"timezone": "Europe/Berlin"}
        service.ask(**envelope({"monitor_slug": "new", "monitor_config": later}, create=True))
        assert self.job(service).timezone == "Europe/Berlin"

    def test_a_job_of_somebody_else_is_left_as_it_is(self, service):
        before = self.job(service, "backup")
        assert service.ask(**envelope({"monitor_config": CONFIG}, create=True))[0] == 200
        assert self.job(service, "backup") == before
        assert len(service.signals()) == 1

    def test_a_removed_job_is_made_again(self, service):
        new = envelope({"monitor_slug": "new", "monitor_config": CONFIG}, create=True)
        service.ask(**new)
        service.writer.forget_jobs()
        assert service.ask(**new)[0] == 200

    def test_a_wrong_config_says_what_is_wrong(self, service):
        wrong = {"monitor_slug": "new", "monitor_config": CONFIG | {"timezone": "Mars/Base"}}
        status, text, _ = service.ask(**envelope(wrong, create=True))
        assert (status, "Mars/Base" in text, self.job(service)) == (404, True, None)


def test_too_many_waiting_is_busy(service):
    """The server's front: one check-in is taken, the other is not, so that all of it is sent again."""
    import asyncio  # noqa: PLC0415 - only here is a loop

    class Front:
        def __init__(self, gate):
            self.now, self.is_key, self.taken = gate.now, gate.is_key, []

        def hand_on(self, letter, ping):
            if self.taken:
                return False
            self.taken.append(ping)
            letter.outcome = PingOutcome.STORED
            letter.done()
            return True

    asked, sent = envelope({}, {}), []

    async def receive():
        return {"type": "http.request", "body": asked["body"], "more_body": False}

    async def send(message):
        sent.append(message)

    headers = [(b"content-encoding", b"gzip")]
    scope = {"type": "http", "path": asked["path"], "raw_path": asked["path"].encode()}
    app = App(Front(service.gate), dict, None)
    asyncio.run(app(scope | {"query_string": asked["query"], "headers": headers}, receive, send))
    assert (sent[0]["status"], dict(sent[0]["headers"])[b"retry-after"]) == (503, b"2")


@pytest.mark.parametrize(
    ("raw_path", "query", "headers"),
    [
        (b"/healthz", b"", [(b"a", b"b")] * 101),
        (b"/healthz" + b"x" * 64_000, b"", []),
        (b"/ping/k3y/backup", b"x" * 64_000, []),
        (b"/healthz", b"", [(b"a", b"x" * 64_000)]),
    ],
)
def test_a_head_that_is_too_large_is_refused_under_any_server(service, raw_path, query, headers):
    import asyncio  # noqa: PLC0415 - only here is a loop

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": "/healthz", "raw_path": raw_path, "query_string": query, "headers": headers}
    asyncio.run(App(service.gate, dict, None)(scope, None, send))
    assert (sent[0]["status"], dict(sent[0]["headers"])[b"connection"]) == (431, b"close")


UNREAD = [
    ("/sentry/api/42/envelope/", b"sentry_key=wrong", b"no envelope", 403),
    ("/sentry/create/api/42/envelope/", b"sentry_key=wrong", b"no envelope", 403),
    ("/sentry/api/42/envelope/", b"", b'{"dsn": "https://wrong@x/42"}\nno item', 403),
    ("/sentry/api/42/envelope/", b"", b'{"dsn": "https://\\ud800@x/42"}\nno item', 403),
    ("/sentry/api/42/envelope/", b"", b"{}\nno item", 403),
    ("/sentry/api/42/cron/backup/wrong", b"status=no-status", b"", 403),
    ("/sentry/api/42/cron/backup", b"status=no-status", b"", 403),
    ("/alertmanager/wrong.backup", b"", b"no JSON", 404),
]


@pytest.mark.parametrize(("path", "query", "body", "status"), UNREAD)
def test_without_a_key_nothing_more_is_read(service, path, query, body, status):
    """What is wrong behind the key would be a 400."""
    assert service.ask(path, query=query, body=body)[0] == status


def test_a_first_line_is_all_that_is_unpacked_for_the_key(service):
    """Four megabytes that are no envelope: with the key this is 413."""
    body = gzip.compress(b'{"dsn": "https://%s@x/42"}\n' + b"0" * (5 << 20))
    given = {"headers": {"content-encoding": "gzip"}, "body": body}
    assert service.ask(ENVELOPE, **given)[0] == 403
    assert service.ask(ENVELOPE, query=b"sentry_key=" + KEY.encode(), **given)[0] == 413


def test_what_a_zone_may_have_meant_is_not_looked_for(service, monkeypatch):
    def dear(*_, **__):
        raise AssertionError

    monkeypatch.setattr("difflib.get_close_matches", dear)
    config = CONFIG | {"timezone": "Asia/Tokio"}
    status, text, _ = service.ask(**envelope({"monitor_slug": "new", "monitor_config": config}, create=True))
    assert status == 404
    assert "timezone 'Asia/Tokio' is no time zone; use an IANA name such as Asia/Tokyo or UTC" in text


@pytest.mark.parametrize(
    "config",
    [
        {"timezone": "../../etc/passwd"},
        {"timezone": "Europe/" + "x" * 100_000},
        {"timezone": {"a": 1}},
        {"schedule": {"type": "crontab", "value": "0 9 * * *\n" * 10_000}},
        {"schedule": {"type": "crontab", "value": "0 9 * * " + "*" * 100_000}},
        {"schedule": {"type": "interval", "value": [[[]]], "unit": "\ud800"}},
        {"schedule": [[[[]]]]},
    ],
)
def test_a_definition_that_is_none_makes_nothing_and_is_said_shortly(service, config):
    status, text, _ = service.ask(**envelope({"monitor_slug": "new", "monitor_config": CONFIG | config}, create=True))
    assert (status, list(service.store.names("", 10))) == (404, ["backup"])
    assert "monitor_config: " in text
    assert len(text) < 400


def test_a_definition_is_kept_without_what_nothing_can_hold(service):
    config = CONFIG | {"owner": "team \ud800 \0" + "x" * 1_000}
    assert service.ask(**envelope({"monitor_slug": "new", "monitor_config": config}, create=True))[0] == 200
    assert service.store.load(["new"])["new"].job.owner == "team ? \ufffd" + "x" * 92


def test_fifty_check_ins_an_envelope(service):
    values = [{"monitor_slug": f"job-{at}", "monitor_config": CONFIG} for at in range(51)]
    status, text, _ = service.ask(**envelope(*values, create=True))
    assert (status, "an envelope has 51 check-ins; send at most 50 in one" in text) == (413, True)
    assert service.ask(**envelope(*values[:50], create=True))[0] == 200
    assert len(list(service.store.names("", 100))) == 51


def test_a_large_body_is_for_those_who_have_a_key(service):
    labels = b'{"status": "firing", "labels": {}},' * 8_000
    given = {"body": b'{"alerts": [' + labels + b'{"status": "firing", "labels": {}}]}'}
    assert service.ask(f"/alertmanager/{KEY}.backup", **given)[0] == 200
    assert service.ask(f"/alertmanager/{service.uuid}", **given)[0] == 413
