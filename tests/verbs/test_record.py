"""The verb `record` where it can go wrong: nothing that was answered is lost, nothing is answered that was not kept."""

import pytest
from story_world import World

from heartbeat.errors import StoreUnavailable
from heartbeat.model import Kind, Signal
from heartbeat.verbs.record import Recorded, Recorder


def signal(world, at, name, slug="job"):
    return Signal(slug=slug, kind=Kind.SUCCESS, at=world.ms(at), received=world.ms(at), id=name)


def broken_after(store, monkeypatch, name, times):
    """The store's method fails the first `times` times, before it has done anything."""
    whole, left = getattr(store, name), [times]

    def method(*args):
        if left[0]:
            left[0] -= 1
            raise StoreUnavailable("away")
        return whole(*args)

    monkeypatch.setattr(store, name, method)


def test_a_batch_that_was_not_committed_is_not_remembered(monkeypatch):
    w = World("0 9 * * *")
    broken_after(w.store, monkeypatch, "commit", 1)
    with pytest.raises(StoreUnavailable):
        w.recorder.record([signal(w, "09:01", "a")])
    assert w.recorder.record([signal(w, "09:01", "a")]) == [Recorded.STORED]


def test_a_signal_that_breaks_the_judging_takes_no_other_with_it(monkeypatch):
    w = World("0 9 * * *")
    w.ping("09:01", id="first")
    recorder = Recorder(w.store)
    broken_after(w.store, monkeypatch, "history", 1)
    good, bad = signal(w, "09:30", "good"), signal(w, "09:02", "bad")
    with pytest.raises(StoreUnavailable):
        recorder.record([good, bad])
    assert [recorder.record([one])[0] for one in (good, bad)] == [Recorded.STORED, Recorded.STORED]
    assert {e.signal.id for e in w.store.history("job", 9) if e.signal} == {"first", "good", "bad"}


def test_a_doubled_signal_is_seen_also_within_one_batch():
    w = World("0 9 * * *")
    one = signal(w, "09:01", "a")
    assert w.recorder.record([one, one]) == [Recorded.STORED, Recorded.SEEN]
    assert w.recorder.record([one]) == [Recorded.SEEN]
    assert len(w.store.history("job", 9)) == 1


def test_an_unknown_job_does_not_hold_up_the_others():
    w = World("0 9 * * *")
    answers = w.recorder.record([signal(w, "09:01", "x", slug="nobody"), signal(w, "09:01", "a")])
    assert answers == [Recorded.UNKNOWN, Recorded.STORED]


def test_a_job_that_another_process_moved_is_read_again():
    w = World("0 9 * * *")
    w.ping("09:01", id="a")
    w.touch()
    assert w.recorder.record([signal(w, "09:05", "b")]) == [Recorded.STORED]
    assert w.job().state.signals == 2
