"""Times of day as bit masks."""

from __future__ import annotations

from dataclasses import dataclass, field


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
