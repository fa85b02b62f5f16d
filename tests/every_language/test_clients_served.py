"""Pings to a real server, and what is in its store then."""

import contextlib
import time

import pytest
from languages import LANGUAGES
from served import KEY, Served

from heartbeat.model import Kind
from heartbeat.store.sqlite.store import SQLiteStore

ID = "11111111-2222-4333-8444-555555555555"
SLUGS = [f"{name}-{job}" for name in LANGUAGES for job in ("report", "settle", "by-uuid")]
JOBS = "defaults: {timezone: Asia/Tokyo}\njobs:\n" + "".join(
    f'  {slug}: {{schedule: "0 9 * * *", max_runtime: 1h}}\n' for slug in SLUGS
)
AT = 1795335600.25
FULL = {"exit_status": 3, "duration": 12.5, "run_id": ID, "at": AT, "for": "2026-11-22T09:00"}


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("served"), jobs=JOBS) as server:
        yield server
        assert "unexpected error" not in server.log
        assert server.stop() == 0


@pytest.fixture(scope="session")
def uuids(server):
    with contextlib.closing(SQLiteStore(server.db)) as store:
        return {slug: snapshot.uuid for slug, snapshot in store.load(SLUGS).items()}


@pytest.fixture(scope="module")
def done(told, server, uuids, language):
    report, settle = f"{language.name}-report", f"{language.name}-settle"
    began = time.time()
    done = told(
        [
            {"call": "ping", "slug": report},
            {"call": "start", "slug": report, "options": {"run_id": ID}},
            {"call": "log", "slug": report, "body": "三行 & <b>\n"},
            {"call": "fail", "slug": report, "body": "x" * 20_000 + "end"},
            {"call": "success", "slug": report, "options": FULL},
            {"call": "success", "slug": report, "options": {"exit_status": 0}},
            {"call": "run", "slug": settle, "do": "return", "text": "7 rows"},
            {"call": "run", "slug": settle, "do": "raise", "text": "no rows", "catch": True},
            {"call": "success", "slug": uuids[f"{language.name}-by-uuid"].upper()},
            {"call": "success", "slug": f"{language.name}-made", "options": {"create": True}},
            {"call": "success", "slug": f"{language.name}-reportt"},
            {"call": "success", "slug": report, "options": {"exit_status": 256}},
        ],
        HEARTBEAT_URL=f"http://127.0.0.1:{server.port}",
        HEARTBEAT_PING_KEY=KEY,
    )
    done.began = began
    return done


@pytest.fixture
def heard(done, server, language):
    """The signals of one of its jobs, oldest first; another turn of this module may have sent the same before."""
    assert done.status == 0

    def told(job):
        every = server.history(f"{language.name}-{job}")[::-1]
        return [signal for signal in every if signal.received >= int(done.began * 1000)]

    return told


def test_what_was_taken_and_what_was_not(done, language):
    assert done.results[:6] == [True] * 6
    assert (done.results[6], done.results[8:]) == ("7 rows", [True, True, False, False])
    misspelt = done.line(f"{language.name}-reportt")
    assert f"did you mean {language.name}-report" in misspelt.replace("`", "").replace('"', "").replace("'", "")
    assert "exit status 256" in done.stderr
    assert "check the exit status (0-255)" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_each_call_is_one_signal_of_its_kind(heard):
    kinds = [Kind.SUCCESS, Kind.START, Kind.LOG, Kind.FAIL, Kind.FAIL, Kind.SUCCESS]
    assert [signal.kind for signal in sorted(heard("report"), key=lambda one: one.received)] == kinds
    assert [signal.kind for signal in heard("by-uuid")] == [Kind.SUCCESS]
    assert [signal.kind for signal in heard("made")] == [Kind.SUCCESS]


def test_the_options_are_what_was_meant(heard):
    (full,) = (signal for signal in heard("report") if signal.exit_status == 3)
    assert (full.run_id, full.duration, full.named, full.at) == (ID, 12_500, "2026-11-22T09:00", round(AT * 1000))
    (start,) = (signal for signal in heard("report") if signal.kind is Kind.START)
    assert start.run_id == ID


def test_bodies_and_clocks_arrive(heard, done):
    by_kind = {signal.kind: signal for signal in heard("report") if signal.exit_status is None}
    assert by_kind[Kind.LOG].body == "三行 & <b>\n"
    assert by_kind[Kind.FAIL].body == "x" * 9_997 + "end"
    assert all(done.began - 1 <= signal.at / 1000 <= time.time() + 1 for signal in by_kind.values())


def test_a_run_is_one_run(heard, language):
    first, end, second, failed = sorted(heard("settle"), key=lambda one: one.received)
    assert [one.kind for one in (first, end, second, failed)] == [Kind.START, Kind.SUCCESS, Kind.START, Kind.FAIL]
    assert first.run_id == end.run_id != second.run_id == failed.run_id
    assert 0 <= end.duration < 5_000
    assert ("no rows" in failed.body) != language.is_shell
