"""The day-of-month field with the letters that Unix cron's extensions and EventBridge share: L, LW, 15W."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from heartbeat.schedule.fields import Field

_NEAREST = re.compile(r"([0-9]{1,2})W")
_LAST_DAY = 1 << 1


class Monthdays(NamedTuple):
    """The masks of the same names in Days."""

    plain: int
    from_end: int = 0
    nearest: int = 0
    last_workday: bool = False


def read_monthdays(field: Field, text: str) -> Monthdays:
    """The masks of a day-of-month field; letters are parsed only if there are any."""
    upper = text.upper()
    if "L" not in upper and "W" not in upper:
        return Monthdays(field.mask(text))
    items = upper.split(",")
    near = [form for form in map(_NEAREST.fullmatch, items) if form]
    plain = nearest = 0
    for form in near:
        nearest |= 1 << field.value(form[1], text)
    for item in set(items) - {"L", "LW"} - {form[0] for form in near}:
        plain |= field.item(item, text)
    return Monthdays(plain, _LAST_DAY if "L" in items else 0, nearest, "LW" in items)
