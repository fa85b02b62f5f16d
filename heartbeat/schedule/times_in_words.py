"""Times of day in English words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.schedule.english import SHOWN, bits, joined, plural, spans

if TYPE_CHECKING:
    from heartbeat.schedule.times import Times

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
