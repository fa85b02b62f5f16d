"""The remarks about a time zone that is probably wrong, the commonest false alarm, and about a clock that is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heartbeat.core import slots
from heartbeat.model import HOUR, MINUTE
from heartbeat.schedule.duration import format_duration
from heartbeat.text.times import duration

if TYPE_CHECKING:
    from heartbeat.model import Job, Signal, State

HALF_HOUR = 30 * MINUTE
HEARTBEATS_MIN = 3
"""The fewest heartbeats that must agree before we doubt the time zone."""
SHIFT_MAX = 14 * HOUR
"""No zone is further from UTC than this."""
SKEW_SAID = MINUTE
"""A sender's clock that is less wrong than this is not worth a word: its times are corrected."""


def hint(job: Job, state: State) -> str:
    """What a person should know about the times that this job sends; "" when nothing is odd about them."""
    return "; ".join(filter(None, (skew_hint(state.skew), offset_hint(job, state.recent))))


def skew_hint(skew: int) -> str:
    """What to say about a sender's clock that is slow by this much."""
    if abs(skew) < SKEW_SAID:
        return ""
    side = "slow" if skew > 0 else "fast"
    return f"the clock where it runs is {duration(abs(skew))} {side} (by ours); the times it sends are corrected"


def late_stamp(signal: Signal) -> str:
    """What to say about a ping that was long on its way and did not say when it was sent: its clock may be wrong."""
    late = signal.received - signal.at
    if signal.skew is not None or signal.source != "ping" or late < SKEW_SAID:
        return ""
    return f"it says that it happened {duration(late)} before it came: it was delayed, or the clock there is slow"


def offset_hint(job: Job, heartbeats: tuple[int, ...]) -> str:
    """What to say when the latest heartbeats all come at one constant offset (whole or half hours) from the slots.

    heartbeats: when they happened. "" when there are too few, they differ, or they come when they should.
    """
    schedule = slots.schedule_of(job)
    if len(heartbeats) < HEARTBEATS_MIN or schedule.interval_ms is not None:
        return ""
    latest = heartbeats[-HEARTBEATS_MIN:]
    common = _shifts(job, latest[-1], schedule.window_ms(latest[-1]))
    for at in latest[:-1]:
        if not common:
            return ""
        common &= _shifts(job, at, schedule.window_ms(at))
    return _say(job, common, latest[-1]) if common else ""


def _shifts(job: Job, at: int, window: tuple[int | None, int | None]) -> set[int]:
    # The half hours by which a slot would have to move for this heartbeat to come just after it; none if in time.
    distances = [at - slot for slot in window if slot is not None]
    if any(0 <= distance < job.grace for distance in distances):
        return set()
    tolerance = min(job.grace, 10 * MINUTE)
    return {
        distance - distance % HALF_HOUR
        for distance in distances
        if distance % HALF_HOUR < tolerance and abs(distance) <= SHIFT_MAX
    } - {0}


def _say(job: Job, shifts: set[int], at: int) -> str:
    offset = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(job.timezone)).utcoffset()
    if offset is not None and round(offset.total_seconds() * 1000) in shifts:
        return f"your heartbeats look like UTC; the job is declared {job.timezone}"
    shift = min(shifts, key=abs)
    side = "after" if shift > 0 else "before"
    return (
        f"your heartbeats come {format_duration(abs(shift))} {side} each slot; the job is declared {job.timezone}: "
        "is that the time zone it runs in?"
    )
