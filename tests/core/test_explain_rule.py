"""`explain` names the line of the table that was applied, because history keeps it; it guesses nothing."""

from itertools import product

import pytest
from msgspec.structs import replace
from story_world import World

from heartbeat.core.explain import explain
from heartbeat.core.transition import TRANSITIONS
from heartbeat.model import Status, Verdict
from heartbeat.store import rows

NEVER_GIVEN = {(Status.PAUSED, Verdict.MISSED)}
"""A slot that goes by while the job is paused is excused."""
ROWS = sorted(set(product(Status, Verdict)) - NEVER_GIVEN)


def explanation(w, at="12:00", entries=None):
    found = w.store.history(w.slug, 200) if entries is None else entries
    return explain(w.job(), found, (), (), w.ms(at))


def standing_at(status):
    """A job due every hour that has this status at 08:40."""
    w = World("0 * * * *", at="08:30" if status is Status.WAITING else "07:30", grace="10m", max_runtime="20m")
    w.alive("07:30", "08:00")
    if status is Status.DOWN:
        w.alive("08:01", "08:11")
    elif status is not Status.WAITING:
        w.ping("08:01")
    if status is Status.PAUSED:
        w.pause("08:30")
    w.alive("08:12", "08:40")
    assert w.job().state.status is status
    return w


def hangs(w):
    w.start("08:56", run="r1")
    w.alive("08:56", "09:17")


def is_not_heard(w):
    w.start("08:56", run="r1")
    w.alive("08:41", "08:57")
    w.sweep("09:25")


DEEDS = {
    Verdict.ON_TIME: lambda w: w.ping("09:01"),
    Verdict.LATE: lambda w: w.ping("09:15"),
    Verdict.MISSED: lambda w: w.alive("08:41", "09:11"),
    Verdict.FAILED: lambda w: w.fail("09:01"),
    Verdict.TIMED_OUT: hangs,
    Verdict.UNKNOWN: is_not_heard,
}


def excuse(w):
    if w.job().state.status is Status.PAUSED:
        w.alive("08:41", "09:11")
    else:
        w.redefine("09:05", schedule=("30 * * * *",))


@pytest.mark.parametrize("row", ROWS, ids="-".join)
def test_what_explain_says_is_the_row_that_was_applied(row):
    status, verdict = row
    w = standing_at(status)
    before = explanation(w).rule
    DEEDS.get(verdict, excuse)(w)
    found = explanation(w)
    (slot,) = (story for story in found.slots if story.slot == w.ms("09:00"))
    assert (slot.verdict, slot.rule) == (verdict, TRANSITIONS[row].why)
    after = TRANSITIONS[row].next
    assert w.job().state.status is after
    assert found.rule == (before if after is status else TRANSITIONS[row].why)


def test_a_success_after_a_pause_is_the_first_one_whatever_was_before():
    w = World("0 * * * *", grace="10m")
    w.alive("07:00", "08:11")
    assert explanation(w).rule == "never heard of, and a slot went by"
    w.pause("08:20")
    assert explanation(w).rule == ""
    w.resume("08:50")
    assert explanation(w).rule == ""
    w.ping("09:01")
    assert explanation(w).rule == "heard of for the first time"


def test_what_happens_to_a_job_that_is_down_is_said_of_its_slots():
    w = World("0 * * * *", grace="10m")
    w.alive("07:00", "09:11")
    found = explanation(w)
    assert found.rule == "never heard of, and a slot went by"
    assert [story.rule for story in found.slots] == ["still down; counted", "never heard of, and a slot went by"]


def test_a_fail_that_belongs_to_no_slot_has_its_row():
    w = World("0 * * * *", grace="10m")
    w.fail("07:10")
    assert [entry.slot for entry in w.store.history("job", 9)] == [None]
    assert explanation(w).rule == "its first run failed"


def test_history_that_does_not_say_is_not_guessed_from():
    w = World("0 * * * *", grace="10m")
    w.ping("08:01")
    w.alive("08:02", "09:11")
    old = [replace(entry, row=None) for entry in w.store.history("job", 9)]
    assert explanation(w).rule == "a slot went by without a run"
    found = explanation(w, entries=old)
    assert (found.rule, {story.rule for story in found.slots}) == ("", {""})


def test_a_line_from_before_is_read_and_an_on_time_ping_writes_little_more():
    w = World("0 * * * *", grace="10m")
    w.ping("08:01")
    w.ping("09:01")
    latest = rows.dump(w.store.history("job", 1)[0])
    assert latest.endswith(',"up"]')
    old = latest.removesuffix(',"up"]') + "]"
    assert rows.ENTRY.load(old, "job").row is None
