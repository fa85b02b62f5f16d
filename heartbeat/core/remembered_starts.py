"""The starts that a job remembers: which waits first, and from when on the time of one counts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.model import MINUTE, Phase

if TYPE_CHECKING:
    from heartbeat.model import Start

    Starts = tuple[Start, ...]

STARTS_MAX = 16
"""Starts that a job remembers; open ones are kept in any case."""
LATE_START = MINUTE
"""EventBridge Scheduler calls within a minute of the slot: a start that comes later is late by our doing."""
OPEN = frozenset({Phase.CLAIMED, Phase.AGAIN, Phase.QUEUED})
"""Somebody must go on with these."""
WAITING = frozenset({Phase.AGAIN, Phase.QUEUED})
"""Of these it is certain that they are not under way."""
ENDED = frozenset({Phase.FAILED, Phase.SKIPPED, Phase.DROPPED})
"""Of these nothing will be heard."""


def known(starts: Starts, run_id: str) -> Start | None:
    """The start of this run, as far as the job remembers it."""
    return next((start for start in starts if start.run_id == run_id), None)


def kept(starts: Starts, new: Start) -> Starts:
    """With this one, in the place of what was known of its run; of those that are closed the oldest go."""
    rest = [start for start in starts if start.run_id != new.run_id]
    over = len(rest) + 1 - STARTS_MAX
    closed = [start for start in rest if start.phase not in OPEN][: max(over, 0)]
    return (*(start for start in rest if start not in closed), new)


def queue(starts: Starts) -> list[Start]:
    """Those that wait for another run's end, in the order in which they were asked for."""
    waiting = [start for start in starts if start.phase is Phase.QUEUED]
    return sorted(waiting, key=lambda start: (start.at, start.slot or start.at, start.run_id))


def woken(starts: Starts, now: int) -> Starts:
    """A run has ended: the first one that waits for it may begin."""
    first = next(iter(queue(starts)), None)
    return tuple(replace(start, until=now) if start is first else start for start in starts)


def excused(starts: Starts, until: int) -> Starts:
    """Nobody expects the slots up to this instant any more: what waits for them is dropped."""
    over = [start for start in _of_slots(starts) if start.slot is not None and start.slot <= until]
    return _without(starts, over, "its slot was excused meanwhile")


def met(starts: Starts, slot: int | None, run_id: str) -> Starts:
    """This slot was met by this run: another one that waits for it is dropped."""
    over = [start for start in _of_slots(starts) if start.slot == slot and start.run_id != run_id]
    return _without(starts, over, "its slot was met meanwhile, by another run")


def _of_slots(starts: Starts) -> list[Start]:
    """What waits, and that no person asked for."""
    return [start for start in starts if start.phase in WAITING and start.slot is not None and not start.by]


def _without(starts: Starts, over: list[Start], why: str) -> Starts:
    if not over:
        return starts
    return tuple(replace(s, phase=Phase.DROPPED, until=0, answer=why) if s in over else s for s in starts)


def counted_from(start: Start) -> int:
    """From when on it has its grace: the slot, or the latest call, where that was late by our doing."""
    return _late_or_slot(start, start.called or start.at)


def tried_from(start: Start) -> int:
    """From when on the time for attempts counts: the slot, or the first call, where that was late by our doing."""
    return _late_or_slot(start, start.began or start.at)


def _late_or_slot(start: Start, at: int) -> int:
    return at if start.slot is None or at > start.slot + LATE_START else start.slot


def begun_late(starts: Starts, at: int) -> list[Start]:
    """Those of the schedule that began by this instant, and later than their slots, oldest first."""
    begun = [start for start in starts if not start.by and start.phase not in {*ENDED, Phase.QUEUED}]
    return sorted((start for start in begun if start.slot != counted_from(start) <= at), key=counted_from)
