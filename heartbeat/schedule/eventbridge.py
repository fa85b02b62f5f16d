"""Amazon EventBridge: `cron(0 9 ? * MON-FRI *)` with the year last, `rate(5 minutes)`, `at(2026-12-01T09:00:00)`."""

from __future__ import annotations

import re
from datetime import datetime

from heartbeat.errors import BadSchedule
from heartbeat.schedule.days import FIRST_YEAR, LAST_YEAR, Days
from heartbeat.schedule.duration import MS
from heartbeat.schedule.fields import MONTHS, WEEKDAYS, Field
from heartbeat.schedule.rule import POLICIES, Interval, Rule, Zoned
from heartbeat.schedule.wall import Calendar, times
from heartbeat.schedule.zones import Zone

_MINUTE = Field(name="minute", low=0, high=59, example="0/15", wraps=True, opens=True)
_HOUR = Field(name="hour", low=0, high=23, example="9-17", wraps=True, opens=True)
_MONTHDAY = Field(name="day of month", low=1, high=31, example="1,15 or L", wraps=True, opens=True)
_MONTH = Field(name="month", low=1, high=12, example="1-6", names=MONTHS, wraps=True, opens=True)
_WEEKDAY = Field(name="day of week", low=1, high=7, example="MON-FRI", names=WEEKDAYS, wraps=True, opens=True)
_YEAR = Field(name="year", low=FIRST_YEAR, high=LAST_YEAR, example="2026-2030", opens=True)
_FORM = re.compile(r"(cron|rate|at)\((.*)\)", re.DOTALL)
_RATE = re.compile(r"([0-9]{1,9}) (minute|hour|day)(s?)")
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
_NTH = re.compile(r"([1-7]|[A-Z]{3})#([1-5])")
_LAST = re.compile(r"([1-7]|[A-Z]{3})L")
_NEAREST = re.compile(r"([0-9]{1,2})W")


def read_eventbridge(text: str, zone: Zone) -> Rule:
    """A rule from cron(...), rate(...), at(...), or the six bare fields of a cron(...)."""
    form = _FORM.fullmatch(text)
    kind, inside = form.groups() if form else ("cron", text)
    if kind == "rate":
        return _rate(inside, text)
    if kind == "at":
        return _at(inside, text, zone)
    return _cron(inside, text, zone)


def _rate(inside: str, text: str) -> Interval:
    form = _RATE.fullmatch(inside)
    if form is None or int(form[1]) == 0:
        raise BadSchedule(
            field="rate",
            text=text,
            problem="cannot be read",
            remedy="write rate(1 hour), rate(5 minutes), rate(2 days)",
        )
    count, unit = int(form[1]), form[2]
    if (count == 1) == bool(form[3]):
        right = unit if count == 1 else f"{unit}s"
        raise BadSchedule(
            field="rate", text=text, problem="has the wrong number of its unit", remedy=f"write rate({count} {right})"
        )
    return Interval(ms=count * MS[unit[0]])


def _at(inside: str, text: str, zone: Zone) -> Zoned:
    try:
        then = datetime.fromisoformat(inside) if _AT.fullmatch(inside) else None
    except ValueError:
        then = None
    if then is None or not FIRST_YEAR <= then.year <= LAST_YEAR:
        raise BadSchedule(
            field="at", text=text, problem="is no date and time", remedy="write at(2026-12-01T09:00:00), without a zone"
        )
    days = Days(monthdays=1 << then.day, months=1 << then.month, years=1 << then.year - FIRST_YEAR)
    wall = Calendar(days=days, times=times(1 << then.hour, 1 << then.minute, 1 << then.second))
    return Zoned(wall=wall, zone=zone, policy=POLICIES["eventbridge"])


def _cron(inside: str, text: str, zone: Zone) -> Zoned:
    fields = inside.split()
    if len(fields) != 6:
        raise BadSchedule(
            field="expression",
            text=text,
            problem=f"has {len(fields)} fields, and cron(...) has six",
            remedy="write cron(minute hour day-of-month month day-of-week year), for example cron(0 9 ? * MON-FRI *)",
        )
    minute, hour, monthday, month, weekday, year = fields
    if (monthday == "?") == (weekday == "?"):
        raise BadSchedule(
            field="day of month and day of week",
            text=f"{monthday} … {weekday}",
            problem="must have a ? in exactly one of them",
            remedy=f"write {minute} {hour} ? {month} {weekday if weekday not in '*?' else 'MON'} {year}"
            f" or {minute} {hour} {monthday if monthday != '?' else '*'} {month} ? {year}",
        )
    months, years = _MONTH.mask(month), _YEAR.mask(year) >> FIRST_YEAR
    days = _monthdays(monthday, months, years) if weekday == "?" else _weekdays(weekday, months, years)
    wall = Calendar(days=days, times=times(_HOUR.mask(hour), _MINUTE.mask(minute)))
    return Zoned(wall=wall, zone=zone, policy=POLICIES["eventbridge"])


def _monthdays(text: str, months: int, years: int) -> Days:
    plain = from_end = nearest = 0
    last_workday = False
    for item in text.upper().split(","):
        near = _NEAREST.fullmatch(item)
        if item == "L":
            from_end |= 2
        elif item == "LW":
            last_workday = True
        elif near:
            nearest |= 1 << _MONTHDAY.value(near[1], text)
        else:
            plain |= _MONTHDAY.item(item, text)
    return Days(
        monthdays=plain, from_end=from_end, nearest=nearest, last_workday=last_workday, months=months, years=years
    )


def _weekdays(text: str, months: int, years: int) -> Days:
    form = _NTH.fullmatch(text.upper())
    if form:  # the AWS page allows one # and nothing beside it
        nth = 1 << int(form[2]) * 7 + _WEEKDAY.value(form[1], text) - 1
        return Days(weekdays=0, nth=nth, months=months, years=years)
    plain = last = 0
    for item in text.upper().split(","):
        final = _LAST.fullmatch(item)
        if final:
            last |= 1 << _WEEKDAY.value(final[1], text) - 1
        elif item == "L":  # "the last day of the week", which is Saturday
            plain |= 1 << 6
        elif "#" in item:
            raise _WEEKDAY.refused(
                text, "has a # in a list or with a day outside 1-7", "write one day alone: 6#3 is the third Friday"
            )
        else:
            plain |= _WEEKDAY.item(item, text) >> 1
    return Days(weekdays=plain, last=last, months=months, years=years)
