"""The writer without a network: batches, refusals, and one bad ping among good ones."""

import contextlib
import threading
import time

import pytest
from msgspec.structs import replace

from heartbeat.core.definition import founding
from heartbeat.doors.http.group_commit import StoreRecords, Writer
from heartbeat.doors.http.ping_gate import PingOutcome
from heartbeat.errors import StoreUnavailable, TooBusy
from heartbeat.ingest import ping
from heartbeat.model import Job
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.telemetry import Happened, Log
from heartbeat.verbs.record import Recorded
from heartbeat.verbs.unknown_pings import Strays

T0 = 1_795_350_000_000


def read(path, ident=b"", query=b""):
    return ping.read(ping.target(path), query, ident=ident, received=T0)


class Told:
    """A recorder that does as it is told, and remembers its batches."""

    def __init__(self):
        self.batches = []
        self.problems = []
        self.gate = threading.Event()
        self.gate.set()
        self.known = {"job"}
        self.asked = []
        self.defined = []

    def record(self, signals):
        assert self.gate.wait(10)
        self.batches.append([signal.slug for signal in signals])
        if self.problems:
            raise self.problems.pop(0)
        if any(signal.slug == "poison" for signal in signals):
            raise ZeroDivisionError
        return [Recorded.STORED if signal.slug in self.known else Recorded.UNKNOWN for signal in signals]

    def slug_of(self, uuid):
        self.asked.append(uuid)
        return "job" if uuid.startswith("0") else None

    def define(self, job, now):
        assert now == T0
        self.known.add(job.slug)
        self.defined.append(job)


class Bench:
    """A writer and what it writes to."""

    def __init__(self, records, **given):
        self.records, self.log = records, Log(lambda: 0.0)
        self.strays = Strays(self.log)
        self.writer = Writer(records, self.strays, self.log, **given)

    def write(self, *pings):
        return [outcome for outcome, _ in self.writer.write(pings)]


@pytest.fixture
def bench():
    return Bench(Told())


def test_a_batch_is_one_commit(bench):
    assert set(bench.write(*[read(b"/ping/k/job")] * 100)) == {PingOutcome.STORED}
    assert [len(batch) for batch in bench.records.batches] == [100]


def test_a_store_that_is_away_is_said_once_and_again_when_it_is_back(bench):
    bench.records.problems = [StoreUnavailable("full"), StoreUnavailable("full")]
    outcomes = [outcome for _ in range(3) for outcome in bench.write(read(b"/ping/k/job"))]
    assert outcomes == [PingOutcome.BUSY, PingOutcome.BUSY, PingOutcome.STORED]
    assert bench.log.counts[Happened.STORE_AWAY] == 1
    assert bench.log.counts[Happened.STORE_BACK] == 1
    assert bench.writer.trouble() == ""


def test_one_bad_ping_does_not_fail_the_others(bench):
    good, bad, other = read(b"/ping/k/job"), read(b"/ping/k/poison"), read(b"/ping/k/nowhere")
    assert bench.write(good, bad, other) == [PingOutcome.STORED, PingOutcome.BROKEN, PingOutcome.UNKNOWN]
    assert bench.log.counts[Happened.CRASHED] == 1


def test_one_bad_ping_among_many_costs_few_commits(bench):
    outcomes = bench.write(*[read(b"/ping/k/job")] * 300, read(b"/ping/k/poison"), *[read(b"/ping/k/job")] * 211)
    assert outcomes == [PingOutcome.STORED] * 300 + [PingOutcome.BROKEN] + [PingOutcome.STORED] * 211
    assert len(bench.records.batches) == 19


def test_a_lost_race_is_busy(bench):
    bench.records.problems = [TooBusy("job")]
    assert bench.write(read(b"/ping/k/job")) == [PingOutcome.BUSY]


def test_uuids_are_looked_up_once(bench):
    there = read(b"/ping/00000000-0000-0000-0000-000000000001")
    away = read(b"/ping/10000000-0000-0000-0000-000000000001")
    assert bench.write(there, away) + bench.write(there) == [
        PingOutcome.STORED,
        PingOutcome.UNKNOWN,
        PingOutcome.STORED,
    ]
    assert len(bench.records.asked) == 2
    assert bench.records.batches == [["job", ""], ["job"]]
    bench.writer.forget_jobs()
    bench.write(there)
    assert len(bench.records.asked) == 3


def test_create(bench):
    new = read(b"/ping/k/new", query=b"create=1")
    assert bench.write(new) + bench.write(new) == [PingOutcome.CREATED, PingOutcome.STORED]


def test_a_definition_is_looked_at_once_until_it_is_another(bench):
    one, other = (Job(slug="new", schedule=(schedule,)) for schedule in ("every 1h", "every 2h"))
    ping_ = read(b"/ping/k/new")
    for job in (one, one, other):
        assert bench.write(replace(ping_, job=job, create=True)) == [PingOutcome.STORED]
    assert bench.records.defined == [one, other]
    bench.writer.forget_jobs()
    bench.write(replace(ping_, job=other))
    assert bench.records.defined == [one, other, other]


def test_an_unknown_name_is_counted_and_gets_the_nearest_one(bench):
    bench.strays.learn(["job-one"])
    unknown = [read(b"/ping/k/jbo-one"), read(b"/ping/10000000-0000-0000-0000-000000000001")]
    assert bench.writer.write(unknown) == [(PingOutcome.UNKNOWN, "job-one"), (PingOutcome.UNKNOWN, "")]
    assert bench.strays.waiting == {"jbo-one": [1, T0, T0]}


def test_a_stuck_writer_is_trouble():
    bench = Bench(Told(), stuck_after=0.01)
    bench.records.gate.clear()
    writing = threading.Thread(target=bench.write, args=(read(b"/ping/k/job"),))
    writing.start()
    time.sleep(0.05)
    assert bench.writer.trouble() == "the writer is stuck"
    bench.records.gate.set()
    writing.join()
    assert bench.writer.trouble() == ""


def test_an_exception_in_the_real_recorder_costs_no_other_ping_its_record():
    """Also not one with an id, which the recorder could take for seen when it is tried again."""
    slugs = ["before", "poison", "after"]
    with contextlib.closing(SQLiteStore(":memory:")) as store:
        for slug in slugs:
            made = founding(Job(slug=slug, schedule=("0 9 * * *",), source="test"), T0 - 100_000_000)
            unreadable = replace(made.job, timezone="Nowhere/At-All")
            store.commit([replace(made, job=unreadable) if slug == "poison" else made])
        bench = Bench(StoreRecords(store, tuple))
        for turn in range(2):
            fails = [read(f"/ping/k/{slug}/fail".encode(), ident=b"%d" % turn) for slug in slugs]
            assert bench.write(*fails) == [PingOutcome.STORED, PingOutcome.BROKEN, PingOutcome.STORED]
        kept = {slug: [entry.signal.id for entry in store.history(slug, 9) if entry.signal] for slug in slugs}
    assert kept == {"before": ["1", "0"], "poison": [], "after": ["1", "0"]}
