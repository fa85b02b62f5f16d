"""A job that cannot be judged: told, backed off from, and in nobody else's way."""

import sqlite3
from contextlib import closing

import pytest
from story_world import World

import heartbeat.verbs.sweep
from heartbeat.errors import CallerError, TooBusy
from heartbeat.model import MINUTE, NEVER, SECOND, Commit, Kind, Signal
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.illness import illnesses
from heartbeat.verbs.record import ATTEMPTS_MAX, Recorder
from heartbeat.verbs.sweep import sweep


class Refusing(SQLiteStore):
    """Refuses every change of one job as if somebody had been faster."""

    refused, mend, answer = 0, False, Commit.STALE

    def commit(self, changes):
        return [self.one(change) for change in changes]

    def one(self, change):
        if change.slug == "job" and change.state is not None and change.state.version > 1 and not self.mend:
            self.refused += 1
            return self.answer
        return super().commit([change])[0]


class Choking(Refusing):
    """Cannot hold what is decided of one job."""

    def one(self, change):
        if change.slug == "job" and change.state is not None and change.state.version > 1 and not self.mend:
            self.refused += 1
            raise CallerError("it takes 500000 bytes")
        return super().one(change)


def world(store):
    w = World("every 60m", grace="5m", at="07:00")
    w.store, w.recorder = store, Recorder(store)
    w.add("job", "every 60m", grace="5m")
    w.add("other", "every 60m", grace="5m")
    w.sweep("07:00")
    return w


def told(w):
    rows = sorted(w.store.outbox(NEVER - 1, 100), key=lambda row: row.created_at)
    return [(str(row.alert.event), row.alert.slug) for row in rows]


def run(w, begin, end, step=SECOND):
    """A server that sweeps every second; how often it wanted to come back at once."""
    again = 0
    for at in range(w.ms(begin), w.ms(end), step):
        again += sweep(w.store, at, service=("ops",)).more
    return again


@pytest.mark.parametrize("kind", [Refusing, Choking])
def test_it_is_told_stops_nobody_and_spins_nowhere(kind):
    w = world(kind(":memory:"))
    w.alive("07:01", "08:04")
    assert run(w, "08:05", "08:08") == 0
    assert told(w) == [("opened", "other"), ("ill", "")]
    (ill,) = illnesses(w.store)
    assert (ill.name, ill.since - w.ms("08:05")) == ("sweep/stuck", MINUTE)
    assert ill.text.startswith("1 job cannot be judged")
    assert "job (" in ill.text
    assert w.store.refused < 200  # some ten a try, and the tries become rare

    w.store.mend = True
    run(w, "08:08", "08:10")
    assert told(w) == [("opened", "other"), ("ill", ""), ("opened", "job"), ("well", "")]
    assert illnesses(w.store) == ()


def test_a_race_that_is_one_is_no_illness():
    w = world(Refusing(":memory:"))
    w.alive("07:01", "08:04")
    assert run(w, "08:05", "08:05:03") == 0
    w.store.mend = True
    run(w, "08:05:03", "08:07")
    assert sorted(told(w)) == [("opened", "job"), ("opened", "other")]


def test_a_row_that_cannot_be_read_stops_nobody(tmp_path):
    w = world(SQLiteStore(tmp_path / "hb.db"))
    w.alive("07:01", "08:04")
    with closing(sqlite3.connect(tmp_path / "hb.db")) as db:
        db.execute("UPDATE jobs SET state = '[1,garbage' WHERE slug = 'job'")
        db.commit()
    run(w, "08:05", "08:07")
    assert told(w) == [("opened", "other"), ("ill", "")]
    assert "StoreCorrupt" in illnesses(w.store)[0].text
    w.store.close()


def test_a_bug_of_ours_at_one_job_stops_nobody(monkeypatch):
    w = world(SQLiteStore(":memory:"))
    w.alive("07:01", "08:04")
    look = heartbeat.verbs.sweep.look

    def breaks(snapshot, *facts, **more):
        if snapshot.job.slug == "job":
            raise ZeroDivisionError("oh")
        return look(snapshot, *facts, **more)

    monkeypatch.setattr(heartbeat.verbs.sweep, "look", breaks)
    run(w, "08:05", "08:07")
    assert told(w) == [("opened", "other"), ("ill", "")]
    assert "ZeroDivisionError: oh" in illnesses(w.store)[0].text


def test_what_is_stuck_outlives_the_process(tmp_path):
    w = world(Refusing(tmp_path / "hb.db"))
    w.alive("07:01", "08:04")
    run(w, "08:05", "08:05:30")
    w.store.close()
    w.store = Refusing(tmp_path / "hb.db")
    run(w, "08:05:30", "08:07")
    assert told(w)[-1] == ("ill", "")
    w.store.close()


def test_a_signal_refused_twenty_times_is_an_illness_told_by_the_next_sweep(tmp_path):
    w = world(Refusing(tmp_path / "hb.db"))
    signal = Signal(slug="job", kind=Kind.SUCCESS, at=w.ms("07:30"), received=w.ms("07:30"))
    with pytest.raises(TooBusy):
        Recorder(w.store).record([signal])
    assert w.store.refused == ATTEMPTS_MAX
    (ill,) = illnesses(w.store)
    assert (ill.name, ill.told) == ("record/refused", False)
    assert "answered 503, of the jobs job" in ill.text
    w.store.close()
