"""A schedule of ours → EventBridge Scheduler's expressions, each with its zone.

Calls to the trigger function need not be exact, as long as one comes at every slot: a call at any other instant finds
the latest slot already started, and does nothing. So the expressions fire at all slots of the schedule, and rarely at
others: `L`, `15W`, `5#3` and days that must fit month *and* week become plain days, of which there are more.

EventBridge at clock changes: it skips what the clock jumps over and takes the first of two (user guide, "Daylight
saving time"). Comparing it with our slots over 20 years of changes shows where it would not fire, and one
more expression, in UTC, fires at those hours and minutes in those months.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from msgspec import Struct

from heartbeat.errors import BadSchedule
from heartbeat.schedule.days import EVERY_MONTHDAY, EVERY_WEEKDAY, EVERY_YEAR, FIRST_YEAR, Days
from heartbeat.schedule.doubts import refusals
from heartbeat.schedule.read import parse
from heartbeat.schedule.rule import POLICIES, Zoned
from heartbeat.schedule.wall import Calendar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heartbeat.schedule.schedule import Schedule
    from heartbeat.schedule.times import Times

BEGIN, END = 1_735_689_600, 2_366_841_600
"""Seconds: the clock changes from 2025 to 2044 are checked."""
BEFORE, AFTER = 3 * 3600, 27 * 3600
"""Seconds around a change in which EventBridge may see a different slot: Apia once skipped a day."""
MOST = 5
"""Most expressions for one job."""
TEXT_MAX = 256
"""EventBridge Scheduler: maximum characters of an expression."""
LONGEST = 31


class Expression(Struct, frozen=True, kw_only=True):
    """One schedule of EventBridge Scheduler."""

    text: str
    timezone: str


def schedules_for(schedule: Schedule) -> tuple[Expression, ...]:
    """Expressions that fire at every slot. If there are none, raises BadSchedule with what to write instead."""
    made: list[Expression] = []
    for text, rule in zip(schedule.texts, schedule.rules, strict=True):
        for each in _of_rule(text, rule):
            if each not in made:
                made.append(each)
    made += _in_utc(schedule, made)
    if len(made) > MOST:
        raise _refused(schedule, f"would need {len(made)} schedules of EventBridge", "declare it as several jobs")
    for each in made:
        if len(each.text) > TEXT_MAX:
            raise _refused(schedule, "is too long for EventBridge", "name fewer times, or declare it as several jobs")
    return tuple(made)


def _of_rule(text: str, rule: object) -> Iterator[Expression]:
    if not isinstance(rule, Zoned):
        raise _unsaid(text, "has no fixed times", "write it as cron, such as */15 * * * *")
    if text.startswith("cron(") and (refused := next(refusals(text), "")):
        problem, _, remedy = refused.rpartition("; ")
        raise _unsaid(text, problem, remedy)
    if text.startswith("cron(") or (text.startswith("at(") and text.endswith(":00)")):
        yield Expression(text=text, timezone=rule.zone.name)
        return
    if not isinstance(rule.wall, Calendar):
        raise _unsaid(text, "cannot be said by EventBridge", "write it as cron: five fields, or cron(...)")
    if rule.wall.times.seconds != 1:
        raise _unsaid(text, "has seconds, and EventBridge has none", "let it begin at a full minute")
    days = rule.wall.days
    for minutes, hours in _clock(rule.wall.times):
        for monthday, weekday in _days(days):
            parts = (minutes, hours, monthday, _field(days.months >> 1, 1, 12), weekday, _years(days))
            yield Expression(text=f"cron({' '.join(parts)})", timezone=rule.zone.name)


def _clock(times: Times) -> Iterator[tuple[str, str]]:
    """Minutes and hours, grouping hours with the same minutes."""
    by_minutes: dict[int, int] = {}
    for hour in range(24):
        minutes = times.minutes >> hour * 60 & (1 << 60) - 1
        if minutes:
            by_minutes[minutes] = by_minutes.get(minutes, 0) | 1 << hour
    for minutes, hours in by_minutes.items():
        yield _field(minutes, 0, 59), _field(hours, 0, 23)


def _days(days: Days) -> Iterator[tuple[str, str]]:
    """Day of month and day of week; one of them is `?`."""
    weekdays = days.weekdays | days.last | _any_week(days.nth)
    monthdays = _monthdays(days)
    if days.either:
        yield _field(monthdays >> 1, 1, LONGEST), "?"
        yield "?", _list(weekdays, 1, 7)
    elif weekdays != EVERY_WEEKDAY:
        yield "?", _list(weekdays, 1, 7)
    else:
        yield _field(monthdays >> 1, 1, LONGEST), "?"


def _any_week(nth: int) -> int:
    """The weekdays of `5#3`, in any week."""
    found = 0
    for week in range(1, 6):
        found |= nth >> week * 7 & EVERY_WEEKDAY
    return found


def _monthdays(days: Days) -> int:
    """Every day of a month that these may fall on. Bit 1 is the first."""
    found = days.monthdays
    for place in range(1, LONGEST + 1):
        if days.from_end >> place & 1:  # the last day is the 28th to the 31st
            found |= _between(28 - place + 1, LONGEST - place + 1)
        if days.nearest >> place & 1:  # Friday for a Saturday, Monday for a Sunday, but in the same month
            found |= _between(place - 2, place + 2)
    if days.last_workday:
        found |= _between(26, LONGEST)
    return found & EVERY_MONTHDAY


def _between(first: int, last: int) -> int:
    return sum(1 << day for day in range(max(first, 1), min(last, LONGEST) + 1))


def _years(days: Days) -> str:
    if days.years == EVERY_YEAR:
        return "*"
    return ",".join(str(FIRST_YEAR + n) for n in range(days.years.bit_length()) if days.years >> n & 1)


def _field(mask: int, low: int, high: int) -> str:
    """A mask whose bit 0 is `low`, as `*`, `0/15`, `9-17` or a list."""
    numbers = [low + n for n in range(high - low + 1) if mask >> n & 1]
    if len(numbers) == high - low + 1:
        return "*"
    steps = {b - a for a, b in pairwise(numbers)}
    step = min(steps, default=0)
    if len(numbers) > 2 and len(steps) == 1 and step > 1 and numbers[-1] + step > high:  # noqa: PLR2004 - a pair is a list
        return f"{numbers[0]}/{step}"
    return _list(mask, low, high)


def _list(mask: int, low: int, high: int) -> str:
    """The same without steps, which AWS does not allow for the day of week."""
    numbers = [low + n for n in range(high - low + 1) if mask >> n & 1]
    runs = [[n for _, n in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _in_utc(schedule: Schedule, made: Sequence[Expression]) -> list[Expression]:
    """What is still missing: nothing, or one expression that covers it."""
    fired = [parse(each.text, each.timezone, dialect="eventbridge") for each in made]
    lost = [
        datetime.fromtimestamp(slot / 1000, UTC)
        for rule in schedule.rules
        if isinstance(rule, Zoned) and rule.policy != POLICIES["eventbridge"]
        for slot in _lost(rule, fired)
    ]
    if not lost:
        return []
    minutes = _field(sum(1 << n for n in {each.minute for each in lost}), 0, 59)
    hours = _field(sum(1 << n for n in {each.hour for each in lost}), 0, 23)
    months = _field(sum(1 << n - 1 for n in {each.month for each in lost}), 1, 12)
    return [Expression(text=f"cron({minutes} {hours} * {months} ? *)", timezone="UTC")]


def _lost(rule: Zoned, fired: Sequence[Schedule]) -> Iterator[int]:
    """Slots around changes of the clock at which nothing fires."""
    instant = BEGIN
    while (span := rule.zone.span(instant)).end < END:
        instant = span.end
        slot = rule.next_ms((span.end - BEFORE) * 1000)
        while slot is not None and slot < (span.end + AFTER) * 1000:
            if all(each.next_ms(slot - 1) != slot for each in fired):
                yield slot
            slot = rule.next_ms(slot)


def _unsaid(text: str, problem: str, remedy: str) -> BadSchedule:
    return BadSchedule(field="expression", text=text, problem=problem, remedy=remedy)


def _refused(schedule: Schedule, problem: str, remedy: str) -> BadSchedule:
    return _unsaid(" ".join(schedule.texts), problem, remedy)
