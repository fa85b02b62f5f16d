"""One expression as a rule: wall clock readings, the zone they are read in, and what happens when its clock changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from heartbeat.schedule.days import FIRST_YEAR, LAST_YEAR
from heartbeat.schedule.duration import format_duration
from heartbeat.schedule.zones import DAY

if TYPE_CHECKING:
    from heartbeat.schedule.wall import Wall
    from heartbeat.schedule.zones import OffsetSpan, Zone

# Longer than the longest clock jump (Apia skipped a whole day), so that a leap ahead cannot pass over one.
_LEAP = 2 * DAY
# Every turn advances at least one span; no zone has more than four spans a year, and there are 230 years.
_TURNS = 1000
# There are no slots after the last year, and datetime has an end.
_HORIZON = (LAST_YEAR - FIRST_YEAR + 2) * 366 * DAY


class Policy(Struct, frozen=True, kw_only=True):
    """What a clock change does to a slot. Gaps skip slots, except gaps of at most `catches_up` seconds.

    catches_up: a reading that the clock jumps over runs at the instant of the jump.
    once: when a reading occurs twice, only the first counts.
    """

    catches_up: int
    once: bool


# Debian cron (cron.c, "wakeup kind" medium): a change of up to three hours is daylight saving time, so
# `30 2 * * *` runs at the jump; jobs whose minute or hour begins with a star follow the wall clock.
POLICIES = {
    "unix, fixed": Policy(catches_up=3 * 3600, once=True),
    "unix, wildcard": Policy(catches_up=0, once=False),
    "kubernetes": Policy(catches_up=0, once=False),  # robfig/cron
    "eventbridge": Policy(catches_up=0, once=True),  # EventBridge Scheduler user guide, daylight saving time
    "oncalendar": Policy(catches_up=0, once=True),  # systemd 252, measured
    "rrule": Policy(catches_up=0, once=True),  # RFC 5545: 3.3.10 ignores the gap, 3.3.5 takes the first of two
}


class Rule(Protocol):
    """One part of a Schedule."""

    def next_ms(self, after: int) -> int | None:
        """The first slot strictly after."""

    def previous_ms(self, before: int) -> int | None:
        """The last slot strictly before."""

    def describe(self) -> str:
        """The rule in English words."""


class Zoned(Struct, frozen=True, kw_only=True):
    """Wall clock readings in a zone."""

    wall: Wall
    zone: Zone
    policy: Policy

    def next_ms(self, after: int) -> int | None:
        """The first slot strictly after."""
        instant = after // 1000 + 1
        if not 0 <= instant <= _HORIZON:
            instant = 0 if instant < 0 else _HORIZON
        for _ in range(_TURNS):
            span = self.zone.span(instant)
            start, end, offset, before, _ = span
            if instant == start and self._is_caught_up(span):
                return start * 1000
            reading = instant + offset
            if before > offset and self.policy.once and reading < start + before:
                reading = start + before
            found = self.wall.at_or_after(reading)
            if found is None:
                return None
            slot = found - offset
            if slot < end:
                return slot * 1000
            if found < end + span.after and span.gap <= self.policy.catches_up:
                return end * 1000
            # A clock that goes back repeats readings before `found`: do not leap over those.
            instant = end if span.gap < 0 else max(end, slot - _LEAP)
        return None

    def _is_caught_up(self, span: OffsetSpan) -> bool:
        """Whether a reading that the clock skipped as this span began runs at the jump."""
        if not 0 < span.offset - span.before <= self.policy.catches_up:
            return False
        skipped = self.wall.at_or_after(span.start + span.before)
        return skipped is not None and skipped < span.start + span.offset

    def previous_ms(self, before: int) -> int | None:
        """The last slot strictly before."""
        instant = min(max((before - 1) // 1000, -1), _HORIZON)
        for _ in range(_TURNS):
            start, _, offset, offset_before, _ = self.zone.span(instant)
            found = self.wall.at_or_before(instant + offset)
            if found is None:
                return None
            if found >= start + (max(offset, offset_before) if self.policy.once else offset):
                return (found - offset) * 1000
            if found >= start + offset_before and 0 < offset - offset_before <= self.policy.catches_up:
                return start * 1000
            instant = start - 1 if offset < offset_before else min(start - 1, found - offset + _LEAP)
        return None

    def describe(self) -> str:
        """The rule in English words."""
        return f"{self.wall.describe()}, {self.zone.name}"


class Interval(Struct, frozen=True, kw_only=True):
    """A fixed time after the last heartbeat, whatever the clocks do; the argument is that heartbeat."""

    ms: int

    def next_ms(self, after: int) -> int | None:
        """One interval later."""
        return after + self.ms

    def previous_ms(self, before: int) -> int | None:
        """One interval earlier."""
        return before - self.ms

    def describe(self) -> str:
        """The rule in English words."""
        return f"every {format_duration(self.ms)}, counted from the last heartbeat"
