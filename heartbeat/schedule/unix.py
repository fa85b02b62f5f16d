"""Unix cron as Debian runs it, with extensions that other monitors know; and Kubernetes, whose cron is almost the same.

What Debian's own parser silently misreads (`5#3` `1.5` `*5` `22-2` `5/15`: it stops reading mid-field)
is refused, unless an extension gives it a meaning.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.errors import BadSchedule
from heartbeat.schedule.days import Days
from heartbeat.schedule.fields import MONTHS, WEEKDAYS, Field, read_monthdays
from heartbeat.schedule.rule import POLICIES, Zoned
from heartbeat.schedule.times import times
from heartbeat.schedule.wall import Calendar

if TYPE_CHECKING:
    from heartbeat.schedule.rule import Rule
    from heartbeat.schedule.zones import Zone

FIELDS = 5
_MINUTE = Field(name="minute", low=0, high=59, example="*/15")
_HOUR = Field(name="hour", low=0, high=23, example="9-17")
_MONTHDAY = Field(name="day of month", low=1, high=31, example="1,15")
_MONTH = Field(name="month", low=1, high=12, example="1-6", names=MONTHS)
_WEEKDAY = Field(name="day of week", low=0, high=7, example="MON-FRI", names=WEEKDAYS)
UNIX = (_MINUTE, _HOUR, _MONTHDAY, _MONTH, _WEEKDAY)
KUBERNETES = (
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
_TO_LAST = re.compile(r"-L(?=[/,]|$)", re.IGNORECASE)
_NTH = re.compile(r"([0-9]|[A-Z]{3})#([0-9])")
_LAST = re.compile(r"([0-9]|[A-Z]{3})L|L([0-9])")
_STAR = re.compile(r"\*(?:/0*1)?(?:,.*)?")
_WEEKS = range(1, 6)


def read_unix(text: str, zone: Zone) -> Rule:
    """A rule from `30 2 * * 1-5` or `@daily`."""
    minute, hour, monthday, month, weekday = _five(text)
    fixed = minute[0] != "*" != hour[0]  # Debian cron: only the first character counts, so `0,*` is fixed
    either = monthday[0] != "*" != weekday[0]  # Debian cron: if either begins with a star, both must fit
    time_of_day = times(_HOUR.mask(hour), _MINUTE.mask(minute))
    return Zoned(
        wall=Calendar(days=_days(monthday, weekday, months=_MONTH.mask(month), either=either), times=time_of_day),
        zone=zone,
        policy=POLICIES["unix, fixed" if fixed else "unix, wildcard"],
    )


def read_kubernetes(text: str, zone: Zone) -> Rule:
    """A rule from a CronJob's schedule, as robfig/cron reads it: no extensions, `?` is `*`, `*/2` is not a star."""
    texts = ["*" if each == "?" else each for each in _five(text)]
    minutes, hours, monthdays, months, weekdays = (
        each.mask(word) for each, word in zip(KUBERNETES, texts, strict=True)
    )
    either = not (_STAR.fullmatch(texts[2]) or _STAR.fullmatch(texts[4]))
    days = Days(monthdays=monthdays, weekdays=weekdays, months=months, either=either)
    return Zoned(wall=Calendar(days=days, times=times(hours, minutes)), zone=zone, policy=POLICIES["kubernetes"])


def _five(text: str) -> list[str]:
    """The five fields, with aliases expanded."""
    fields = _ALIASES.get(text.lower(), text).split()
    if len(fields) == FIELDS:
        return fields
    if text.startswith("@"):
        raise BadSchedule(
            field="expression", text=text, problem="is no time that can be known", remedy=f"use {' '.join(_ALIASES)}"
        )
    raise BadSchedule(
        field="expression",
        text=text,
        problem=f"has {len(fields)} {'field' if len(fields) == 1 else 'fields'}, and Unix cron has five",
        remedy="write minute, hour, day of month, month, day of week, for example 0 9 * * 1-5",
    )


def _days(monthday: str, weekday: str, *, months: int, either: bool) -> Days:
    if monthday == "*" and weekday == "*":
        return Days(months=months)
    # `1-L` is `1-31`: no month has more days.
    plain, from_end, nearest, last_workday = read_monthdays(_MONTHDAY, _TO_LAST.sub("-31", monthday))
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


def _weekdays(text: str) -> tuple[int, int, int]:
    """The masks of the weekdays, of `5#3`, and of `5L`; extensions are parsed only if there are any."""
    upper = text.upper()
    if "L" not in upper and "#" not in upper:
        return _sunday(_WEEKDAY.mask(text)), 0, 0
    plain = nth = last = 0
    for item in upper.split(","):
        form, final = _NTH.fullmatch(item), _LAST.fullmatch(item)
        if form:
            nth |= _nth(form, text)
        elif final:
            last |= _sunday(1 << _WEEKDAY.value(final[1] or final[2], text))
        else:
            plain |= _sunday(_WEEKDAY.item(item, text))
    return plain, nth, last


def _nth(form: re.Match[str], text: str) -> int:
    n = int(form[2])
    if n not in _WEEKS:
        remedy = f"write {form[1]}#1 to {form[1]}#5, or {form[1]}L for the last"
        raise _WEEKDAY.refused(text, f"asks for weekday number {n} of the month", remedy)
    return _sunday(1 << _WEEKDAY.value(form[1], text)) << n * 7


def _sunday(mask: int) -> int:
    """7 is Sunday, like 0."""
    return (mask | mask >> 7) & 127
