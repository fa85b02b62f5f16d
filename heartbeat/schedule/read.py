"""Text to Schedule. The dialect is declared, or follows from the form of the text.

The number of fields decides only one thing: exactly five are Unix cron.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from heartbeat.errors import BadSchedule
from heartbeat.schedule.duration import parse_duration
from heartbeat.schedule.eventbridge import read_eventbridge
from heartbeat.schedule.icalendar import is_calendars, joined_lines, unfolded
from heartbeat.schedule.oncalendar import looks_like_oncalendar, read_oncalendar
from heartbeat.schedule.rrule import read_rrule
from heartbeat.schedule.rule import Interval
from heartbeat.schedule.schedule import Schedule
from heartbeat.schedule.unix import FIELDS, read_kubernetes, read_unix
from heartbeat.schedule.zones import zone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heartbeat.schedule.rule import Rule
    from heartbeat.schedule.zones import Zone

_SHARED = 16_384  # how many different schedules are kept; equal ones share one object
_LONGEST = 1000


def parse(
    text: str | Sequence[str], timezone: str = "UTC", dialect: str | None = None, *, now_ms: int | None = None
) -> Schedule:
    """The schedule of an expression, or of several as their union (a list, or lines).

    dialect: unix, eventbridge, every, rrule, oncalendar or kubernetes; None infers it. now_ms: if given, a
    schedule without a slot after it is refused. BadSchedule names what is wrong, where, and what would be right.
    """
    schedule = _parse(text if isinstance(text, str) else tuple(text), timezone, dialect)
    if now_ms is not None and schedule.next_ms(now_ms) is None:
        raise BadSchedule(
            field="expression", text=_shown(schedule), problem="lies in the past", remedy="name a time in the future"
        )
    return schedule


@lru_cache(maxsize=_SHARED)
def _parse(text: str | tuple[str, ...], timezone: str, dialect: str | None) -> Schedule:
    lines = [text] if isinstance(text, str) else text
    texts = tuple(
        entry
        for each in lines
        for entry in joined_lines([line.strip() for line in unfolded(each).split("\n") if line.strip()])
    )
    place = zone(timezone)
    if dialect is not None and dialect not in READERS:
        raise BadSchedule(
            field="dialect", text=dialect, problem="is no dialect", remedy=f"use one of {', '.join(READERS)}"
        )
    if not texts:
        raise BadSchedule(
            field="expression", text="", problem="is empty", remedy="write for example 0 9 * * * or every 15m"
        )
    rules = tuple(_rule(each, place, dialect) for each in texts)
    schedule = Schedule(texts=texts, timezone=timezone, dialect=dialect, rules=rules, tz=place.tz)
    _check_union(schedule)
    return schedule


def _rule(text: str, place: Zone, dialect: str | None) -> Rule:
    if len(text) > _LONGEST:
        raise BadSchedule(
            field="expression",
            text=f"{text[:40]}…",
            problem=f"is longer than {_LONGEST} characters",
            remedy="write it as a list of shorter ones",
        )
    rule = READERS[dialect or _dialect(text)](text, place)
    if rule.next_ms(-1) is None:
        raise BadSchedule(
            field="expression",
            text=text,
            problem="never fires: no such date and time exists",
            remedy="name a day that the month has, in a year from 1970 to 2199, and a time that the zone's clock shows",
        )
    return rule


def _dialect(text: str) -> str:
    """The dialect that the text's form shows."""
    if is_calendars(text):
        return "rrule"
    if text.startswith(("cron(", "rate(", "at(")):
        return "eventbridge"
    if text.startswith("every "):
        return "every"
    if text.startswith("@") or len(text.split()) == FIELDS:
        return "unix"
    if looks_like_oncalendar(text):
        return "oncalendar"
    raise _unknown(text)


def _unknown(text: str) -> BadSchedule:
    if len(text.split()) == FIELDS + 1:
        return BadSchedule(
            field="expression",
            text=text,
            problem="has six fields, and whether seconds come first or the year last is unclear",
            remedy=_six_fields(text),
        )
    return BadSchedule(
        field="expression",
        text=text,
        problem="is not a known form of schedule",
        remedy="write 0 9 * * * (five fields), cron(0 9 * * ? *), rate(5 minutes), at(2026-12-01T09:00:00), every 15m, "
        "RRULE:..., or an OnCalendar such as *-*-* 09:00",
    )


def _six_fields(text: str) -> str:
    """What six bare fields may have meant, as far as it can be read."""
    *days, weekday, year = text.split()
    by_year = " ".join([*days, "?" if weekday == "*" and "?" not in days else weekday, year])
    seconds, rest = text.split(None, 1)
    likely = (
        (f"cron({by_year})", "if the year is last"),
        (rest, "if seconds are first" if seconds == "0" else "if seconds are first (there are none here)"),
    )
    right = [f"{each} {when}" for each, when in likely if _is_read(each)]
    return f"write {' or '.join(right) or 'five fields (0 9 * * *) or cron(0 9 * * ? *)'}"


def _is_read(text: str) -> bool:
    try:
        _rule(text, zone("UTC"), None)
    except BadSchedule:
        return False
    return True


def _read_every(text: str, _: Zone) -> Rule:
    ms = parse_duration(text.removeprefix("every "))
    if ms == 0:
        raise BadSchedule(field="every", text=text, problem="has no length", remedy="write every 90s, every 1h30m")
    return Interval(ms=ms)


def _check_union(schedule: Schedule) -> None:
    if len(schedule.rules) > 1 and any(isinstance(rule, Interval) for rule in schedule.rules):
        raise BadSchedule(
            field="expression",
            text=_shown(schedule),
            problem="joins an interval with another schedule, but an interval counts from the last heartbeat, "
            "which would move with the other's slots",
            remedy="use one `every ...` alone, or write it as cron, such as */15 * * * *",
        )


def _shown(schedule: Schedule) -> str:
    return "; ".join(schedule.texts)


READERS: dict[str, Callable[[str, Zone], Rule]] = {
    "unix": read_unix,
    "eventbridge": read_eventbridge,
    "every": _read_every,
    "rrule": read_rrule,
    "oncalendar": read_oncalendar,
    "kubernetes": read_kubernetes,
}
