"""What a schedule means on a wall clock, before any time zone: the two questions every dialect answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from heartbeat.schedule.days import Days
    from heartbeat.schedule.times import Times


_DAY = 86_400
_LAST_SECOND = _DAY - 1


class Wall(Protocol):
    """A set of wall clock readings in whole seconds, counted as if the zone were UTC."""

    def at_or_after(self, reading: int) -> int | None:
        """The first reading in the set at or after this one."""

    def at_or_before(self, reading: int) -> int | None:
        """The last reading in the set at or before this one."""

    def describe(self) -> str:
        """The set in English words, without the zone."""


class Calendar(Struct, frozen=True, kw_only=True):
    """The wall of every dialect with fields: certain times on certain days."""

    days: Days
    times: Times

    def at_or_after(self, reading: int) -> int | None:
        """The first reading at or after this one."""
        day, second = divmod(reading, _DAY)
        times = self.times
        if second > times.last:
            day, second = day + 1, 0
        named = self.days.at_or_after(day)
        if named is None:
            return None
        inside = named == day and second > times.first
        return named * _DAY + (times.at_or_after(second) if inside else times.first)

    def at_or_before(self, reading: int) -> int | None:
        """The last reading at or before this one."""
        day, second = divmod(reading, _DAY)
        times = self.times
        if second < times.first:
            day, second = day - 1, _LAST_SECOND
        named = self.days.at_or_before(day)
        if named is None:
            return None
        inside = named == day and second < times.last
        return named * _DAY + (times.at_or_before(second) if inside else times.last)

    def describe(self) -> str:
        """The set in English words."""
        from heartbeat.schedule.words import calendar_in_words  # noqa: PLC0415 -- words are for people, not for a ping

        return calendar_in_words(self.days, self.times)
