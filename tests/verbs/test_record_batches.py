"""Batches of signals: each counts as if it came alone, whoever else writes and whatever fails meanwhile."""

import random
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from heartbeat.core.definition import founding
from heartbeat.errors import StoreCorrupt
from heartbeat.model import MINUTE, Change, Job, Kind, Signal
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.record import Recorded, Recorder

T0 = 1_795_350_000_000
SLUGS = ("often", "hourly", "every", "slow")
SCHEDULES = ("*/10 * * * *", "0 * * * *", "every 30m", "0 9 * * *")


def opened(path):
    store = SQLiteStore(path)
    jobs = [Job(slug=s, schedule=(x,), grace=5 * MINUTE, max_runtime=20 * MINUTE, source="test")
            for s, x in zip(SLUGS, SCHEDULES, strict=True)]  # fmt: skip
    store.commit([replace(founding(job, T0), uuid=job.slug) for job in jobs])
    return store


def iso(ms):
    return datetime.fromtimestamp(ms // 1000, UTC).isoformat()


def batches(seed, count=40):
    """Signals as a storm brings them: of few jobs, doubled, out of order, for slots named, with and without runs."""
    dice, now, sent = random.Random(seed), T0, []  # noqa: S311 - the same every time
    for _ in range(count):
        now += dice.randrange(1, 12 * MINUTE)
        batch = []
        for _ in range(dice.randrange(1, 9)):
            if sent and dice.random() < 0.1:
                batch.append(replace(dice.choice(sent), received=now))
                continue
            at = now - dice.choice((0, 0, 0, 1, dice.randrange(40 * MINUTE)))
            named = {"named": iso(at - dice.randrange(60 * MINUTE))} if dice.random() < 0.2 else {}
            run = dice.choice(("", "", "a", "b", f"r{dice.randrange(9)}"))
            kind = dice.choice((Kind.SUCCESS, Kind.SUCCESS, Kind.START, Kind.FAIL, Kind.LOG))
            slug = dice.choice((*SLUGS, "nobody"))
            batch.append(Signal(slug=slug, kind=kind, at=at, received=now, id=f"{len(sent)}", run_id=run, **named))
            sent.append(batch[-1])
        yield batch


def contents(store):
    loaded = store.load(SLUGS)
    return loaded, {slug: store.history(slug, 500) for slug in SLUGS}


@pytest.mark.parametrize("seed", range(30))
def test_a_batch_comes_to_the_same_as_its_signals_one_by_one(seed):
    with closing(opened(":memory:")) as single, closing(opened(":memory:")) as whole:
        one_by_one, together = Recorder(single), Recorder(whole)
        for batch in batches(seed):
            assert together.record(batch) == [one_by_one.record([signal])[0] for signal in batch]
        assert contents(whole) == contents(single)


class Struck:
    """A store whose commits fail now and then, and that another process writes to between deciding and committing."""

    def __init__(self, store, other, dice):
        self.store, self.other, self.dice = store, other, dice

    def __getattr__(self, name):
        return getattr(self.store, name)

    def commit(self, changes):
        slug = self.dice.choice(SLUGS)
        if self.dice.random() < 0.3:
            state = self.other.load([slug])[slug].state
            moved = replace(state, version=state.version + 1)
            self.other.commit([Change(slug=slug, expected=state.version, state=moved)])
        struck = self.store._file._idle if self.dice.random() < 0.2 else ()
        for db in struck:
            db.set_authorizer(lambda what, name, *_: (what, name) == (sqlite3.SQLITE_TRANSACTION, "COMMIT"))
        try:
            return self.store.commit(changes)
        finally:
            for db in struck:
                db.set_authorizer(None)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_meanwhile_what_is_answered_as_kept_is_kept_once(tmp_path, seed):
    dice = random.Random(seed)  # noqa: S311 - the same every time
    kept, stored, unsure, failures = Counter(), Counter(), set(), 0
    with closing(opened(tmp_path / "a.db")) as store, closing(SQLiteStore(tmp_path / "a.db")) as other:
        recorder = Recorder(Struck(store, other, dice))
        for batch in batches(seed):
            try:
                told = recorder.record(batch)
            except StoreCorrupt:
                unsure |= {signal.id for signal in batch}
                failures += 1
            else:
                stored.update(signal.id for signal, one in zip(batch, told, strict=True) if one is Recorded.STORED)
        jobs, history = contents(store)
    kept.update(entry.signal.id for lines in history.values() for entry in lines)
    assert kept >= stored
    assert set(kept - stored) <= unsure  # a part of a batch was kept, and trying the rest again failed
    assert {slug: len(lines) for slug, lines in history.items()} == {s: jobs[s].state.signals for s in SLUGS}
    assert failures
