"""A clock that is set back, on every store: jobs, the due list and the clock's book are brought to the new time."""

from store_samples import T0

from heartbeat.model import HOUR, MINUTE, SECOND, Commit, Job, Kind, Signal, Status
from heartbeat.verbs.illness import illnesses
from heartbeat.verbs.operate import found
from heartbeat.verbs.record import Recorder
from heartbeat.verbs.sweep import sweep

SLUGS = ["stopped", "steady", "never"]


def test_jobs_are_looked_at_by_the_new_clock(store):
    jobs = [Job(slug=slug, schedule=("every 2m",), grace=MINUTE, notify=("ops",)) for slug in SLUGS]
    assert found(store, jobs, T0) == [Commit.STORED] * 3
    recorder = Recorder(store)
    for minute in (0, 1):
        now = T0 + minute * MINUTE + SECOND
        recorder.record([Signal(slug=slug, kind=Kind.SUCCESS, at=now, received=now) for slug in SLUGS[:2]])
        sweep(store, now)
    for minute in range(8):
        now = T0 - HOUR + minute * MINUTE
        while sweep(store, now).more:
            pass
        recorder.record([Signal(slug="steady", kind=Kind.SUCCESS, at=now, received=now)])
    states = {slug: snapshot.state for slug, snapshot in store.load(SLUGS).items()}
    assert [states[slug].status for slug in SLUGS] == [Status.DOWN, Status.UP, Status.DOWN]
    assert states["never"].incident.opened_at == T0 - HOUR + 3 * MINUTE
    assert [each.name for each in illnesses(store)] == ["clock"]
