"""The writer without a network: batches, refusals, and one bad letter among good ones."""

import asyncio
import threading
import time
from dataclasses import replace

import pytest

from heartbeat.doors.writer import Letter, Outcome, Writer
from heartbeat.errors import StoreUnavailable, TooBusy
from heartbeat.ingest import ping
from heartbeat.manage import founding
from heartbeat.model import Job
from heartbeat.record import Recorded
from heartbeat.store.sqlite import SQLiteStore
from heartbeat.telemetry import Happened, Log
from heartbeat.wiring import Records

T0 = 1_795_350_000_000


class Note(Letter):
    def __init__(self, path, ident=b"", query=b""):
        super().__init__()
        self.ping = ping.read(ping.target(path), query, ident=ident, received=T0)
        self.answers = 0

    def done(self):
        self.answers += 1


class Told:
    """A recorder that does as it is told, and remembers its batches."""

    def __init__(self):
        self.batches = []
        self.problems = []
        self.gate = threading.Event()
        self.gate.set()
        self.known = {"job"}
        self.asked = []

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

    def create(self, slug, now):
        assert now == T0
        self.known.add(slug)


class Bench:
    """A writer on a loop that runs only while somebody waits for answers."""

    def __init__(self, records, **given):
        self.records, self.log = records, Log(lambda: 0.0)
        self.writer = Writer(records, self.log, **given)
        self.loop = asyncio.new_event_loop()
        self.wakes = 0
        post = self.loop.call_soon_threadsafe

        def counted(*args):
            self.wakes += 1
            return post(*args)

        self.loop.call_soon_threadsafe = counted
        self.writer.start(self.loop)

    def take(self, *letters):
        return [self.writer.take(letter) for letter in letters]

    def settle(self, *letters):
        async def wait():
            async with asyncio.timeout(10):
                while not all(letter.answers for letter in letters):  # noqa: ASYNC110 - they are done on this loop
                    await asyncio.sleep(0.001)

        self.loop.run_until_complete(wait())
        assert {letter.answers for letter in letters} == {1}
        return [letter.outcome for letter in letters]

    def close(self):
        self.writer.close()
        self.loop.close()


@pytest.fixture
def bench():
    bench = Bench(Told(), waiting_max=1_000)
    yield bench
    bench.records.gate.set()
    bench.close()


def letters(count, path=b"/ping/k/job"):
    return [Note(path) for _ in range(count)]


def test_what_waits_becomes_one_batch_and_wakes_the_loop_once(bench):
    bench.records.gate.clear()
    first, *others = letters(100)
    bench.take(first)
    time.sleep(0.05)  # the writer holds the first one now
    bench.take(*others)
    bench.records.gate.set()
    assert set(bench.settle(first, *others)) == {Outcome.STORED}
    assert [len(batch) for batch in bench.records.batches] == [1, 99]
    assert bench.wakes == 2
    assert bench.writer.waiting == 0


def test_a_full_queue_takes_no_more_until_some_are_answered(bench):
    bench.records.gate.clear()
    many = letters(1_000)
    assert all(bench.take(*many))
    assert bench.take(*letters(1)) == [False]
    bench.records.gate.set()
    bench.settle(*many)
    late = letters(1)
    assert bench.take(*late) == [True]
    bench.settle(*late)


def test_a_store_that_is_away_is_said_once_and_again_when_it_is_back(bench):
    bench.records.problems = [StoreUnavailable("full"), StoreUnavailable("full")]
    outcomes = []
    for _ in range(3):
        one = letters(1)
        bench.take(*one)
        outcomes += bench.settle(*one)
    assert outcomes == [Outcome.BUSY, Outcome.BUSY, Outcome.STORED]
    assert bench.log.counts[Happened.STORE_AWAY] == 1
    assert bench.log.counts[Happened.STORE_BACK] == 1
    assert bench.writer.trouble() == ""


def test_one_bad_letter_does_not_fail_the_others(bench):
    bench.records.gate.clear()
    good, bad, other = Note(b"/ping/k/job"), Note(b"/ping/k/poison"), Note(b"/ping/k/nowhere")
    bench.take(good, bad, other)
    bench.records.gate.set()
    assert bench.settle(good, bad, other) == [Outcome.STORED, Outcome.BROKEN, Outcome.UNKNOWN]
    assert bench.log.counts[Happened.CRASHED] == 1


def test_a_lost_race_is_busy(bench):
    bench.records.problems = [TooBusy("job")]
    one = letters(1)
    bench.take(*one)
    assert bench.settle(*one) == [Outcome.BUSY]


def test_uuids_are_looked_up_once(bench):
    there, again = letters(2, b"/ping/00000000-0000-0000-0000-000000000001")
    away = Note(b"/ping/10000000-0000-0000-0000-000000000001")
    for letter in (there, again, away):
        bench.take(letter)
        bench.settle(letter)
    assert [there.outcome, again.outcome, away.outcome] == [Outcome.STORED, Outcome.STORED, Outcome.UNKNOWN]
    assert len(bench.records.asked) == 2
    assert bench.records.batches == [["job"], ["job"]]


def test_create(bench):
    made, again = Note(b"/ping/k/new", query=b"create=1"), Note(b"/ping/k/new", query=b"create=1")
    for letter in (made, again):
        bench.take(letter)
        bench.settle(letter)
    assert [made.outcome, again.outcome] == [Outcome.CREATED, Outcome.STORED]


def test_closing_writes_what_waits(bench):
    bench.records.gate.clear()
    many = letters(700)
    bench.take(*many)
    bench.loop.call_later(0.05, bench.records.gate.set)
    threading.Timer(0.05, bench.records.gate.set).start()
    bench.writer.close()
    assert sum(map(len, bench.records.batches)) == 700
    assert bench.writer.trouble() == "the writer has stopped"


def test_a_stuck_writer_is_trouble():
    bench = Bench(Told(), stuck_after=0.01)
    bench.records.gate.clear()
    one = letters(1)
    bench.take(*one)
    time.sleep(0.05)
    assert bench.writer.trouble() == "the writer is stuck"
    bench.records.gate.set()
    bench.settle(*one)
    assert bench.writer.trouble() == ""
    bench.close()


def test_an_exception_in_the_real_recorder_costs_no_other_ping_its_record():
    """Also not one with an id, which the recorder could take for seen when it is tried again."""
    store, slugs = SQLiteStore(":memory:"), ["before", "poison", "after"]
    for slug in slugs:
        made = founding(Job(slug=slug, schedule=("0 9 * * *",), source="test"), T0 - 100_000_000)
        unreadable = replace(made.job, timezone="Nowhere/At-All")
        store.commit([replace(made, job=unreadable) if slug == "poison" else made])
    bench = Bench(Records(store, None))
    for turn in range(2):
        fails = [Note(f"/ping/k/{slug}/fail".encode(), ident=b"%d" % turn) for slug in slugs]
        bench.writer._write(fails)
        assert [letter.outcome for letter in fails] == [Outcome.STORED, Outcome.BROKEN, Outcome.STORED]
    kept = {slug: [entry.signal.id for entry in store.history(slug, 9) if entry.signal] for slug in slugs}
    bench.close()
    store.close()
    assert kept == {"before": ["1", "0"], "poison": [], "after": ["1", "0"]}
