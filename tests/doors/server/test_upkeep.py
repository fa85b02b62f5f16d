"""Housekeeping beside the clock: old history goes faster than it can come, in pieces that pings do not feel."""

from types import SimpleNamespace

from heartbeat.core.definition import founding
from heartbeat.doors.server.upkeep import EVERY, PURGE_LIMIT, PURGE_PAUSE, Upkeep
from heartbeat.model import DAY, HOUR, MINUTE, Job, Kind, Signal
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.record import Recorder

T0 = 1_795_305_600_000
FILE = SimpleNamespace(pending=False, refresh=lambda _now, anew: False)  # noqa: ARG005 - as JobsFile has it
STRAYS = SimpleNamespace(waiting=False, learn=lambda _names: None, flush=lambda _store: None)


def test_a_full_piece_is_followed_by_the_next_at_once():
    store, lines = SQLiteStore(":memory:"), 3 * PURGE_LIMIT + 9
    store.commit([founding(Job(slug="backup", schedule=("every 1m",)), T0)])
    times = [T0 + n * MINUTE for n in range(1, lines + 1)]
    Recorder(store).record([Signal(slug="backup", kind=Kind.SUCCESS, at=at, received=at) for at in times])
    upkeep = Upkeep(store, FILE, STRAYS, (), keep_days=90)
    now = T0 + 95 * DAY
    assert [upkeep.step(now) for _ in range(4)] == [PURGE_PAUSE] * 3 + [EVERY]
    assert len(store.history("backup", lines)) == 1  # the newest line always stays
    assert PURGE_LIMIT / PURGE_PAUSE >= 20_000  # lines a second
    assert upkeep.step(now + HOUR) == EVERY
