"""Which run a message is, what is known of it, and for how long SQS hides it."""

import http.server
import json
import threading
from dataclasses import replace
from uuid import uuid4

import pytest
from receiver import Receiver, listening

from heartbeat.core.definition import founding
from heartbeat.doors.api.app import Api, ApiRequest
from heartbeat.errors import BadSetting
from heartbeat.model import Job, Kind, Signal
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs import api_keys
from heartbeat.verbs.record import Recorder
from heartbeat.worker.messages import QueueMessage, read
from heartbeat.worker.queue import again, left
from heartbeat.worker.run_claims import RunStanding, judged, of_api, of_environment, of_store

RUN = "0b7c9d6e-1111-4222-8333-444444444444"
ID = "5fea7756-0ea4-451a-a703-a558b933e274"
NOW = 1_764_316_800_000
MINUTE = 60_000
MINE = QueueMessage(id=ID, receipt="r", queue="q", job="settle", run_id=RUN)
OTHER = replace(MINE, id="another")


def raw(body="{}", **attributes):
    named = {name.replace("_", "-"): {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
    return {"MessageId": ID, "ReceiptHandle": "r", "Body": body, "MessageAttributes": named}


def found(message, job="other"):
    made = read(message, queue="q", job=job, since=0.0)
    return made.job, made.run_id, made.slot


FOREIGN = "022ca6b1-5cd8-564b-9c35-4b8285df2031"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (raw(Heartbeat_Job="settle", Heartbeat_Run=RUN, Heartbeat_Slot="2026-11-28"), ("settle", RUN, "2026-11-28")),
        (raw(Heartbeat_Job="settle", Heartbeat_Run=RUN.upper()), ("settle", RUN, "")),
        (raw(f'{{"job": "settle", "run_id": "{RUN}", "slot": null}}'), ("settle", RUN, "")),
        (raw(f'{{"job": "a", "run_id": "{RUN}"}}', Heartbeat_Job="b", Heartbeat_Run=RUN), ("b", RUN, "")),
        (raw('{"job": "unload"}'), ("other", FOREIGN, "")),
        (raw('{"job": 7, "run_id": "x"}'), ("other", FOREIGN, "")),
        (raw('{"job": "../x", "run_id": "x"}'), ("other", FOREIGN, "")),
        (raw("[" * 100_000), ("other", FOREIGN, "")),
        (raw('{"job": "settle", "run_id": "7", "slot": "noon"}'), ("settle", FOREIGN, "")),
        *(
            (raw(f'{{"job": "settle", "run_id": "{RUN}", "slot": "2026-11-28{odd}09:00"}}'), ("settle", RUN, ""))
            for odd in ("\\u0000", "\\ud800", "\\n", "日")
        ),
        (raw('{"job": "settle", "run_id": "\\ud800"}'), ("settle", FOREIGN, "")),
        (raw("plain text"), ("other", FOREIGN, "")),
    ],
)
def test_which_run_a_message_is(message, expected):
    assert found(message) == expected


def test_how_often_it_was_delivered():
    assert read(raw() | {"Attributes": {"ApproximateReceiveCount": "3"}}, queue="q", job="j", since=0.0).count == 3
    assert read(raw(), queue="q", job="j", since=0.0).count == 1


MY, THEIR = ("start", f"message {ID}"), ("start", "message another")


@pytest.mark.parametrize(
    ("heard", "expired", "expected"),
    [
        ([], False, RunStanding.FREE),
        ([MY], False, RunStanding.FREE),
        ([THEIR], False, RunStanding.ELSEWHERE),
        ([THEIR, MY], False, RunStanding.ELSEWHERE),
        ([MY, THEIR], False, RunStanding.FREE),
        ([THEIR], True, RunStanding.FREE),
        ([THEIR, ("fail", "")], False, RunStanding.FREE),
        ([THEIR, ("fail", ""), MY], False, RunStanding.FREE),
        ([("fail", ""), THEIR], False, RunStanding.ELSEWHERE),
        ([THEIR, ("success", "")], False, RunStanding.DONE),
        ([MY, ("success", ""), ("fail", "")], False, RunStanding.DONE),
        ([("start", "the job itself")], False, RunStanding.FREE),
        ([("log", "message another")], False, RunStanding.FREE),
    ],
)
def test_where_a_run_stands(heard, expired, expected):
    assert judged(heard, f"message {ID}", expired=expired) is expected


@pytest.fixture
def store():
    made = SQLiteStore(":memory:")
    job = Job(slug="settle", schedule=("every 1h",), grace=10 * MINUTE, max_runtime=30 * MINUTE, notify=("ops",))
    made.commit([founding(job, NOW)])
    return made


