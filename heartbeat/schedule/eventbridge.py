"""Amazon EventBridge: `cron(0 9 ? * MON-FRI *)` with the year last, `rate(5 minutes)`, `at(2026-12-01T09:00:00)`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from heartbeat.errors import BadSchedule
from heartbeat.schedule.days import FIRST_YEAR, LAST_YEAR, Days
from heartbeat.schedule.duration import MS
from heartbeat.schedule.fields import MONTHS, WEEKDAYS, Field, read_monthdays
from heartbeat.schedule.rule import POLICIES, Interval, Zoned
from heartbeat.schedule.times import times
from heartbeat.schedule.wall import Calendar

if TYPE_CHECKING:
    from heartbeat.schedule.rule import Rule
    from heartbeat.schedule.zones import Zone

_FIELDS = 6
_MINUTE = Field(name="minute", low=0, high=59, example="0/15", wraps=True, opens=True)
_HOUR = Field(name="hour", low=0, high=23, example="9-17", wraps=True, opens=True)
_MONTHDAY = Field(name="day of month", low=1, high=31, example="1,15 or L", wraps=True, opens=True)
_MONTH = Field(name="month", low=1, high=12, example="1-6", names=MONTHS, wraps=True, opens=True)
_WEEKDAY = Field(name="day of week", low=1, high=7, example="MON-FRI", names=WEEKDAYS, wraps=True, opens=True)
_YEAR = Field(name="year", low=FIRST_YEAR, high=LAST_YEAR, example="2026-2030", opens=True)
_EXAMPLE = "cron(0 9 ? * MON-FRI *)"
CRON = (_MINUTE, _HOUR, _MONTHDAY, _MONTH, _WEEKDAY, _YEAR)
_FORM = re.compile(r"(cron|rate|at)\((.*)\)", re.DOTALL)
_RATE = re.compile(r"([0-9]{1,9}) (minute|hour|day)(s?)")
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
_NTH = re.compile(r"([1-7]|[A-Z]{3})#([1-5])")
_LAST = re.compile(r"([1-7]|[A-Z]{3})L")
_SATURDAY = 1 << 6


def read_eventbridge(text: str, zone: Zone) -> Rule:
    """A rule from cron(...), rate(...), at(...), or the six bare fields of a cron(...)."""
    form = _FORM.fullmatch(text)
    kind, inside = form.groups() if form else ("cron", text)
    if kind == "rate":
        return _rate(inside, text)
    wall = _at(inside, text) if kind == "at" else _cron(inside, text)
    return Zoned(wall=wall, zone=zone, policy=POLICIES["eventbridge"])


def _rate(inside: str, text: str) -> Interval:
    form = _RATE.fullmatch(inside)
    if form is None or int(form[1]) == 0:
        remedy = "write rate(1 hour), rate(5 minutes), rate(2 days)"
        raise BadSchedule(field="rate", text=text, problem="cannot be read", remedy=remedy)
    count, unit = int(form[1]), form[2]
    if (count == 1) == bool(form[3]):
        remedy = f"write rate({count} {unit if count == 1 else f'{unit}s'})"
        raise BadSchedule(field="rate", text=text, problem="has the wrong number of its unit", remedy=remedy)
    return Interval(ms=count * MS[unit[0]])


def _at(inside: str, text: str) -> Calendar:
    try:
        then = datetime.fromisoformat(inside) if _AT.fullmatch(inside) else None
    except ValueError:
        then = None
    if then is None or not FIRST_YEAR <= then.year <= LAST_YEAR:
        remedy = f"write at(2026-12-01T09:00:00), without a zone, in a year from {FIRST_YEAR} to {LAST_YEAR}"
        raise BadSchedule(field="at", text=text, problem="is no date and time", remedy=remedy)
    days = Days(monthdays=1 << then.day, months=1 << then.month, years=1 << then.year - FIRST_YEAR)
    return Calendar(days=days, times=times(1 << then.hour, 1 << then.minute, 1 << then.second))


def _cron(inside: str, text: str) -> Calendar:
    fields = inside.split()
    if len(fields) != _FIELDS:
        raise BadSchedule(
            field="expression",
            text=text,
            problem="is not a cron(...) of six fields, a rate(...) or an at(...)",
            remedy="write minute, hour, day of month, month, day of week and year: " + _EXAMPLE,
        )
    minute, hour, monthday, month, weekday, year = fields
    if (monthday == "?") == (weekday == "?"):
        raise _no_question(fields)
    months, years = _MONTH.mask(month), _YEAR.mask(year) >> FIRST_YEAR
    days = _by_month(monthday, months, years) if weekday == "?" else _by_week(weekday, months, years)
    return Calendar(days=days, times=times(_HOUR.mask(hour), _MINUTE.mask(minute)))


def _no_question(fields: list[str]) -> BadSchedule:
    monthday, weekday = fields[2], fields[4]
    minute, hour, _, month, _, year = ("*" if field == "?" else field for field in fields)
    by_week = f"{minute} {hour} ? {month} {'MON' if weekday in '*?' else weekday} {year}"
    by_month = f"{minute} {hour} {'*' if monthday == '?' else monthday} {month} ? {year}"
    right = [f"cron({each})" for each in (by_month, by_week) if _is_read(each)]
    return BadSchedule(
        field="day of month and day of week",
        text=f"{monthday} {weekday}",
        problem="must have a ? in exactly one of them",
        remedy=f"write {' or '.join(right or [_EXAMPLE])}",
    )


def _is_read(inside: str) -> bool:
    try:
        _cron(inside, inside)
    except BadSchedule:
        return False
    return True


def _by_month(text: str, months: int, years: int) -> Days:
    plain, from_end, nearest, last_workday = read_monthdays(_MONTHDAY, text)
    return Days(
        monthdays=plain, from_end=from_end, nearest=nearest, last_workday=last_workday, months=months, years=years
    )


def _by_week(text: str, months: int, years: int) -> Days:
    form = _NTH.fullmatch(text.upper())
    if form:  # AWS: one #, and nothing beside it
        nth = 1 << int(form[2]) * 7 + _WEEKDAY.value(form[1], text) - 1
        return Days(weekdays=0, nth=nth, months=months, years=years)
    plain = last = 0
    for item in text.split(","):
        final = _LAST.fullmatch(item.upper())
        if final:
            last |= 1 << _WEEKDAY.value(final[1], text) - 1
        elif item.upper() == "L":  # "the last day of the week"
            plain |= _SATURDAY
        elif "#" in item:
            remedy = "write one day from 1 to 7 (Sunday is 1) alone: 6#3 is the third Friday"
            raise _WEEKDAY.refused(text, "has a # in a list, or beside a number that it cannot have", remedy)
        else:
            plain |= _WEEKDAY.item(item, text) >> 1
    return Days(weekdays=plain, last=last, months=months, years=years)
