"""The API: who may do what, and what is answered."""

import json
import re
from pathlib import Path

import pytest

from heartbeat.core.definition import founding
from heartbeat.doors.api.app import Api, ApiRequest
from heartbeat.errors import StoreUnavailable
from heartbeat.model import HOUR, MINUTE, Job, Kind, Signal, Silence
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs import api_keys
from heartbeat.verbs.record import Recorder
from heartbeat.verbs.service_state import edit_silences
from heartbeat.verbs.sweep import sweep

NOW = 1_795_305_600_000
DOCS = Path(__file__).parents[3] / "docs" / "api.md"


class World:
    def __init__(self):
        self.store, self.now = SQLiteStore(":memory:"), NOW
        jobs = (Job(slug=slug, schedule=("every 1h",)) for slug in ("backup", "report", "settle"))
        self.store.commit([founding(job, NOW) for job in jobs])
        sweep(self.store, NOW)
        self.api = Api(self.store, lambda: self.now)
        self.write = api_keys.add(self.store, "me", api_keys.Rights.WRITE, NOW)
        self.read = api_keys.add(self.store, "grafana", api_keys.Rights.READ, NOW)

    def ask(self, method, path, body=None, *, key=None, **query):
        token = self.write if key is None else key
        headers = {"authorization": f"Bearer {token}"} if token else {}
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.api.answer(ApiRequest(method=method, path=path, query=query, headers=headers, body=raw))
        return answer.status, json.loads(json.dumps(answer.value, ensure_ascii=False).encode())


@pytest.fixture
def world():
    return World()


class TestHealth:
    def test_is_open_to_everybody(self, world):
        status, value = world.ask("GET", "/healthz", key="")
        assert (status, value["ok"], value["last_sweep_seconds"]) == (200, True, 0.0)

    def test_is_bad_when_nobody_sweeps(self, world):
        world.now += 3 * MINUTE + 1
        assert world.ask("HEAD", "/healthz", key="")[0] == 503

    def test_is_bad_before_the_first_sweep(self):
        answer = Api(SQLiteStore(":memory:"), lambda: NOW).answer(ApiRequest(method="GET", path="/healthz"))
        assert (answer.status, answer.value["ok"], answer.value["last_sweep_seconds"]) == (503, False, None)


class TestKeys:
    @pytest.mark.parametrize("header", [{}, {"authorization": "Basic x"}, {"authorization": "Bearer "}])
    def test_without_one_nothing_is_told(self, world, header):
        answer = world.api.answer(ApiRequest(method="GET", path="/api/jobs", headers=header))
        assert (answer.status, "send a management key" in answer.value["error"]) == (401, True)
        assert answer.headers == {"www-authenticate": "Bearer"}

    def test_an_unknown_one_opens_nothing(self, world):
        assert world.ask("GET", "/api/jobs", key="hbm_0000000000000000000000000000")[0] == 401

    def test_one_that_was_removed_opens_nothing(self, world):
        api_keys.remove(world.store, "grafana")
        assert world.ask("GET", "/api/jobs", key=world.read)[0] == 401

    def test_a_reader_may_look_and_not_act(self, world):
        assert world.ask("GET", "/api/jobs", key=world.read)[0] == 200
        status, value = world.ask("POST", "/api/jobs/backup/pause", key=world.read)
        assert (status, value["error"]) == (403, "the key of grafana may only look; ask with one that may act")
        assert world.store.load(["backup"])["backup"].state.status == "waiting"


