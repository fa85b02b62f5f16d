"""What a schedule means on a clock on the wall, before any time zone: the two questions every dialect answers."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    """Times of day, at least one: every minute of `minutes` (1440 bits) at each of `seconds` (60 bits)."""

    minutes: int
    seconds: int = 1
    first: int = field(init=False)
    last: int = field(init=False)
    """The earliest and the latest of them, in seconds of the day."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", _lowest(self.minutes) * 60 + _lowest(self.seconds))
        object.__setattr__(self, "last", _highest(self.minutes) * 60 + _highest(self.seconds))

    def at_or_after(self, second: int) -> int:
        """The first time that is not before this second of the day, which is not after the last of them."""
        minute, within = divmod(second, 60)
        if within:
            rest = self.seconds >> within
            if rest and self.minutes >> minute & 1:
                return second + _lowest(rest)
            minute += 1
        rest = self.minutes >> minute
        return (minute + _lowest(rest)) * 60 + self.first % 60

    def at_or_before(self, second: int) -> int:
        """The last time that is not after this second of the day, which is not before the first of them."""
        minute, within = divmod(second, 60)
        seconds = self.seconds & (2 << within) - 1
        if self.minutes >> minute & 1 and seconds:
            return minute * 60 + _highest(seconds)
        return _highest(self.minutes & (1 << minute) - 1) * 60 + _highest(self.seconds)


def _lowest(mask: int) -> int:
    """Which is the lowest bit that is set."""
    return (mask & -mask).bit_length() - 1


def _highest(mask: int) -> int:
    """Which is the highest bit that is set."""
    return mask.bit_length() - 1


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
        times = self.times
        if second > times.last:
            day, second = day + 1, 0
        named = self.days.at_or_after(day)
        if named is None:
            return None
        inside = named == day and second > times.first
        return named * _DAY + (times.at_or_after(second) if inside else times.first)

    def at_or_before(self, reading: int) -> int | None:
        """The last reading that is not after this one."""
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

        return calendar_in_words(self)