@pytest.fixture
def hear(store):
    def hear(kind, body="", minute=0, run=RUN, source="ping"):
        at = NOW + minute * MINUTE
        ident = str(uuid4())
        told = Signal(
            slug="settle", kind=Kind(kind), at=at, received=at, id=ident, run_id=run, body=body, source=source
        )
        Recorder(store).record([told])

    return hear


class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        headers = {name.lower(): text for name, text in self.headers.items()}
        answer = self.server.api.answer(ApiRequest(method="GET", path=self.path, headers=headers))
        data = json.dumps(answer.value).encode()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def api(store):
    """Its URL and a key that may look."""
    with http.server.HTTPServer(("127.0.0.1", 0), Door) as server:
        server.api = Api(store, lambda: NOW + MINUTE)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", api_keys.add(store, "worker", api_keys.Rights.READ, NOW)
        server.shutdown()
        thread.join()


@pytest.fixture(params=["store", "api"])
def ask(request, store, api):
    return of_store(store) if request.param == "store" else of_api(*api)


def test_whoever_knows_the_run_is_asked(ask, hear):
    assert ask(MINE) is RunStanding.FREE
    hear("log", "started: message 7", source="trigger")
    hear("start", "message another", minute=1, run=str(uuid4()))
    assert ask(MINE) is RunStanding.FREE
    hear("start", f"message {ID}", minute=2)
    hear("start", "message another", minute=3)
    assert (ask(MINE), ask(OTHER)) == (RunStanding.FREE, RunStanding.ELSEWHERE)
    hear("fail", minute=4)
    assert (ask(MINE), ask(OTHER)) == (RunStanding.FREE, RunStanding.FREE)
    hear("start", "message another", minute=5)
    assert (ask(MINE), ask(OTHER)) == (RunStanding.ELSEWHERE, RunStanding.FREE)
    hear("success", minute=6)
    assert (ask(MINE), ask(OTHER)) == (RunStanding.DONE, RunStanding.DONE)


def test_a_job_that_is_not_there_has_no_runs(store):
    assert of_store(store)(replace(MINE, job="nobody")) is RunStanding.FREE


def test_a_key_goes_to_nobody_else_and_is_shown_to_nobody(capsys):
    with listening(Receiver()) as moved, listening(Receiver()) as elsewhere:
        moved.otherwise = (302, {"Location": f"{elsewhere.url}/x"}, b"no longer here, hbm_of_ours")
        assert of_api(moved.url, "hbm_of_ours")(MINE) is RunStanding.UNKNOWN
        assert (len(moved.asked), elsewhere.asked) == (1, [])
    assert capsys.readouterr().err.endswith("answered 302 no longer here, …\n")


def test_who_does_not_answer_keeps_nobody_from_working(api, capsys):
    url, _ = api
    assert of_api(url, "hbm_wrong")(MINE) is RunStanding.UNKNOWN
    assert "answered 401" in capsys.readouterr().err
    assert of_api("http://127.0.0.1:9", "hbm_x")(MINE) is RunStanding.UNKNOWN
    assert capsys.readouterr().err.startswith(
        "heartbeat: beginning the run without knowing whether it is done or under way: http://127.0.0.1:9: "
    )


def test_the_environment_names_the_api(monkeypatch, api, hear):
    for name in ("HEARTBEAT_API", "HEARTBEAT_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert of_environment() is None
    monkeypatch.setenv("HEARTBEAT_API", api[0])
    with pytest.raises(BadSetting, match="go together; set both, or neither"):
        of_environment()
    monkeypatch.setenv("HEARTBEAT_API_KEY", api[1])
    hear("success")
    assert of_environment()(MINE) is RunStanding.DONE
    monkeypatch.setenv("HEARTBEAT_API", "heartbeat.example.org")
    with pytest.raises(BadSetting, match="HEARTBEAT_API is 'heartbeat"):
        of_environment()


@pytest.mark.parametrize(
    ("count", "first", "expected"),
    [(1, 30, 30), (2, 30, 60), (5, 30, 480), (6, 30, 900), (99, 30, 900), (1, 3600, 3600), (3, 3600, 3600), (4, 0, 0)],
)
def test_when_a_message_that_failed_comes_back(count, first, expected):
    assert again(count, first) == expected


def test_sqs_hides_a_message_for_twelve_hours_and_no_longer():
    message = replace(MINE, since=100.0)
    assert left(message, 100.0) == 43_199
    assert left(message, 100.0 + 43_000) == 199
    assert left(message, 100.0 + 50_000) == 0
