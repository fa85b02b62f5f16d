"""Which days a schedule names, as one bit mask for each kind of month.

Months are of one kind when they begin on the same weekday and have the same length: there are 28 kinds, so at most 28
masks are ever computed for a schedule.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from msgspec import Struct, field

FIRST_YEAR, LAST_YEAR = 1970, 2199
EVERY_MONTHDAY = (1 << 32) - 2
EVERY_WEEKDAY = (1 << 7) - 1
WORKDAYS = 0b0111110
EVERY_MONTH = (1 << 13) - 2
EVERY_YEAR = (1 << (LAST_YEAR - FIRST_YEAR + 1)) - 1

_EPOCH = date(1970, 1, 1).toordinal()
_SIX_WEEKS = 0b100000010000001000000100000010000001  # times a week's mask repeats that week six times
_FEBRUARY = 2
_THURSDAY = 4  # 1970-01-01 was a Thursday
_SATURDAY = 6
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Month(NamedTuple):
    """The days first <= day < end; bit n of `mask`: day `first` + n is named. `number`: months since the year 0."""

    first: int
    end: int
    mask: int
    number: int


_BEFORE = Month(-31, 0, 0, FIRST_YEAR * 12 - 1)  # December 1969: no days before 1970


class Days(Struct, frozen=True, kw_only=True, eq=False):
    """Days by their position in month and week. Bits: day 1 is bit 1, Sunday is bit 0, January is bit 1.

    from_end: bit 1 is the month's last day. nearest: `15W`, the Monday to Friday nearest to a day of the month.
    nth: bit n * 7 + weekday. last: a month's last such weekday. either: day of month OR weekday, instead of AND.
    """

    monthdays: int = EVERY_MONTHDAY
    from_end: int = 0
    nearest: int = 0
    last_workday: bool = False
    weekdays: int = EVERY_WEEKDAY
    nth: int = 0
    last: int = 0
    months: int = EVERY_MONTH
    years: int = EVERY_YEAR
    either: bool = False
    _masks: dict[int, int] = field(default_factory=dict)
    _months: dict[int, Month] = field(default_factory=dict)
    # The last month asked about: the next question is usually about the same one or its neighbour.
    _last: list[Month] = field(default_factory=lambda: [_BEFORE])

    def at_or_after(self, day: int) -> int | None:
        """The first named day on or after `day` (days are counted from 1970-01-01)."""
        first, end, mask, month = self._last[0]
        if not first <= day < end:
            number = month + 1 if day == end else _number(day)
            self._last[0] = first, _, mask, month = self._months.get(number) or self._month(number)
        rest = mask >> day - first
        if rest:
            return day + (rest & -rest).bit_length() - 1
        for later in range(month + 1, (FIRST_YEAR + self.years.bit_length()) * 12):
            if self.months >> later % 12 + 1 & 1:
                first, _, mask, _ = self._months.get(later) or self._month(later)
                if mask:
                    return first + (mask & -mask).bit_length() - 1
        return None

    def at_or_before(self, day: int) -> int | None:
        """The last named day on or before `day`."""
        first, end, mask, month = self._last[0]
        if not first <= day < end:
            number = month - 1 if day == first - 1 else _number(day)
            self._last[0] = first, _, mask, month = self._months.get(number) or self._month(number)
        rest = mask & (2 << day - first) - 1
        if rest:
            return first + rest.bit_length() - 1
        for earlier in range(month - 1, FIRST_YEAR * 12 - 1, -1):
            if self.months >> earlier % 12 + 1 & 1:
                first, _, mask, _ = self._months.get(earlier) or self._month(earlier)
                if mask:
                    return first + mask.bit_length() - 1
        return None

    def _month(self, number: int) -> Month:
        year, month = number // 12, number % 12 + 1
        first = date(year, month, 1).toordinal() - _EPOCH
        named = year >= FIRST_YEAR and self.years >> year - FIRST_YEAR & 1 and self.months >> month & 1
        leap = month == _FEBRUARY and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        length = _LENGTHS[month - 1] + leap
        mask = self._kind((first + _THURSDAY) % 7, length) >> 1 if named else 0
        self._months[number] = found = Month(first, first + length, mask, number)
        return found

    def _kind(self, weekday: int, length: int) -> int:
        """The mask of a month that begins on this weekday and has this length."""
        kind = weekday << 5 | length
        mask = self._masks.get(kind)
        if mask is None:
            mask = self._masks[kind] = self._work_out(weekday, length)
        return mask

    def _work_out(self, weekday: int, length: int) -> int:
        whole = (2 << length) - 2
        by_month = self.monthdays
        if self.from_end or self.nearest or self.last_workday:
            by_month |= self._by_special(weekday, length)
        by_week = self.weekdays * _SIX_WEEKS >> weekday << 1
        if self.nth or self.last:
            by_week |= self._by_nth(weekday, length)
        return (by_month | by_week if self.either else by_month & by_week) & whole

    def _by_special(self, weekday: int, length: int) -> int:
        mask = 0
        for day in range(1, length + 1):
            if self.from_end >> length - day + 1 & 1:
                mask |= 1 << day
            if self.nearest >> day & 1:
                mask |= 1 << _workday_nearest(day, weekday, length)
        if self.last_workday:
            mask |= 1 << _workday_nearest(length, weekday, length)
        return mask

    def _by_nth(self, weekday: int, length: int) -> int:
        mask = self.last * _SIX_WEEKS >> weekday << 1 & (EVERY_WEEKDAY << length - 6)
        for n in range(1, 6):
            week = self.nth >> n * 7 & EVERY_WEEKDAY
            mask |= week * _SIX_WEEKS >> weekday << 1 & (EVERY_WEEKDAY << n * 7 - 6)
        return mask


def _number(day: int) -> int:
    """The number of the month that contains the day."""
    then = date.fromordinal(day + _EPOCH)
    return then.year * 12 + then.month - 1


def _workday_nearest(day: int, weekday_of_first: int, length: int) -> int:
    """The working day (Monday to Friday) nearest to the day without leaving the month."""
    weekday = (weekday_of_first + day - 1) % 7
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == 0:
        return day + 1 if day < length else day - 2
    return day
