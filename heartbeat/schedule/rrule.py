"""iCalendar's RRULE, read by python-dateutil: wall clock readings, a year at a time.

Without a DTSTART the rule must say itself what iCalendar would take from it, and begins in 1970 at midnight.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from heartbeat.errors import BadSchedule
from heartbeat.schedule.days import FIRST_YEAR, LAST_YEAR
from heartbeat.schedule.rule import POLICIES, Rule, Zoned
from heartbeat.schedule.zones import Zone

if TYPE_CHECKING:
    from dateutil.rrule import rrule

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- readings of a clock on the wall have no zone
_FORM = re.compile(r"(?:DTSTART[:=](?P<start>[0-9]{8}(?:T[0-9]{6})?)[\s;]+)?(?:RRULE:)?(?P<rule>[A-Z0-9=,;+-]+)")
_COUNT_MAX = 10_000
# What a rule without DTSTART must name, since iCalendar would otherwise take it from there.
_NEEDS = {
    "YEARLY": ("BYMONTHDAY", "BYDAY", "BYYEARDAY", "BYWEEKNO"),
    "MONTHLY": ("BYMONTHDAY", "BYDAY"),
    "WEEKLY": ("BYDAY",),
    "DAILY": ("FREQ",),
    "HOURLY": ("FREQ",),
}


def read_rrule(text: str, zone: Zone) -> Rule:
    """A rule from `RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18`, or `DTSTART:20260101T090000 RRULE:...`."""
    form = _FORM.fullmatch(text.strip().upper().replace("DTSTART;VALUE=DATE:", "DTSTART:"))
    parts = dict(part.partition("=")[::2] for part in form["rule"].split(";")) if form else {}
    if form is None or parts.get("FREQ") not in _NEEDS:
        raise _refused(text, "needs a FREQ of YEARLY, MONTHLY, WEEKLY, DAILY or HOURLY, and DTSTART without a zone")
    if form["start"] is None:
        _check_stands_alone(parts, text)
    if int(parts.get("COUNT", "0")) > _COUNT_MAX:
        raise _refused(text, f"counts more than {_COUNT_MAX} times")
    wall = RecurrenceWall(
        rule=_made(form["rule"], form["start"], text), parts=parts, anchored=form["start"] is not None
    )
    return Zoned(wall=wall, zone=zone, policy=POLICIES["rrule"])


def _check_stands_alone(parts: dict[str, str], text: str) -> None:
    if parts.get("INTERVAL", "1") != "1" or "COUNT" in parts:
        raise _refused(text, "counts from a beginning that it does not name", "put DTSTART:20260101T090000 before it")
    needs = _NEEDS[parts["FREQ"]]
    if not any(each in parts for each in needs):
        raise _refused(text, f"does not say which day: add {' or '.join(needs)}, or a DTSTART")


def _made(rule: str, start: str | None, text: str) -> rrule:
    from dateutil.rrule import rrule, rrulestr  # noqa: PLC0415 -- the base install has no dateutil

    begin = datetime.fromisoformat(start) if start else _EPOCH
    # RFC 5545 asks for an UNTIL in UTC where we speak of the wall clock; dateutil wants what DTSTART is: without a zone.
    rule = re.sub(r"(UNTIL=[0-9]{8}(?:T[0-9]{6})?)Z", r"\1", rule)
    try:
        made = rrulestr(rule, dtstart=begin)
    except (ValueError, TypeError) as error:
        raise _refused(text, f"cannot be read ({error})") from None
    if not isinstance(made, rrule):
        raise _refused(text, "is more than one rule", "write a list of rules")
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrenceWall:
    """The readings of one RRULE. Without an anchor it begins anew a month before each year that is asked for."""

    rule: rrule
    parts: dict[str, str]
    anchored: bool
    _years: dict[int, list[int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def at_or_after(self, reading: int) -> int | None:
        """The first reading that is not before this one."""
        for year in range((_EPOCH + timedelta(seconds=reading)).year, LAST_YEAR + 1):
            readings = self._year(year)
            place = bisect_left(readings, reading)
            if place < len(readings):
                return readings[place]
        return None

    def at_or_before(self, reading: int) -> int | None:
        """The last reading that is not after this one."""
        for year in range((_EPOCH + timedelta(seconds=reading)).year, FIRST_YEAR - 1, -1):
            readings = self._year(year)
            place = bisect_right(readings, reading)
            if place:
                return readings[place - 1]
        return None

    def describe(self) -> str:
        """The rule in English words."""
        from heartbeat.schedule.words import recurrence_in_words  # noqa: PLC0415 -- words are for people, not for a ping

        return recurrence_in_words(self.parts)

    def _year(self, year: int) -> list[int]:
        readings = self._years.get(year)
        if readings is None:
            if len(self._years) >= 8:
                self._years.clear()
            readings = self._years[year] = self._work_out(year)
        return readings

    def _work_out(self, year: int) -> list[int]:
        begin, end = datetime(year, 1, 1), datetime(year, 12, 31, 23, 59, 59)  # noqa: DTZ001 -- as above
        rule = self.rule if self.anchored else self.rule.replace(dtstart=begin - timedelta(days=31))
        return [int((each - _EPOCH).total_seconds()) for each in rule.between(begin, end, inc=True)]


def _refused(text: str, problem: str, remedy: str = "") -> BadSchedule:
    return BadSchedule(
        field="RRULE",
        text=text,
        problem=problem,
        remedy=remedy
        or "write it like RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18 or DTSTART:20260101T090000 RRULE:FREQ=DAILY",
    )
