"""What our own absence hides, and what it does not. Pure.

A service that restarts, hangs, is suspended or loses its front does not hear for a while: that is a *gap*. After a gap
of any length each open slot is asked one question: could it have been met only while nobody listened? The slot's own
time is from the slot to its deadline (slot + grace); that of a run's end is from its start to its limit.

          gap.start                   gap.end (our return)
    ─────────┤░░░░░░░░░░ nobody ░░░░░░░░░░├───── RHYTHM + RETRIES ─────┤────────→
    ●───┤ (1)                             ┊                            ┊
      ●────────┤ (2)                      ┊ grace┤                     ┊            ● the slot   ┤ its deadline
               ●──────────┤ (3)           ┊                            ┊
                                     ●────┊───┤ (3)                    ┊
                                          ┊ ●─────────┤ (4)            ┊

(1) Its deadline had passed, and (4) it came after our return: judged as ever.
(2) Half of its time or more lay before the gap or after it: it could well have been met while we listened. The job had
    stopped before, or its client is between two attempts at this moment: it is given RETRIES from our return on, and
    never longer than its own grace.
(3) More than half of its time was lost. What then tells a job that stopped from one that we did not hear?

    - Its next slot, when the job has a quick rhythm (slots no further apart than RHYTHM). Nobody can say what became of
      this slot, so it is `unknown` and nobody is told; the next one is judged as ever, and a job that is gone is told
      of one slot later. Such a job does not come by at the moment of our return but when its rhythm says so: for a slot
      that had begun by then, the gap counts as longer by one rhythm and the retries.
    - Its client's next attempt, when the slots are further apart and the gap was short: whoever tries again at all
      still tries after our return. The slot waits for RHYTHM + RETRIES; silence after that means that there was no run.
    - Nobody, when the gap was long: every client has given up. Slots that are over by our return are `unknown`, and one
      message names their jobs ("blind from … to …"). A slot that is still open has its time, at least
      RHYTHM + RETRIES from our return on: a run that did not happen must be told, and nothing else would tell it.

What is not pretty: a client that tries only once, of a job with a slow rhythm, whose only call fell into a short gap,
is told as missed though it ran; the alert says that we were not listening then. And a network that was away while our
clock ran looks from here exactly like jobs that stopped: no gap is known, and none can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from heartbeat.model import MINUTE, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONG = 5 * MINUTE
"""No client tries for longer than this: `curl --retry 5` pauses for half a minute in all, our own clients for less."""
RHYTHM = 5 * MINUTE
"""Slots no further apart than this answer soon enough. A slower job is not waited for any longer than this either."""
RETRIES = MINUTE
"""A client tries again within this of our return: `curl --retry 5` pauses for 16 s at most, and an attempt may hang."""

ALIVE_EVERY = 10 * SECOND
"""An idle sweep writes that it is alive no more often than this."""


class Blind(Struct, frozen=True, kw_only=True):
    """A time in which we were not listening: from start to end."""

    start: int
    end: int

    @property
    def is_long(self) -> bool:
        """Whether what was sent within it is lost for good."""
        return self.end - self.start > LONG

    def touches(self, limit: Limit) -> bool:
        """Whether it took some of the time in which this could have been heard."""
        return limit.start < self.end and self.start < limit.end

    def hides(self, start: int, end: int) -> bool:
        """Whether more than half of the time in which something could have been heard was lost to us."""
        return 2 * (min(end, self.end) - max(start, self.start)) > end - start


class Limit(Struct, frozen=True, kw_only=True):
    """What must be heard from start on and before end. grace: the job's; rhythm: from slot to slot, None: unknown."""

    start: int
    end: int
    grace: int
    rhythm: int | None

    @property
    def is_quick(self) -> bool:
        """Whether the job's next slot will soon tell if it is alive."""
        return self.rhythm is not None and self.rhythm <= RHYTHM


def is_unknown(limit: Limit, blinds: Sequence[Blind]) -> bool:
    """Whether nobody can say what became of this, and nobody need wait for it."""
    return any(_takes(blind, limit) for blind in blinds)


def _takes(blind: Blind, limit: Limit) -> bool:
    if not blind.touches(limit):
        return False
    if limit.is_quick:
        return _for(limit, blind).hides(limit.start, limit.end)
    return blind.is_long and limit.end <= blind.end and blind.hides(limit.start, limit.end)


def _for(limit: Limit, blind: Blind) -> Blind:
    """The gap as a job of this rhythm has it."""
    return Blind(start=blind.start, end=blind.end + (limit.rhythm or 0) + RETRIES)


def judged_at(limit: Limit, blinds: Sequence[Blind]) -> int:
    """When the clock judges this, if nothing is heard: at its end, or later after a gap."""
    waits = [blind.end + _wait(limit, blind) for blind in blinds if blind.touches(limit)]
    return limit.end if not waits or is_unknown(limit, blinds) else max(limit.end, *waits)


def _wait(limit: Limit, blind: Blind) -> int:
    if not blind.hides(limit.start, limit.end):
        return min(RETRIES, limit.grace)
    return RETRIES + min(limit.rhythm or RHYTHM, RHYTHM)


def last_touching(limit: Limit, blinds: Sequence[Blind]) -> Blind | None:
    """The latest gap that took some of its time."""
    return next((blind for blind in reversed(blinds) if blind.touches(limit)), None)


def merged(blinds: Iterable[Blind]) -> tuple[Blind, ...]:
    """The gaps in order of time; those that overlap are one."""
    found: list[Blind] = []
    for blind in sorted(blinds, key=lambda each: each.start):
        if found and blind.start < found[-1].end:
            found[-1] = Blind(start=found[-1].start, end=max(found[-1].end, blind.end))
        else:
            found.append(blind)
    return tuple(found)


class Ears(Struct, frozen=True, kw_only=True):
    """What the door knows of whether anybody could reach us.

    patience: a longer time without a sweep is one in which we were not listening; None: what the last sweeper said.
    deaf: a time in which nobody could reach us, though sweeps may have run; ahead: by how much the clock was set
    forward since the last sweep (negative: back).
    """

    patience: int | None = None
    deaf: Blind | None = None
    ahead: int = 0


ALL_EARS = Ears()


def patience(pause: int) -> int:
    """The patience of a door that sweeps at this interval. An idle sweep is recorded only every ten seconds."""
    return pause + max(pause // 2, ALIVE_EVERY + 5 * SECOND)
