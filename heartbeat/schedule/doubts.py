"""What is valid in an expression but seldom meant, and what EventBridge would refuse; and what would be right.

A list stands for a union, so `["0 9 1 * *", "0 9 * * 1"]` says without doubt what `0 9 1 * 1` leaves open.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.schedule import eventbridge, unix
from heartbeat.schedule.words import bits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.schedule.fields import Field

_STEP = re.compile(r"(\*|[0-9A-Za-z]+(?:-[0-9A-Za-z]+)?)/([0-9]+)")
_UNITS = {"minute": "m", "hour": "h"}
_WEEKS = {"1-7": 1, "8-14": 2, "15-21": 3, "22-28": 4}
_ORDINALS = ("", "first", "second", "third", "fourth")
_DAY = re.compile("[0-7]|[A-Z]{3}", re.IGNORECASE)
_TWICE = 2


def doubts(text: str, dialect: str | None) -> tuple[str, ...]:
    """The doubts about one expression that has been read without a mistake."""
    parts = text.split()
    if dialect == "eventbridge" or text.startswith("cron("):
        return tuple(refusals(text))
    if dialect == "kubernetes" and len(parts) == unix.FIELDS:
        return (*_steps(unix.KUBERNETES, parts), *_either(parts, numbered=False))
    if dialect in {None, "unix"} and len(parts) == unix.FIELDS:
        return (*_steps(unix.UNIX, parts), *_either(parts, numbered=True))
    return ()


def refusals(text: str) -> Iterator[str]:
    """What EventBridge does not take in a `cron(...)`, though it can be read."""
    parts = text.removeprefix("cron(").removesuffix(")").split()
    if len(parts) != len(eventbridge.CRON):
        return
    for field, part in zip(eventbridge.CRON, parts, strict=True):
        found = _beyond(field, part)
        if field.name == "day of week" and "/" in part:
            yield f"{field.name}: EventBridge takes no steps of weekdays; write {_listed(field, part)} for {part}"
        elif found:
            yield f"{field.name}: EventBridge refuses {part}, a step beyond its field; write {_listed(field, part)}"


def _listed(field: Field, part: str) -> str:
    return ",".join(str(n) for n in bits(field.mask(part)))


def _beyond(field: Field, part: str) -> bool:
    """Whether a step leads out of its field at once."""
    return any(int(by) > field.high - field.low for _, by in _STEP.findall(part))


def _steps(fields: tuple[Field, ...], parts: list[str]) -> Iterator[str]:
    """Steps that are none: `*/90` is the first value alone, and `*/45` is 0 and 45 of every hour."""
    for field, part in zip(fields, parts, strict=True):
        for item in part.split(","):
            form = _STEP.fullmatch(item)
            if not form:
                continue
            values, by = bits(field.mask(item)), int(form[2])
            size = field.high - field.low + 1
            uneven = form[1] == "*" and len(values) == _TWICE and size % by and field.name in _UNITS
            if len(values) == 1 or uneven:
                yield _no_step(field, item, values, by)


def _no_step(field: Field, item: str, values: list[int], by: int) -> str:
    only = ",".join(map(str, values))
    told = f"{field.name}: {item} means {' and '.join(map(str, values))}, for a step begins anew with its field"
    unit = _UNITS.get(field.name)
    return f"{told}; write {only}" + (f", or every {by}{unit} if that is meant" if unit else "")


def _either(parts: list[str], *, numbered: bool) -> Iterator[str]:
    """Day of month and weekday together: cron takes a day that fits either."""
    minute, hour, monthday, month, weekday = parts
    if {monthday[0], weekday[0]} & {"*", "?"}:
        return
    both = f'["{minute} {hour} {monthday} {month} *", "{minute} {hour} * {month} {weekday}"]'
    told = f"runs on days that fit {monthday} or weekday {weekday}, not only on those that fit both; write {both} if so"
    week = _WEEKS.get(monthday) if numbered and _DAY.fullmatch(weekday) else None
    nth = f", or {minute} {hour} * {month} {weekday}#{week} for the {_ORDINALS[week]} one of the month" if week else ""
    yield f"{told}{nth}"
