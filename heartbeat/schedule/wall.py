"""What a schedule means on a clock on the wall, before any time zone: the two questions every dialect answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from heartbeat.schedule.days import Days


_DAY = 86_400
_LAST_SECOND = _DAY - 1


class Wall(Protocol):
    """A set of wall clock readings in whole seconds, counted as if the zone were UTC."""

    def at_or_after(self, reading: int) -> int | None:
        """The first reading in the set that is not before this one."""

    def at_or_before(self, reading: int) -> int | None:
        """The last reading in the set that is not after this one."""

    def describe(self) -> str:
        """The set in English words, without the zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Times of day: every minute of `minutes` (1440 bits) at each of `seconds` (60 bits)."""

    minutes: int
    seconds: int = 1

    def at_or_after(self, second: int) -> int:
        """The first time that is not before this second of the day; -1 when there is none left."""
        minute, within = divmod(second, 60)
        if within and self.minutes >> minute & 1:
            rest = self.seconds >> within
            if rest:
                return second + (rest & -rest).bit_length() - 1
        rest = self.minutes >> minute + (within > 0)
        if not rest:
            return -1
        seconds = self.seconds
        return (minute + (within > 0) + (rest & -rest).bit_length() - 1) * 60 + (seconds & -seconds).bit_length() - 1

    def at_or_before(self, second: int) -> int:
        """The last time that is not after this second of the day; -1 when there is none."""
        minute, within = divmod(second, 60)
        if self.minutes >> minute & 1:
            rest = self.seconds & (2 << within) - 1
            if rest:
                return minute * 60 + rest.bit_length() - 1
        rest = self.minutes & (1 << minute) - 1
        return (rest.bit_length() - 1) * 60 + self.seconds.bit_length() - 1 if rest else -1


def times(hours: int, minutes: int, seconds: int = 1) -> Times:
    """Every one of the minutes in every one of the hours."""
    spread = 0
    for hour in range(24):
        if hours >> hour & 1:
            spread |= minutes << hour * 60
    return Times(minutes=spread, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The wall of every dialect with fields: some times on some days."""

    days: Days
    times: Times

    def at_or_after(self, reading: int) -> int | None:
        """The first reading that is not before this one."""
        day, second = divmod(reading, _DAY)
        named = self.days.at_or_after(day)
        if named == day:
            found = self.times.at_or_after(second)
            if found >= 0:
                return day * _DAY + found
            named = self.days.at_or_after(day + 1)
        return None if named is None else named * _DAY + self.times.at_or_after(0)

    def at_or_before(self, reading: int) -> int | None:
        """The last reading that is not after this one."""
        day, second = divmod(reading, _DAY)
        named = self.days.at_or_before(day)
        if named == day:
            found = self.times.at_or_before(second)
            if found >= 0:
                return day * _DAY + found
            named = self.days.at_or_before(day - 1)
        return None if named is None else named * _DAY + self.times.at_or_before(_LAST_SECOND)

    def describe(self) -> str:
        """The set in English words."""
        from heartbeat.schedule.words import calendar_in_words  # noqa: PLC0415 -- words are for people, not for a ping

        return calendar_in_words(self)
