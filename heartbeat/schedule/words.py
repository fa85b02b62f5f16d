"""Schedules in English words, made from the masks, so they say what will happen, not what was typed."""

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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.schedule.days import Days
    from heartbeat.schedule.times import Times

WEEKDAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTH_NAMES = (
    *("", "January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
NTH = ("", "first", "second", "third", "fourth", "fifth")
SHOWN = 6  # this many things are listed one by one
_FEW = 3


def bits(mask: int) -> list[int]:
    """The numbers of the bits that are set."""
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def spans(numbers: Sequence[int], names: Sequence[str] = ()) -> str:
    """`1, 3 and 5 to 9`: runs of three or more show only their ends; `0, 7, 14 … 56`."""
    step = numbers[1] - numbers[0] if len(numbers) > SHOWN else 1
    if step > 1 and list(numbers) == list(range(numbers[0], numbers[-1] + 1, step)):
        return f"{', '.join(str(number) for number in numbers[:3])} … {numbers[-1]}"
    parts: list[str] = []
    place = 0
    while place < len(numbers):
        end = place
        while end + 1 < len(numbers) and numbers[end + 1] == numbers[end] + 1:
            end += 1
        end = end if end - place + 1 >= _FEW else place
        first, last = (
            names[number % len(names)] if names else str(number) for number in (numbers[place], numbers[end])
        )
        parts.append(first if first == last else f"{first} to {last}")
        place = end + 1
    return joined(parts)


def joined(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def plural(word: str, numbers: Sequence[object]) -> str:
    """The word, with an s for more than one."""
    return word if len(numbers) == 1 else f"{word}s"


EVERY_HOUR = "of every hour"
_DAY_MINUTES = 1440
_EVERY_MINUTE = (1 << _DAY_MINUTES) - 1


def times_in_words(times: Times) -> str:
    """For example `at 09:00 and 17:30`, `every 15 minutes`, `at minutes 5 and 35 of every hour`."""
    minutes = bits(times.minutes)
    clock = times.seconds == 1
    if len(minutes) <= SHOWN and times.seconds.bit_count() == 1:
        second = "" if clock else f":{times.seconds.bit_length() - 1:02}"
        return f"at {joined([f'{minute // 60:02}:{minute % 60:02}{second}' for minute in minutes])}"
    step = _even_step(minutes, _DAY_MINUTES)
    words = _steps(minutes, step) if step else _within_hours(minutes)
    if clock:
        return words
    seconds = _seconds(times.seconds)
    return seconds if times.minutes == _EVERY_MINUTE else f"{seconds} of each minute, {words}"


def _steps(minutes: list[int], step: int) -> str:
    """Times spaced evenly round the whole day."""
    if step % 60:
        words = "every minute" if step == 1 else f"every {step} minutes"
        return f"{words} from 00:{minutes[0]:02} on" if minutes[0] else words
    words = "every hour" if step == 60 else f"every {step // 60} hours"  # noqa: PLR2004 -- minutes of an hour
    if minutes[0] and step == 60:  # noqa: PLR2004 -- the same
        return f"{words} at minute {minutes[0]}"
    return f"{words} from {minutes[0] // 60:02}:{minutes[0] % 60:02} on" if minutes[0] else words


def _within_hours(minutes: list[int]) -> str:
    """The same minutes in certain hours: which minutes, and which hours."""
    hours = sorted({minute // 60 for minute in minutes})
    of_hour = [minute % 60 for minute in minutes if minute // 60 == hours[0]]
    step = _even_step(of_hour, 60)
    if not step or of_hour[0]:
        which = f"at {plural('minute', of_hour)} {spans(of_hour)}"
    else:
        which = "every minute" if step == 1 else f"every {step} minutes"
    if len(hours) == 24:  # noqa: PLR2004 -- hours of a day
        return f"{which} {EVERY_HOUR}"
    if hours[-1] - hours[0] == len(hours) - 1 and (which.startswith("every") or len(of_hour) == 1):
        ends = f"from {hours[0]:02}:{of_hour[0]:02} to {hours[-1]:02}:{of_hour[-1]:02}"
        return f"every hour {ends}" if len(of_hour) == 1 else f"{which} {ends}"
    return f"{which} of {plural('hour', hours)} {spans(hours)}"


def _seconds(mask: int) -> str:
    seconds = bits(mask)
    step = _even_step(seconds, 60)
    if step and not seconds[0]:
        return "every second" if step == 1 else f"every {step} seconds"
    return f"at {plural('second', seconds)} {spans(seconds)}"


def _even_step(numbers: list[int], size: int) -> int:
    """The step between numbers spaced evenly round a circle of this size; 0 if they are not."""
    step = size // len(numbers)
    even = step * len(numbers) == size and numbers == list(range(numbers[0], size, step))
    return step if even and len(numbers) > 1 else 0


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
