"""Times of day as bit masks."""

from __future__ import annotations

from msgspec import Struct


class Times(Struct, frozen=True, kw_only=True):
    """Times of day, at least one: every minute of `minutes` (1440 bits) at each of `seconds` (60 bits).

    first, last: the earliest and the latest, in seconds of the day.
    """

    minutes: int
    seconds: int
    first: int
    last: int

    def at_or_after(self, second: int) -> int:
        """The first time at or after this second of the day, which must not be after `last`."""
        minute, within = divmod(second, 60)
        if within:
            rest = self.seconds >> within
            if rest and self.minutes >> minute & 1:
                return second + _lowest(rest)
            minute += 1
        rest = self.minutes >> minute
        return (minute + (rest & -rest).bit_length() - 1) * 60 + self.first % 60

    def at_or_before(self, second: int) -> int:
        """The last time at or before this second of the day, which must not be before `first`."""
        minute, within = divmod(second, 60)
        seconds = self.seconds & (2 << within) - 1
        if self.minutes >> minute & 1 and seconds:
            return minute * 60 + _highest(seconds)
        return _highest(self.minutes & (1 << minute) - 1) * 60 + _highest(self.seconds)


def _lowest(mask: int) -> int:
    """The number of the lowest set bit."""
    return (mask & -mask).bit_length() - 1


def _highest(mask: int) -> int:
    """The number of the highest set bit."""
    return mask.bit_length() - 1


def times(hours: int, minutes: int, seconds: int = 1) -> Times:
    """Each of the minutes in each of the hours."""
    spread = 0
    while hours:
        spread |= minutes << _lowest(hours) * 60
        hours &= hours - 1
    first, last = _lowest(spread) * 60 + _lowest(seconds), _highest(spread) * 60 + _highest(seconds)
    return Times(minutes=spread, seconds=seconds, first=first, last=last)
