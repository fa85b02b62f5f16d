"""The wall clock readings of one RRULE, computed a year at a time.

dateutil looks for the next reading until the year 9999, which takes many seconds when there is none. The calendar
repeats after 400 years to the day and the weekday, so we run the rule 7600 years LATER, where it ends soon.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct, field

from heartbeat.schedule.days import FIRST_YEAR, LAST_YEAR

if TYPE_CHECKING:
    from dateutil.rrule import rrule

_LATER_YEARS = 7600
LATER = timedelta(days=_LATER_YEARS // 400 * 146_097)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- readings of a clock on the wall have no zone
# Without an anchor, the rule starts afresh shortly before the year in question: before its first week, on a 1st.
_RUN_UP = timedelta(days=31)
_YEARS_KEPT = 64


class Recurrence(Struct, frozen=True, kw_only=True, eq=False):
    """The wall of an RRULE. rule: dateutil's, LATER. begin: its DTSTART, None when any start will do.

    excluded, excluded_days: readings, and days, that EXDATE takes out.
    """

    rule: rrule
    parts: dict[str, str]
    begin: datetime | None
    excluded: frozenset[datetime] = frozenset()
    excluded_days: frozenset[datetime] = frozenset()
    _years: dict[int, tuple[list[int], int]] = field(default_factory=dict)

    def at_or_after(self, reading: int) -> int | None:
        """The first reading at or after this one."""
        year = max((_EPOCH + timedelta(seconds=reading)).year, FIRST_YEAR)
        while year <= LAST_YEAR:  # two turns at most, but for what EXDATE takes out: the second year has readings
            readings, next_year = self._year(year)
            place = bisect_left(readings, reading)
            if place < len(readings):
                return readings[place]
            year = next_year
        return None

    def at_or_before(self, reading: int) -> int | None:
        """The last reading at or before this one."""
        year = min((_EPOCH + timedelta(seconds=reading)).year, LAST_YEAR)
        for earlier in range(year, (self.begin.year if self.begin else FIRST_YEAR) - 1, -1):
            readings, _ = self._year(earlier)
            place = bisect_right(readings, reading)
            if place:
                return readings[place - 1]
        return None

    def describe(self) -> str:
        """The rule in English words."""
        from heartbeat.schedule.recurrence_words import recurrence_in_words  # noqa: PLC0415 -- for people, not for pings

        return recurrence_in_words(self.parts, self.begin, sorted(self.excluded | self.excluded_days))

    def _year(self, year: int) -> tuple[list[int], int]:
        """The year's readings, and the next year that has any."""
        found = self._years.get(year)
        if found is None:
            if len(self._years) >= _YEARS_KEPT:
                self._years.clear()
            found = self._years[year] = self._work_out(year)
        return found

    def _work_out(self, year: int) -> tuple[list[int], int]:
        first = datetime(year, 1, 1)  # noqa: DTZ001 -- as above
        rule = self.rule if self.begin else self.rule.replace(dtstart=first - _RUN_UP + LATER)
        readings: list[int] = []
        for each in rule.xafter(first + LATER, inc=True):
            if each.year - _LATER_YEARS > year:
                return readings, each.year - _LATER_YEARS
            reading = each - LATER
            day = reading.replace(hour=0, minute=0, second=0)
            if reading not in self.excluded and day not in self.excluded_days:
                readings.append(int((reading - _EPOCH).total_seconds()))
        return readings, LAST_YEAR + 1
