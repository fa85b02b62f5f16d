"""What a ping reads back does not grow with the history: SQLite's steps are counted."""

import pytest
from msgspec.structs import replace
from store_samples import T0, new

from heartbeat.model import HOUR, MINUTE, Commit, Kind, Signal
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.apply import redefined
from heartbeat.verbs.record import Recorder

LINES = 1_500


def grown(lines, schedule=None):
    """A job pinged so often every five minutes; then, if asked for, with another schedule."""
    store = SQLiteStore(":memory:")
    store.commit([new()])
    recorder = Recorder(store)
    for start in range(1, lines + 1, 100):
        times = (T0 + 5 * n * MINUTE for n in range(start, start + 100))
        recorder.record([Signal(slug="backup", kind=Kind.SUCCESS, at=at, received=at) for at in times])
    now = T0 + 5 * lines * MINUTE + MINUTE
    if schedule:
        snapshot = store.load(["backup"])["backup"]
        other = replace(snapshot.job, schedule=schedule)
        assert store.commit([redefined(snapshot, other, now)]) == [Commit.STORED]
    return store, now


def steps(store, signal):
    """How many hundreds of steps SQLite takes to record it."""
    count = [0]
    with store._file.reading() as db:
        db.set_progress_handler(lambda: count.__setitem__(0, count[0] + 1), 100)
    assert len(Recorder(store).record([signal])) == 1
    with store._file.reading() as db:
        db.set_progress_handler(None, 0)
    return count[0]


CASES = {
    "a plain ping": lambda now: {"at": now},
    "one more in the slot": lambda now: {"at": now - 2 * MINUTE},
    "for an old slot": lambda now: {"at": now, "named": "2026-11-22T09:05"},
    "for a time before there was the job": lambda now: {"at": now, "named": "2026-11-22T09:00"},
    "a start that comes late": lambda now: {"at": now - HOUR, "kind": Kind.START, "run_id": "old"},
}


@pytest.mark.parametrize("schedule", [None, ("*/7 * * * *",), ("0 9 * * *",)])
@pytest.mark.parametrize("case", CASES)
def test_a_ping_costs_the_same_after_many_lines(case, schedule):
    found = []
    for lines in (LINES // 2, LINES):
        store, now = grown(lines, schedule)
        about = {"slug": "backup", "kind": Kind.SUCCESS, "received": now + MINUTE} | CASES[case](now)
        found.append(steps(store, Signal(**about)))
        store.close()
    assert found[1] <= found[0] + 5
