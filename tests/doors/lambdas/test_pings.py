"""Pings by function URL: events as Lambda makes them, answers as it wants them."""

import base64
import json

import pytest

from heartbeat.config.declared import compiled
from heartbeat.config.reader import read
from heartbeat.core.definition import founding
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.ping_work import Pings
from heartbeat.errors import StoreUnavailable
from heartbeat.model import Job
from heartbeat.store.sqlite.store import SQLiteStore

NOW = 1_795_000_000_000
KEY = "k3y-of-the-stack"


def event(path, method="GET", **parts):
    """A request in payload format 2.0; parts: query, headers, body, encoded."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": parts.get("query", ""),
        "headers": {"host": "abc.lambda-url.eu-west-1.on.aws", **parts.get("headers", {})},
        "requestContext": {"http": {"method": method, "path": path}},
        "isBase64Encoded": parts.get("encoded", False),
        **({"body": parts["body"]} if "body" in parts else {}),
    }


@pytest.fixture
def store():
    store = SQLiteStore(":memory:")
    store.commit([founding(Job(slug="backup", schedule=("every 1h",)), NOW)])
    return store


@pytest.fixture
def jobs(tmp_path):
    path = tmp_path / "jobs.json"
    path.write_bytes(compiled(read("channels: {screen: {console: {}}}\njobs: {}\n")))
    return path


@pytest.fixture
def journal(request):
    """Powertools keeps one logger a name, with the stream that it began with."""
    return Journal(request.node.name, lambda: NOW / 1000)


@pytest.fixture
def pings(store, jobs, journal):
    return Pings(store, [KEY], jobs, journal, lambda: NOW)


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_ping_is_recorded_before_it_is_answered(pings, store, capsys):
    answer = pings.answer(event(f"/ping/{KEY}/backup"))
    assert (answer["statusCode"], answer["body"]) == (200, "OK")
    assert answer["headers"]["ping-body-limit"] == "10000"
    assert store.load(["backup"])["backup"].state.last_success == NOW
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("encoded", [False, True])
def test_a_body_is_kept(pings, store, encoded):
    text = "rows: 3 ✓"
    body = base64.b64encode(text.encode()).decode() if encoded else text
    assert pings.answer(event(f"/ping/{KEY}/backup/1", "POST", body=body, encoded=encoded))["statusCode"] == 200
    signal = store.history("backup", 1)[0].signal
    assert (signal.body, signal.exit_status) == (text, 1)


def test_six_megabytes_are_taken_and_the_beginning_is_kept(pings, store):
    assert pings.answer(event(f"/ping/{KEY}/backup", "POST", body="x" * 6_000_000))["statusCode"] == 200
    assert store.history("backup", 1)[0].signal.body == "x" * 10_000


def test_a_head_request_gets_no_body(pings):
    assert pings.answer(event(f"/ping/{KEY}/backup", "HEAD"))["body"] == ""


def test_the_id_of_the_client_makes_a_doubled_ping_one(pings, store):
    for _ in range(2):
        pings.answer(event(f"/ping/{KEY}/backup", headers={"Heartbeat-Id": "once"}))
    assert store.load(["backup"])["backup"].state.signals == 1


def test_a_job_is_pinged_by_its_uuid_without_a_key(pings, store):
    uuid = store.load(["backup"])["backup"].uuid
    assert pings.answer(event(f"/ping/{uuid}/start"))["statusCode"] == 200
    assert store.history("backup", 1)[0].signal.kind == "start"


def test_a_wrong_key_is_not_found_and_counted(pings, capsys):
    answer = pings.answer(event("/ping/wrong-key/backup"))
    assert (answer["statusCode"], answer["body"]) == (404, "not found")
    line, metric = lines(capsys)
    assert (line["event"], line["status"]) == ("refused", 404)
    assert line["service"] == metric["service"] == "test_a_wrong_key_is_not_found_and_counted"
    assert metric["RefusedPings"] == [1.0]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Heartbeat"


def test_no_key_is_ever_in_a_log_line(pings, capsys):
    pings.answer(event(f"/ping/{KEY}/bakcup"))
    pings.answer(event(f"/ping/{KEY}/UPPER"))
    assert KEY not in capsys.readouterr().out


def test_an_unknown_job_is_answered_with_the_nearest_name_and_counted(pings, store):
    answer = pings.answer(event(f"/ping/{KEY}/bakcup"))
    assert (answer["statusCode"], answer["headers"]["heartbeat-hint"]) == (404, "did you mean backup?")
    assert store.document("strays").value == {"bakcup": {"count": 1, "first": NOW, "last": NOW}}


def test_a_job_is_made_on_request_for_those_who_hear_about_the_service(pings, store):
    answer = pings.answer(event(f"/ping/{KEY}/fresh", query="create=1"))
    assert (answer["statusCode"], answer["body"]) == (201, "Created")
    assert store.load(["fresh"])["fresh"].job.notify == ("screen",)


def test_other_services_clients_are_answered_in_their_own_words(pings, store):
    answer = pings.answer(event(f"/kuma/api/push/{KEY}.backup", query="status=down&msg=no%20disk"))
    assert (answer["statusCode"], answer["body"]) == (200, '{"ok":true}')
    assert answer["headers"]["content-type"] == "application/json"
    signal = store.history("backup", 1)[0].signal
    assert (signal.kind, signal.body) == ("fail", "no disk")


def test_a_check_in_makes_its_job_when_the_address_says_so(pings, store):
    value = {
        "monitor_slug": "made",
        "status": "ok",
        "monitor_config": {"schedule": {"type": "crontab", "value": "0 9 * * *"}},
    }
    body = base64.b64encode(b'{}\n{"type":"check_in"}\n' + json.dumps(value).encode()).decode()
    path = "/sentry/create/api/42/envelope/"
    answer = pings.answer(event(path, "POST", query=f"sentry_key={KEY}", body=body, encoded=True))
    assert (answer["statusCode"], answer["body"]) == (200, "{}")
    job = store.load(["made"])["made"].job
    assert (job.schedule, job.source, job.notify) == (("0 9 * * *",), "sentry", ("screen",))


@pytest.mark.parametrize(
    ("broken", "status"),
    [
        ({}, 404),
        ({"rawPath": None, "headers": None, "requestContext": {}}, 404),
        (event(f"/ping/{KEY}/backup", query="rid=no-uuid"), 400),
        (event(f"/ping/{KEY}/backup/256"), 400),
        (event(f"/ping/{KEY}/backup", body="%%%", encoded=True), 200),
        (event("/ping/\u0000/../\U0001f480"), 404),
        (event("/" + "x" * 100_000), 404),
    ],
)
def test_odd_requests_are_answered(pings, broken, status):
    assert pings.answer(broken)["statusCode"] == status


class Away(SQLiteStore):
    """A table that takes no writes once it is away."""

    away = False

    def commit(self, changes):
        if self.away:
            raise StoreUnavailable("DynamoDB refused UpdateItem: ThrottlingException: slow down; try again later")
        return super().commit(changes)


def test_when_the_table_is_away_the_sender_is_told_to_come_back(jobs, journal, capsys):
    away = Away(":memory:")
    away.commit([founding(Job(slug="backup", schedule=("every 1h",)), NOW)])
    away.away = True
    answer = Pings(away, [KEY], jobs, journal, lambda: NOW).answer(event(f"/ping/{KEY}/backup"))
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "2")
    assert answer["body"] == "busy: not recorded, send it again"
    assert [line["event"] for line in lines(capsys) if "event" in line] == ["store_away", "refused"]
