"""A calendar in English words, made from the masks, so it says what will happen, not what was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.schedule.days import (
    EVERY_MONTH,
    EVERY_MONTHDAY,
    EVERY_WEEKDAY,
    EVERY_YEAR,
    FIRST_YEAR,
    LAST_YEAR,
    WORKDAYS,
)
from heartbeat.schedule.english import MONTH_NAMES, NTH, WEEKDAY_NAMES, bits, joined, plural, spans
from heartbeat.schedule.times_in_words import EVERY_HOUR, times_in_words

if TYPE_CHECKING:
    from heartbeat.schedule.days import Days
    from heartbeat.schedule.times import Times

_FEW = 3
_OF_MONTH = "of the month"


def calendar_in_words(days: Days, times: Times) -> str:
    """For example `at 18:00 on the last Friday of the month`."""
    time, on_days = times_in_words(times), days_in_words(days)
    if not on_days and time.startswith("at ") and EVERY_HOUR not in time and ", every" not in time:
        on_days = "every day"
    return f"{time} {on_days}".rstrip()


def days_in_words(days: Days) -> str:
    """For example `on Monday to Friday in January`; nothing for every day."""
    if days.monthdays.bit_count() == days.months.bit_count() == days.years.bit_count() == 1:
        year, month, day = days.years.bit_length() - 1 + FIRST_YEAR, *bits(days.months), *bits(days.monthdays)
        return f"on {year}-{month:02}-{day:02}"
    by_month, by_week = _by_month(days), _by_week(days)
    if by_month and by_week:
        words = f"{by_month} or {by_week}" if days.either else f"{by_month} if it is {by_week.removeprefix('on ')}"
    else:  # every day or a weekday is every day
        words = "" if days.either else by_month or by_week
    if days.months != EVERY_MONTH:
        months = spans(bits(days.months), MONTH_NAMES)
        words = words.replace(_OF_MONTH, f"of {months}") if _OF_MONTH in words else f"{words} in {months}"
    years = "" if days.years == EVERY_YEAR else f" in {_years(days.years)}"
    return f"{words}{years}".strip()


def _by_month(days: Days) -> str:
    if days.monthdays == EVERY_MONTHDAY:
        return ""
    parts = []
    if days.monthdays:
        named = bits(days.monthdays)
        parts.append(f"{plural('day', named)} {spans(named)}")
    parts += [_from_end(n) for n in bits(days.from_end)]
    parts += [f"the working day (Monday to Friday) nearest to day {n}" for n in bits(days.nearest)]
    if days.last_workday:
        parts.append("the last working day (Monday to Friday)")
    return f"on {joined(parts)} {_OF_MONTH}"


def _from_end(n: int) -> str:
    return "the last day" if n == 1 else f"the {n}{_suffix(n)} day from the end"


def _by_week(days: Days) -> str:
    if days.weekdays == EVERY_WEEKDAY:
        return ""
    parts = [spans(week_from_monday(days.weekdays), WEEKDAY_NAMES)] if days.weekdays else []
    rare = [f"the {NTH[bit // 7]} {WEEKDAY_NAMES[bit % 7]}" for bit in bits(days.nth)]
    rare += [f"the last {WEEKDAY_NAMES[day]}" for day in bits(days.last)]
    if rare:
        parts.append(f"{joined(rare)} {_OF_MONTH}")
    return f"on {joined(parts)}"


def week_from_monday(mask: int) -> list[int]:
    """The weekdays of a mask in the order people name them, Sunday last, so that Monday to Friday stay together."""
    named = [day for day in (1, 2, 3, 4, 5, 6, 0) if mask >> day & 1]
    return [*named[:-1], 7] if mask & WORKDAYS == WORKDAYS and named[-1] == 0 else named


def _years(mask: int) -> str:
    years = [bit + FIRST_YEAR for bit in bits(mask)]
    if len(years) > _FEW and years[-1] == LAST_YEAR and years[-1] - years[0] == len(years) - 1:
        return f"{years[0]} and later"
    return spans(years)


def _suffix(n: int) -> str:
    return {1: "st", 2: "nd", 3: "rd"}.get(n if n < 20 else n % 10, "th")  # noqa: PLR2004 -- English counts so
