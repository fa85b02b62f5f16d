"""The timeline drawn in heartbeat/core/judgment.py, and everything that is said of it there."""

import pytest
from story_world import World

from heartbeat.core.blind import Ears

MENDED = ["08:31 down", "09:02 up"]


def timeline(*looks, alert_after=1):
    w = World("0 * * * *", grace="10m", max_runtime="30m", at="07:30", alert_after=alert_after)
    w.looker["ears"] = Ears(patience=1 << 40)  # never blind: this is about the order, not about gaps
    steps = {
        "08:01": lambda at: w.start(at, "a"),
        "09:02": lambda at: w.success(at, "b"),
        "11:20": lambda at: w.success(at, "c", named="2026-01-05T10:00"),
        "12:02": lambda at: w.success(at, "d"),
    }
    for at in sorted([*steps, *looks]):
        steps.get(at, w.sweep)(at)
    return w


def cursor_and_spans(w):
    state = w.job().state
    return w.clock(state.cursor), [w.clock(span.first) for span in state.ahead]


def test_before_the_look_the_job_is_up_and_a_span_is_ahead():
    w = timeline()
    assert (w.status, w.told(), cursor_and_spans(w)) == ("up", [], ("10:00", ["12:00"]))
    assert [w.clock(at) for at, _ in w.job().state.mends] == ["09:02", "11:20", "12:02"]


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        (["12:30"], ["11:10 down", "12:02 up"]),
        (["10:30", "12:30"], ["10:10 down", "11:20 up"]),
        (["11:15", "12:30"], ["10:10 down", "12:02 up"]),
    ],
)
def test_what_is_told_by_who_looked_when(looks, told):
    w = timeline(*looks)
    assert w.told() == MENDED + told
    assert cursor_and_spans(w) == ("12:00", [])
    assert w.verdicts() == {
        "08:00": "timed_out",
        "09:00": "on_time",
        "10:00": "late",
        "11:00": "missed",
        "12:00": "on_time",
    }


def test_a_miss_within_the_last_outage_is_old_news():
    w = timeline("10:30", "12:30")
    assert [w.clock(at) for at in w.job().state.outage] == ["10:10", "11:20"]
    assert (w.status, w.job().state.streak) == ("up", 0)


def test_a_success_may_end_a_streak_only_later():
    w = timeline("10:30", alert_after=2)
    assert (w.status, w.job().state.streak, w.clock(w.job().state.mended_at)) == ("up", 1, "12:02")
    assert timeline("10:30", "12:30", alert_after=2).told() == ["11:10 down", "12:02 up"]


@pytest.mark.parametrize(
    ("looks", "told"),
    [(["09:15", "09:35", "10:15"], ["09:30 down", "10:02 up"]), (["10:15"], [])],
    ids=["found in time", "found after the success: not pretty"],
)
def test_a_miss_and_a_hang_before_a_success_are_in_a_row_when_found_in_time(looks, told):
    w = World("0 * * * *", grace="10m", max_runtime="90m", at="07:30", alert_after=2)
    w.looker["ears"] = Ears(patience=1 << 40)
    w.start("08:00", "a")
    w.sweep(*(at for at in looks if at < "10:02"))
    w.success("10:02", "b")
    w.sweep("10:15")
    assert w.told() == told
