"""The starts that a job remembers: which one waits first, and when the time of each begins to count. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.model import MINUTE, Phase

if TYPE_CHECKING:
    from heartbeat.model import Start

    Starts = tuple[Start, ...]

STARTS_MAX = 16
"""Starts that a job remembers, not counting open ones, which it always keeps."""
LATE_START = MINUTE
"""EventBridge Scheduler calls within a minute of the slot. A start that comes later than that is our own delay."""
OPEN = frozenset({Phase.CLAIMED, Phase.AGAIN, Phase.QUEUED})
"""Somebody must still go on with these."""
WAITING = frozenset({Phase.AGAIN, Phase.QUEUED})
"""These are certainly not under way."""
ENDED = frozenset({Phase.FAILED, Phase.SKIPPED, Phase.DROPPED})
"""Nothing will be heard of these."""


def known(starts: Starts, run_id: str) -> Start | None:
    """The start of this run, as far as the job remembers it."""
    return next((start for start in starts if start.run_id == run_id), None)


def kept(starts: Starts, new: Start) -> Starts:
    """The starts with this one in place of what was known of its run; the oldest closed ones go."""
    rest = [start for start in starts if start.run_id != new.run_id]
    over = len(rest) + 1 - STARTS_MAX
    closed = [start for start in rest if start.phase not in OPEN][: max(over, 0)]
    return (*(start for start in rest if start not in closed), new)


def queue(starts: Starts) -> list[Start]:
    """The starts that wait for another run to end, in the order in which they were asked for."""
    waiting = [start for start in starts if start.phase is Phase.QUEUED]
    return sorted(waiting, key=lambda start: (start.at, start.slot or start.at, start.run_id))


def woken(starts: Starts, now: int) -> Starts:
    """A run has ended, so the first start that waits for it may begin."""
    first = next(iter(queue(starts)), None)
    return tuple(replace(start, until=now) if start is first else start for start in starts)


def excused(starts: Starts, until: int) -> Starts:
    """The slots up to this instant are no longer expected, so the starts that wait for them are dropped."""
    over = [start for start in _of_slots(starts) if start.slot is not None and start.slot <= until]
    return _without(starts, over, "its slot was excused meanwhile")


def met(starts: Starts, slot: int | None, run_id: str) -> Starts:
    """This run has met the slot, so another start that waits for it is dropped."""
    over = [start for start in _of_slots(starts) if start.slot == slot and start.run_id != run_id]
    return _without(starts, over, "its slot was met meanwhile, by another run")


def _of_slots(starts: Starts) -> list[Start]:
    """The waiting starts that the schedule asked for."""
    return [start for start in starts if start.phase in WAITING and start.slot is not None and not start.by]


def _without(starts: Starts, over: list[Start], why: str) -> Starts:
    if not over:
        return starts
    return tuple(replace(s, phase=Phase.DROPPED, until=0, answer=why) if s in over else s for s in starts)


def counted_from(start: Start) -> int:
    """When its grace begins: at the slot, or at the latest call where we made that late."""
    return _late_or_slot(start, start.called or start.at)


def tried_from(start: Start) -> int:
    """When the time for attempts begins: at the slot, or at the first call where we made that late."""
    return _late_or_slot(start, start.began or start.at)


def _late_or_slot(start: Start, at: int) -> int:
    return at if start.slot is None or at > start.slot + LATE_START else start.slot


def begun_late(starts: Starts, at: int) -> list[Start]:
    """The scheduled starts that began by this instant, and later than their slots, oldest first."""
    begun = [start for start in starts if not start.by and start.phase not in {*ENDED, Phase.QUEUED}]
    return sorted((start for start in begun if start.slot != counted_from(start) <= at), key=counted_from)
