"""`?for=2026-10-25T02:30`, when the clock in Berlin shows 02:30 twice: the first ping is for the first one."""

import pytest
from story_world import World

FIRST, SECOND = "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"
NAMED = "2026-10-25T02:30"


def world(schedule="*/30 2 * * *", **options):
    return World(schedule, zone="Europe/Berlin", at="2026-10-25T02:10+02:00", grace="10m", **options)


def slots_of(w):
    return sorted({entry.slot for entry in w.store.history("job", 100) if entry.verdict == "on_time"})


def test_for_in_a_repeated_hour_the_first_ping_is_for_the_first_and_the_second_for_the_second():
    w = world()
    w.ping("2026-10-25T02:31+02:00", named=NAMED)
    w.ping("2026-10-25T02:01+01:00")
    w.ping("2026-10-25T02:31+01:00", named=NAMED)
    w.alive("2026-10-25T02:32+01:00", "2026-10-25T03:30+01:00")
    assert w.told() == []
    assert {w.ms(FIRST), w.ms(SECOND)} <= set(slots_of(w))


def test_for_in_a_repeated_hour_a_run_that_took_its_hour_ends_the_slot_that_it_began():
    w = world(max_runtime="2h")
    w.start("2026-10-25T02:30+02:00", "a", named=NAMED)
    w.start("2026-10-25T02:00+01:00", "b")
    w.start("2026-10-25T02:30+01:00", "c", named=NAMED)
    w.success("2026-10-25T02:32+01:00", "a", named=NAMED)
    w.success("2026-10-25T02:33+01:00", "b")
    w.success("2026-10-25T02:34+01:00", "c", named=NAMED)
    w.alive("2026-10-25T02:35+01:00", "2026-10-25T03:30+01:00")
    assert w.told() == []
    assert {w.ms(FIRST), w.ms(SECOND)} <= set(slots_of(w))


def test_for_in_a_repeated_hour_two_pings_that_come_late_are_for_both():
    w = world("30 2 * * *", dialect="kubernetes")
    w.ping("2026-10-25T02:31+01:00", named=NAMED, id="1")
    w.ping("2026-10-25T02:31:10+01:00", named=NAMED, id="2")
    assert w.job().state.cursor >= w.ms(SECOND)


@pytest.mark.parametrize(("named", "slot"), [(FIRST, FIRST), (SECOND, SECOND), ("2026-10-25T01:30Z", SECOND)])
def test_for_with_an_offset_means_that_one(named, slot):
    w = world("30 2 * * *", dialect="kubernetes")
    w.success("2026-10-25T02:40+01:00", named=named)
    state = w.job().state
    assert w.ms(slot) in {state.cursor, *(span.first for span in state.ahead)}


def test_for_in_an_hour_that_the_clock_skips_is_placed_by_its_time():
    w = World("30 2 * * *", zone="Europe/Berlin", at="2026-03-28T12:00+01:00", grace="40m")
    w.success("2026-03-29T03:05+02:00", named="2026-03-29T02:30")
    assert w.clock(w.job().state.cursor) == "03-29 03:00"
