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
from heartbeat.model import DAY, HOUR, MINUTE, Job
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs import ping_keys

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


# Keys that the table keeps


class Told:
    """The ping function of a stack without PingKey, at a time that the test sets; `reads`: of the table's documents."""

    def __init__(self, store, jobs, journal):
        self.now, self.reads = NOW, 0
        self._document, store.document = store.document, self._counted
        self.pings = Pings(store, (), jobs, journal, lambda: self.now)

    def _counted(self, name):
        self.reads += name.startswith("ping-key")
        return self._document(name)

    def status(self, key, after=0):
        self.now += after
        return self.pings.answer(event(f"/ping/{key}/backup"))["statusCode"]


@pytest.fixture
def told(store, jobs, journal):
    return Told(store, jobs, journal)


def test_key_rotate_is_taken_up_by_a_function_that_runs(told, store):
    old, _ = ping_keys.first(store)
    assert told.status(old) == 200
    new = ping_keys.rotate(store, NOW + HOUR, DAY).newest
    assert [told.status(new, after=HOUR), told.status(old)] == [200, 200]
    assert [told.status(new, after=DAY), told.status(old)] == [200, 404]


def test_an_old_key_is_refused_at_its_end_though_nobody_came_with_the_new_one(told, store):
    old, _ = ping_keys.first(store)
    assert told.status(old) == 200
    ping_keys.rotate(store, NOW, 5 * MINUTE)
    assert [told.status(old, after=9 * MINUTE), told.status(old, after=2 * MINUTE)] == [200, 404]


def test_wrong_keys_cost_one_look_in_five_seconds_and_right_ones_none(told, store):
    old, _ = ping_keys.first(store)
    told.reads = 0
    assert {told.status(f"wrong-key-{n}", after=100) for n in range(100)} == {404}
    assert told.reads <= 2 * 3
    told.reads = 0
    assert {told.status(old, after=100) for _ in range(100)} == {200}
    assert told.reads == 0


def test_a_stack_with_keys_of_its_own_says_so_to_key_rotate_and_one_without_takes_it_back(store, jobs, journal):
    Pings(store, [KEY, "another-key"], jobs, journal, lambda: NOW)
    assert ping_keys.read(store, NOW).given == 2
    Pings(store, (), jobs, journal, lambda: NOW)
    assert ping_keys.read(store, NOW).given == 0
