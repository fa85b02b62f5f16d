"""Batches decided while the one before them is made durable: nothing may differ from one batch after the other."""

import random
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from heartbeat.core.definition import founding
from heartbeat.errors import StoreCorrupt, WorldError
from heartbeat.model import MINUTE, Change, Job, Kind, Signal
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.record import Recorded, Recorder

T0 = 1_795_350_000_000
SLUGS = ("often", "hourly", "every", "slow")
SCHEDULES = ("*/10 * * * *", "0 * * * *", "every 30m", "0 9 * * *")
STORED = Recorded.STORED


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


def one_after_the_other(recorder, all_batches):
    return [recorder.record(batch) for batch in all_batches]


def ahead(recorder, all_batches, pool, meanwhile=lambda: None):
    """As a server does it; an error stands for the answers of a batch that was not kept."""
    told, under_way = [], None
    for batch in [*all_batches, None]:
        begun = None if batch is None else recorder.begin(batch)
        meanwhile()
        if under_way is not None:
            told.append(answers(recorder, *under_way))
        if begun is not None:
            recorder.start(begun)
            under_way = begun, pool.submit(begun.commit)
    return told


def answers(recorder, recording, durable):
    durable.result()
    try:
        return recorder.finish(recording)
    except WorldError as problem:
        return problem


def contents(store):
    loaded = store.load(SLUGS)
    return loaded, {slug: store.history(slug, 500) for slug in SLUGS}


@pytest.mark.parametrize("seed", range(30))
def test_a_batch_decided_ahead_comes_to_the_same(tmp_path, seed):
    with closing(opened(tmp_path / "a.db")) as plain, closing(opened(tmp_path / "b.db")) as quick:
        expected = one_after_the_other(Recorder(plain), batches(seed))
        with ThreadPoolExecutor(1) as pool:
            assert ahead(Recorder(quick, quick.start), batches(seed), pool) == expected
        assert contents(quick) == contents(plain)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_meanwhile_what_is_answered_as_kept_is_kept_once(tmp_path, seed):
    """Commits that fail, and another process that moves the jobs, at any moment between the steps."""
    dice = random.Random(seed)  # noqa: S311 - the same every time
    with closing(opened(tmp_path / "a.db")) as store, closing(SQLiteStore(tmp_path / "a.db")) as other:

        def start(changes):
            before = set(store._file._idle)
            end = store.start(changes)
            taken = before.difference(store._file._idle) if dice.random() < 0.2 else ()
            for db in taken:
                db.set_authorizer(lambda what, name, *_: (what, name) == (sqlite3.SQLITE_TRANSACTION, "COMMIT"))

            def ending():
                try:
                    return end()
                finally:
                    for db in taken:
                        db.set_authorizer(None)

            return ending

        def meanwhile():
            slug = dice.choice(SLUGS)
            if dice.random() < 0.3:
                state = other.load([slug])[slug].state
                moved = replace(state, version=state.version + 1)
                other.commit([Change(slug=slug, expected=state.version, state=moved)])

        every = list(batches(seed))
        with ThreadPoolExecutor(1) as pool:
            told = ahead(Recorder(store, start), every, pool, meanwhile)
        jobs, history = contents(store)
        kept = Counter(entry.signal.id for lines in history.values() for entry in lines)
        assert {slug: len(lines) for slug, lines in history.items()} == {s: jobs[s].state.signals for s in SLUGS}
        stored = Counter(
            signal.id
            for batch, said in zip(every, told, strict=True)
            if isinstance(said, list)
            for signal, one in zip(batch, said, strict=True)
            if one is STORED
        )
    failed = [batch for batch, said in zip(every, told, strict=True) if not isinstance(said, list)]
    unsure = {signal.id for batch in failed for signal in batch}
    assert kept >= stored
    assert set(kept - stored) <= unsure  # a part of a batch was kept, and trying the rest again failed
    assert {type(said) for said in told} == {list, StoreCorrupt}