class TestJobs:
    def test_are_listed_page_by_page(self, world):
        status, value = world.ask("GET", "/api/jobs", limit="2")
        assert (status, [job["job"] for job in value["jobs"]], value["after"]) == (200, ["backup", "report"], "report")
        _, value = world.ask("GET", "/api/jobs", limit="2", after="report")
        assert ([job["job"] for job in value["jobs"]], value["after"]) == (["settle"], None)

    def test_one_is_explained(self, world):
        signal = Signal(slug="backup", kind=Kind.FAIL, at=NOW + 1, received=NOW + 1, body="disk full")
        Recorder(world.store).record([signal])
        status, value = world.ask("GET", "/api/jobs/backup")
        assert (status, value["status"], value["incident"]["reason"]) == (200, "down", "fail_signal")
        assert "disk full" in json.dumps(value["slots"] + value["notes"])

    def test_an_unknown_one_is_not_found_and_the_nearest_is_named(self, world):
        status, value = world.ask("GET", "/api/jobs/bakcup")
        assert (status, value["error"]) == (404, "no job is named 'bakcup'; did you mean 'backup'?")

    def test_is_paused_and_resumed(self, world):
        status, value = world.ask("POST", "/api/jobs/backup/pause", {"for": "2h", "reason": "moving house"})
        assert (status, value["status"], value["pause_reason"]) == (200, "paused", "moving house")
        assert value["paused_until"] == "2026-11-22T02:00:00Z"
        assert world.ask("POST", "/api/jobs/backup/resume")[1]["status"] != "paused"
        status, value = world.ask("POST", "/api/jobs/backup/resume")
        assert (status, "is not paused" in value["error"]) == (409, True)

    @pytest.mark.parametrize(
        ("until", "end"),
        [("2026-11-22T09:00+09:00", None), ("2026-11-22T10:00+09:00", "01:00"), ("2026-11-22T06:30", "06:30")],
    )
    def test_is_paused_until_a_time_which_without_an_offset_is_the_jobs(self, world, until, end):
        status, value = world.ask("POST", "/api/jobs/backup/pause", {"until": until})
        if end is None:
            assert (status, value["error"]) == (400, f"that ends at once: {until} is not in the future")
        else:
            assert (status, value["paused_until"]) == (200, f"2026-11-22T{end}:00Z")

    def test_a_pause_that_cannot_be_read_changes_nothing(self, world):
        for body in ({"unitl": "2026-11-23"}, {"for": "1h", "until": "2026-11-23"}, {"until": ""}):
            assert world.ask("POST", "/api/jobs/backup/pause", body)[0] == 400
        assert world.store.load(["backup"])["backup"].state.status == "waiting"

    def test_an_incident_is_acknowledged(self, world):
        assert world.ask("POST", "/api/jobs/backup/ack", {"by": "you"})[0] == 409
        Recorder(world.store).record([Signal(slug="backup", kind=Kind.FAIL, at=NOW + 1, received=NOW + 1)])
        status, value = world.ask("POST", "/api/jobs/backup/ack", {"by": "you"})
        assert (status, value["incident"]["acked_by"]) == (200, "you")
        assert world.ask("POST", "/api/jobs/backup/ack")[1]["incident"]["acked_by"] == "me"  # whose key it is


class TestRuns:
    @pytest.fixture
    def settled(self, world):
        """Three runs of settle an hour from each other, the last without an id."""
        for hour, kind, run_id in ((1, Kind.SUCCESS, "r1"), (2, Kind.FAIL, "r/2"), (3, Kind.SUCCESS, "")):
            at = NOW + hour * HOUR - MINUTE
            signal = Signal(slug="settle", kind=kind, at=at, received=at, run_id=run_id, exit_status=hour - 1 or None)
            Recorder(world.store).record([signal])
        return world

    def test_are_listed_newest_first_for_a_key_that_may_look(self, settled):
        status, value = settled.ask("GET", "/api/jobs/settle/runs", key=settled.read)
        assert (status, value["after"]) == (200, None)
        assert [(run["run_id"], run["end"]) for run in value["runs"]] == [
            (None, "done"),
            ("r/2", "failed"),
            ("r1", "done"),
        ]

    def test_have_the_names_that_the_command_line_has(self, settled):
        first = settled.ask("GET", "/api/jobs/settle/runs")[1]["runs"][1]
        assert first == {
            "run_id": "r/2",
            "slot": "2026-11-22T01:59:00Z",
            "end": "failed",
            "words": "failed",
            "reason": "exit_status",
            "by": "",
            "attempts": 0,
            "answer": "",
            "triggered_at": None,
            "started_at": None,
            "finished_at": "2026-11-22T01:59:00Z",
            "duration_seconds": None,
            "exit_status": 1,
            "output": "",
            "log_url": "",
        }

    def test_come_page_by_page(self, settled):
        seen, after = [], ""
        for _ in range(3):
            _, value = settled.ask("GET", "/api/jobs/settle/runs", limit="1", after=after)
            seen += [run["run_id"] for run in value["runs"]]
            after = value["after"]
        assert (seen, after) == ([None, "r/2", "r1"], None)

    def test_a_job_may_have_none(self, world):
        assert world.ask("GET", "/api/jobs/settle/runs") == (200, {"runs": [], "after": None})

    @pytest.mark.parametrize(("path", "run_id"), [("r1", "r1"), ("r%2F2", "r/2"), ("r/2", "r/2")])
    def test_one_is_found_by_its_id(self, settled, path, run_id):
        status, value = settled.ask("GET", f"/api/jobs/settle/runs/{path}", key=settled.read)
        assert (status, value["run_id"]) == (200, run_id)

    @pytest.mark.parametrize(
        ("path", "told"),
        [
            ("settle/runs/r", "settle has no run 'r'; GET /api/jobs/settle/runs lists them"),
            ("backup/runs/r2", "backup has no run 'r2'; GET /api/jobs/backup/runs lists them"),
            ("settel/runs", "no job is named 'settel'; did you mean 'settle'?"),
            ("settel/runs/r2", "no job is named 'settel'; did you mean 'settle'?"),
            ("settle/runs/%ff%00", "settle has no run '\\ufffd\\x00'; GET /api/jobs/settle/runs lists them"),
        ],
    )
    def test_one_that_is_not_there_is_not_found(self, settled, path, told):
        assert settled.ask("GET", f"/api/jobs/{path}") == (404, {"error": told})

    @pytest.mark.parametrize("after", ["r2", "9" * 16 + ":", "-1:r2", "\ud800"])
    def test_where_a_page_begins_is_what_the_page_before_said(self, settled, after):
        status, value = settled.ask("GET", "/api/jobs/settle/runs", after=after)
        assert (status, "give the `after` of the page before" in value["error"]) == (400, True)

    def test_without_a_key_nothing_is_told(self, settled):
        assert settled.ask("GET", "/api/jobs/settle/runs/r2", key="")[0] == 401
        assert settled.ask("POST", "/api/jobs/settle/runs")[0] == 405


