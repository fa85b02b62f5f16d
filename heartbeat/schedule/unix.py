"""Unix cron as Debian runs it, with the extensions other monitors know; and Kubernetes, whose cron is nearly that.

What Debian's own parser silently misreads (`5#3` `1.5` `*5` `22-2` `5/15`: it stops reading the field in the middle)
is refused, unless an extension gives it a meaning.
"""

from __future__ import annotations

import re

from heartbeat.errors import BadSchedule
from heartbeat.schedule.days import Days
from heartbeat.schedule.fields import MONTHS, WEEKDAYS, Field
from heartbeat.schedule.rule import POLICIES, Rule, Zoned
from heartbeat.schedule.wall import Calendar, times
from heartbeat.schedule.zones import Zone

MINUTE = Field(name="minute", low=0, high=59, example="*/15")
HOUR = Field(name="hour", low=0, high=23, example="9-17")
MONTHDAY = Field(name="day of month", low=1, high=31, example="1,15")
MONTH = Field(name="month", low=1, high=12, example="1-6", names=MONTHS)
WEEKDAY = Field(name="day of week", low=0, high=7, example="MON-FRI", names=WEEKDAYS)
_KUBERNETES = (
    Field(name="minute", low=0, high=59, example="*/15", opens=True),
    Field(name="hour", low=0, high=23, example="9-17", opens=True),
    Field(name="day of month", low=1, high=31, example="1,15", opens=True),
    Field(name="month", low=1, high=12, example="1-6", names=MONTHS, opens=True),
    Field(name="day of week", low=0, high=6, example="MON-FRI", names=WEEKDAYS, opens=True),
)
_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_NEAREST = re.compile(r"([0-9]{1,2})W")
_NTH = re.compile(r"([0-9]|[A-Z]{3})#([0-9])")
_LAST = re.compile(r"([0-9]|[A-Z]{3})L|L([0-9])")


def read_unix(text: str, zone: Zone) -> Rule:
    """A rule from `30 2 * * 1-5` or `@daily`."""
    minute, hour, monthday, month, weekday = five(text)
    days = _days(monthday, weekday, months=MONTH.mask(month), either=monthday[0] != "*" != weekday[0])
    fixed = minute[0] != "*" != hour[0]  # Debian looks at the first character only: `0,*` is fixed
    return Zoned(
        wall=Calendar(days=days, times=times(HOUR.mask(hour), MINUTE.mask(minute))),
        zone=zone,
        policy=POLICIES["unix, fixed" if fixed else "unix, wildcard"],
    )


def read_kubernetes(text: str, zone: Zone) -> Rule:
    """A rule from a CronJob's schedule, which robfig/cron reads: no extensions, `?` is `*`, `*/2` is no star."""
    texts = ["*" if each == "?" else each for each in five(text)]
    minutes, hours, monthdays, months, weekdays = (
        each.mask(word) for each, word in zip(_KUBERNETES, texts, strict=True)
    )
    either = not any(re.fullmatch(r"\*(/0*1)?(,.*)?", texts[place]) for place in (2, 4))
    return Zoned(
        wall=Calendar(
            days=Days(monthdays=monthdays, weekdays=weekdays, months=months, either=either),
            times=times(hours, minutes),
        ),
        zone=zone,
        policy=POLICIES["kubernetes"],
    )


def five(text: str) -> list[str]:
    """The five fields, an alias spelt out."""
    fields = _ALIASES.get(text.lower(), text).split()
    if len(fields) == 5:
        return fields
    if text.startswith("@"):
        raise BadSchedule(
            field="expression", text=text, problem="is no time that can be known", remedy=f"use {' '.join(_ALIASES)}"
        )
    raise BadSchedule(
        field="expression",
        text=text,
        problem=f"has {len(fields)} fields, and Unix cron has five",
        remedy="write minute, hour, day of month, month, day of week, for example 0 9 * * 1-5",
    )


def _days(monthday: str, weekday: str, *, months: int, either: bool) -> Days:
    """The two day fields; the extensions L LW 15W and 5L 5#3 are looked for only where their letters stand."""
    if monthday == "*" and weekday == "*":
        return Days(months=months)
    plain, from_end, nearest, last_workday = _monthdays(monthday)
    weekdays, nth, last = _weekdays(weekday)
    return Days(
        monthdays=plain,
        from_end=from_end,
        nearest=nearest,
        last_workday=last_workday,
        weekdays=weekdays,
        nth=nth,
        last=last,
        months=months,
        either=either,
    )


def _monthdays(text: str) -> tuple[int, int, int, bool]:
    upper = text.upper()
    if "L" not in upper and "W" not in upper:
        return MONTHDAY.mask(text), 0, 0, False
    plain = from_end = nearest = 0
    last_workday = False
    for item in upper.split(","):
        near = _NEAREST.fullmatch(item)
        if item == "L":
            from_end |= 2
        elif item == "LW":
            last_workday = True
        elif near:
            nearest |= 1 << MONTHDAY.value(near[1], text)
        else:  # 1-L is 1-31: a month has no more days than it has
            plain |= MONTHDAY.item(re.sub(r"-L(?=/|$)", "-31", item), text)
    return plain, from_end, nearest, last_workday


def _weekdays(text: str) -> tuple[int, int, int]:
    upper = text.upper()
    if "L" not in upper and "#" not in upper:
        return _sunday(WEEKDAY.mask(text)), 0, 0
    plain = nth = last = 0
    for item in upper.split(","):
        form, final = _NTH.fullmatch(item), _LAST.fullmatch(item)
        if form:
            nth |= _nth(form, text)
        elif final:
            last |= _sunday(1 << WEEKDAY.value(final[1] or final[2], text))
        else:
            plain |= _sunday(WEEKDAY.item(item, text))
    return plain, nth, last


def _nth(form: re.Match[str], text: str) -> int:
    n = int(form[2])
    if not 1 <= n <= 5:
        raise WEEKDAY.refused(text, f"asks for weekday number {n} of the month", "write 5#1 to 5#5, or 5L for the last")
    return _sunday(1 << WEEKDAY.value(form[1], text)) << n * 7


def _sunday(mask: int) -> int:
    """7 is Sunday, as 0 is."""
    return (mask | mask >> 7) & 127
