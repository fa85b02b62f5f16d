"""Hostile values in every field of every reader: answered as documented, and plain pings are still answered.

FUZZ_REQUESTS says how many (`make soak` sends more): with ten thousand or more, every value stands in every field.
"""

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from fuzz.hostile import changed, spoiled
from fuzz.ledger import documented
from fuzz.noise import closing
from fuzz.routes import samples
from fuzz.test_fuzz import COUNT, JOBS, NOW, SLUGS, World, event, names_in
from served import KEY, Served

from heartbeat.config import reader as config
from heartbeat.config.declared import compiled
from heartbeat.core.definition import by_ping, founding
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.ping_work import Pings
from heartbeat.doors.server.ipc import frame
from heartbeat.ingest import report
from heartbeat.ingest.events import Matcher, read
from heartbeat.ingest.written import parsed
from heartbeat.model import Job, Kind, Signal, Source
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.telemetry import Happened

STEP = 1 if COUNT >= 10_000 else 8
"""One of so many values stands in each field, another one in the next request's."""
EVENTS = sorted((Path(__file__).parents[1] / "data" / "events").glob("*.json"))
WROTE = {
    "status": "started",
    "exit_status": 0,
    "duration": 12.5,
    "run_id": "0f4cbc6e-6c3f-4f0b-9c1d-6a52b36dd08f",
    "metrics": {"rows": 3},
    "message": "3 rows",
}


@pytest.fixture
def stack(tmp_path):
    """The ping function, and good requests to it."""
    store = SQLiteStore(":memory:")
    store.commit([founding(by_ping(slug), NOW) for slug in SLUGS])
    (tmp_path / "jobs.json").write_bytes(compiled(config.read("jobs: {}\n")))
    journal = Journal("fuzz", lambda: NOW / 1000)
    pings = Pings(store, [KEY], tmp_path / "jobs.json", journal, lambda: NOW)
    yield SimpleNamespace(pings=pings, good=samples(names_in(store)))
    assert journal.counts[Happened.CRASHED] == 0


@pytest.fixture(params=["fast", "plain"])
def world(request, tmp_path):
    with Served(tmp_path, jobs=JOBS, HEARTBEAT_DOOR=request.param) as server:
        with contextlib.closing(SQLiteStore(server.db)) as store:
            yield World(server, store)
        assert server.stop() == 0
        assert "unexpected error" not in server.log


def test_hostile_values_in_every_field_cost_nobody_else_an_answer(world):
    wrong = []
    for turn, good in enumerate(world.good):
        for asked in changed(good, turn, STEP):
            statuses = world.answers(closing(asked).wire())
            if len(statuses) != 1 or not documented(asked.first, statuses[0]):
                wrong.append((asked.target[:80], asked.body[:400], statuses))
        assert world.server.ping("alpha-job").said == (200, "OK"), good.target
        assert world.server.ask("GET", "/healthz").status == 200, good.target
    assert wrong == []


def test_the_same_by_function_url(stack):
    wrong = []
    for turn, good in enumerate(stack.good):
        for asked in changed(good, turn, STEP):
            status = stack.pings.answer(event(asked))["statusCode"]
            if not documented(asked.first, status) and asked.first not in {"", "healthz"}:
                wrong.append((asked.target[:80], asked.body[:400], status))
    assert wrong == []


@pytest.mark.parametrize("part", ["rawPath", "rawQueryString", "method", "header", "body"])
def test_half_a_character_in_a_part_of_an_event_is_answered(stack, part):
    path, half = f"/sentry/api/42/cron/alpha-job/{KEY}", "status=ok\ud800"
    asked = {"rawPath": path, "rawQueryString": "status=ok", "requestContext": {"http": {"method": "GET"}}}
    if part == "method":
        asked["requestContext"] = {"http": {"method": half}}
    elif part == "header":
        asked["headers"] = {"x-sentry-auth": half, "Heartbeat-Id": half}
    else:
        asked[part] = path + half if part == "rawPath" else half
    assert stack.pings.answer(asked)["statusCode"] in {202, 400, 403}


def test_whatever_an_evidence_object_says_can_be_kept():
    nothing = Signal(slug="job", kind=Kind.SUCCESS, at=NOW, received=NOW)
    for written in spoiled(json.dumps(WROTE).encode()):
        frame(report.told(nothing, value_of(written, parsed)))


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_whatever_an_event_says_can_be_kept(path):
    """As Lambda hands it over."""
    kinds = ("ecs", "step_functions", "batch", "lambda", "scheduler", "rule")
    matcher = Matcher([Job(slug=kind, schedule=("every 1h",), sources=(Source(kind=kind, keys=()),)) for kind in kinds])
    for written in spoiled(path.read_bytes()):
        heard = read(value_of(written, json.loads), matcher, NOW)
        frame([heard.signals, heard.odd, [each.key for each in heard.objects]])


def value_of(written, reader):
    """None for what is no JSON: it gets no further."""
    with contextlib.suppress(ValueError, RecursionError):
        return reader(written)
    return None