class TestSilences:
    def test_come_and_go(self, world):
        status, made = world.ask("POST", "/api/silences", {"selector": "back*", "for": "1h"})
        assert (status, made["active"], made["author"]) == (200, True, "me")
        assert world.ask("GET", "/api/silences")[1] == {"silences": [made]}
        assert world.ask("GET", "/api/jobs/backup")[1]["silenced_until"] == "2026-11-22T01:00:00Z"
        assert world.ask("DELETE", f"/api/silences/{made['id']}") == (200, made | {"active": False})
        status, value = world.ask("DELETE", f"/api/silences/{made['id']}")
        assert (status, value["error"]) == (404, "there is no silence of this id; GET /api/silences lists them")

    def test_are_as_many_as_the_store_has_room_for(self, world):
        kept = [Silence(id=str(n), selector="a" * 500, start=NOW, end=NOW + HOUR) for n in range(200)]
        edit_silences(world.store, lambda _none: kept)
        status, value = world.ask("POST", "/api/silences", {"selector": "*", "until": "2026-11-23T00:00Z"})
        assert (status, value["error"]) == (409, "there are 200 silences already; end one first")
        world.now += HOUR  # they are over
        assert world.ask("POST", "/api/silences", {"selector": "*", "until": "2026-11-23T00:00Z"})[0] == 200


class TestMistakes:
    @pytest.mark.parametrize(
        ("asked", "status", "told"),
        [
            (("GET", "/", None), 404, "see /healthz and /api/jobs"),
            (("GET", "/api/jobs/UPPER", None), 404, "there is nothing here"),
            (("PUT", "/api/jobs", None), 405, "/api/jobs takes GET, not PUT"),
            (("POST", "/healthz", None), 405, "ask /healthz with GET"),
            (("POST", "/api/jobs/backup/pause", b"[]"), 400, "the body is no JSON object"),
            (("POST", "/api/jobs/backup/pause", b"{" * 60_000), 400, "the body is no JSON object"),
            (("POST", "/api/jobs/backup/pause", b"x" * 64_001), 400, "send at most 64000"),
            (("POST", "/api/jobs/backup/pause", {"for": 7}), 400, "'for' is no text"),
            (("POST", "/api/jobs/backup/pause", {"for": "soon"}), 400, "soon"),
            (("POST", "/api/jobs/backup/pause", {"reason": "x" * 501}), 400, "'reason' has 501 characters"),
            (("POST", "/api/jobs/backup/pause", b'{"reason": "\\ud800"}'), 400, "'reason' holds half of a character"),
            (
                ("POST", "/api/jobs/backup/pause", b'{"\\ud800": ""}'),
                400,
                "there is no '\\ud800' here, only for, until",
            ),
            (("POST", "/api/jobs/backup/pause", b'{"for": 1' + b"0" * 5_000 + b"}"), 400, "the body is no JSON object"),
            (("POST", "/api/jobs/backup/resume", {"for": "1h"}), 400, "there is no 'for' here, only an empty body"),
            (("POST", "/api/silences", {"selector": "*"}), 400, "'for' is missing: a silence always ends"),
            (("POST", "/api/silences", {"selector": "", "for": "1h"}), 400, "'selector' is missing"),
            (("POST", "/api/silences", {"selector": "*", "until": "2026-11-23"}), 400, "has no time zone"),
            (("DELETE", "/api/silences/0", None), 404, "GET /api/silences lists them"),
        ],
    )
    def test_are_answered_with_what_would_be_right(self, world, asked, status, told):
        found = world.ask(*asked)
        assert (found[0], told in found[1]["error"]) == (status, True), found

    @pytest.mark.parametrize("limit", ["", "0", "501", "x", "-1", "9" * 5_000, "\u0663"])
    def test_limits_are_bounded(self, world, limit):
        assert world.ask("GET", "/api/jobs", limit=limit)[0] == 400

    @pytest.mark.parametrize("after", ["x" * 101, "\0", "\ud800"])
    def test_where_a_page_begins_is_a_name(self, world, after):
        assert world.ask("GET", "/api/jobs", after=after)[0] == 400

    @pytest.mark.parametrize(
        ("path", "methods"),
        [("/api/jobs", "GET, HEAD"), ("/api/silences", "GET, POST, HEAD"), ("/healthz", "GET, HEAD")],
    )
    def test_another_method_is_answered_with_those_that_there_are(self, world, path, methods):
        answer = world.api.answer(ApiRequest(method="PATCH", path=path))
        assert (answer.status, answer.headers) == (405, {"allow": methods})


class TestAStoreThatIsAway:
    """What it said names accounts and roles: that is for the log."""

    SAID = "DynamoDB refused GetItem: User: arn:aws:sts::123456789012:assumed-role/hb is not authorized"

    @pytest.fixture
    def answer(self):
        class Away(SQLiteStore):
            def document(self, name):
                raise StoreUnavailable(f"{TestAStoreThatIsAway.SAID} ({name})")

        api = Api(Away(":memory:"), lambda: NOW)
        return lambda path: api.answer(ApiRequest(method="GET", path=path, headers={"authorization": "Bearer hbm_x"}))

    def test_health_is_bad_and_still_a_report(self, answer):
        found = answer("/healthz")
        assert (found.status, found.value["ok"], found.value["last_sweep_seconds"]) == (503, False, None)
        assert ("123456789012" in str(found.value), found.cause) == (False, f"{self.SAID} (clock)")

    def test_others_are_told_to_come_again(self, answer):
        found = answer("/api/jobs")
        told = "the store does not answer; ask again in a moment, the log says why"
        assert (found.status, found.value, found.cause) == (503, {"error": told}, f"{self.SAID} (management-keys)")


def test_dead_deliveries_are_counted(world):
    assert world.ask("GET", "/api/deliveries/dead") == (200, {"count": 0, "latest": []})
    assert world.ask("GET", "/healthz", key="")[1]["undelivered"] == 0


def test_the_page_names_every_route_and_its_examples_work(world):
    text = DOCS.read_text()
    told = set(re.findall(r"\| `(GET|POST|DELETE) (/[^`?]*)", text))
    assert told == {
        ("GET", "/healthz"),
        ("GET", "/api/jobs"),
        ("GET", "/api/jobs/<job>"),
        ("GET", "/api/jobs/<job>/runs"),
        ("GET", "/api/jobs/<job>/runs/<run_id>"),
        ("POST", "/api/jobs/<job>/pause"),
        ("POST", "/api/jobs/<job>/resume"),
        ("POST", "/api/jobs/<job>/ack"),
        ("GET", "/api/silences"),
        ("POST", "/api/silences"),
        ("DELETE", "/api/silences/<id>"),
        ("GET", "/api/deliveries/dead"),
    }
    Recorder(world.store).record([Signal(slug="backup", kind=Kind.FAIL, at=NOW + 1, received=NOW + HOUR)])
    calls = re.findall(r"""curl .*?(?:-X (\w+) )?"\$WEB(/[^"?]+)[^"]*"(?: -d '(.*)')?$""", text, re.MULTILINE)
    assert len(calls) >= 6
    for method, path, body in calls:
        assert world.ask(method or "GET", path, body.encode())[0] == 200, path
