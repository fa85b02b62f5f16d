"""One field of a cron expression (`*/15`, `MON-FRI`, `1,15`) as a bit mask, and what to say when that fails."""

from __future__ import annotations

import re
from typing import NamedTuple

from msgspec import Struct

from heartbeat.errors import BadSchedule

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_ITEM = re.compile(r"(?:\*|([0-9A-Za-z]+)(?:-([0-9A-Za-z]+))?)(?:/([0-9]+))?", re.ASCII)
_LONGEST_NUMBER = 6
_SUNDAY_AGAIN = 7
_YEARS = 1970


class Field(Struct, frozen=True, kw_only=True):
    """What a field may contain.

    names: the first stands for `low`. wraps: a reversed range wraps round (`22-2`). opens: `5/15` means from 5 on.
    example: a valid value, for remedies.
    """

    name: str
    low: int
    high: int
    example: str
    names: tuple[str, ...] = ()
    wraps: bool = False
    opens: bool = False

    @property
    def full(self) -> int:
        """The mask of `*`."""
        return (2 << self.high) - (1 << self.low)

    def mask(self, text: str) -> int:
        """The mask of the whole field, a list of items."""
        if text == "*":
            return self.full
        mask = 0
        for item in text.split(","):
            mask |= self.item(item, text)
        return mask

    def item(self, item: str, text: str) -> int:
        """The mask of one list item. `text` is the whole field."""
        form = _ITEM.fullmatch(item)
        if form is None:
            raise self.refused(text, *_unread(item))
        first, last, by = form.groups()
        step = self._step(by, text) if by else 1
        if first is None:
            return _every(self.low, self.high, step)
        start = self.value(first, text)
        if last is not None:
            return self._range(start, self.value(last, text), step, text)
        if by and not self.opens:
            raise self.refused(
                text,
                f"is {start} alone to Debian's cron, and {start}-{self.high}/{by} to others",
                f"write {start}-{self.high}/{by} or {start}",
            )
        return _every(start, self.high, step) if by else 1 << start

    def value(self, word: str, text: str) -> int:
        """The value of a number or a name."""
        if word.isdigit() and len(word) <= _LONGEST_NUMBER:
            number = int(word)
            if self.low <= number <= self.high:
                return number
            raise self.refused(text, f"holds {word}, which is outside {self.low}-{self.high}")
        if word.upper() not in self.names:
            raise self.refused(text, f"holds {word!r}, which has no meaning here")
        return self.low + self.names.index(word.upper())

    def refused(self, text: str, problem: str, remedy: str = "") -> BadSchedule:
        """The error that names this field."""
        return BadSchedule(field=self.name, text=text, problem=problem, remedy=remedy or self._instead)

    @property
    def _instead(self) -> str:
        names = f" or {'/'.join(self.names)}" if self.names else ""
        return f"write {self.low}-{self.high}{names}, for example {self.example}"

    def _range(self, start: int, end: int, step: int, text: str) -> int:
        if start <= end:
            return _every(start, end, step)
        if not self.wraps:
            raise self.refused(text, "holds a range that runs backwards", self._turned(start, end))
        size = self.high - self.low + 1
        mask = 0
        for number in range(start, end + size + 1, step):
            mask |= 1 << (number - self.low) % size + self.low
        return mask

    def _turned(self, start: int, end: int) -> str:
        if end == 0 and self.high == _SUNDAY_AGAIN:  # FRI-SUN
            return f"write {start}-{_SUNDAY_AGAIN}"
        upper = f"{start}-{self.high}" if start < self.high else f"{start}"
        lower = f"{self.low}-{end}" if self.low < end else f"{end}"
        return f"write {upper},{lower}" if self.high < _YEARS else f"write {end}-{start}"

    def _step(self, by: str, text: str) -> int:
        step = int(by) if len(by) <= _LONGEST_NUMBER else 0
        if not step:
            raise self.refused(text, f"has a step of {by}", "a step is 1 or more, for example */5")
        return step


def _every(start: int, end: int, step: int) -> int:
    """Bits from start to end, each `step` after the one before: a geometric series."""
    if step == 1:
        return (2 << end) - (1 << start)
    count = (end - start) // step + 1
    return ((1 << count * step) - 1) // ((1 << step) - 1) << start


def _unread(item: str) -> tuple[str, str]:
    """Why an item cannot be read at all, and what would be right (empty: the field knows)."""
    if not item:
        return "has an empty item in its list", "take the extra comma away"
    if not item.isascii():
        return f"holds {item!r}, which is not plain ASCII", "write plain digits"
    if item.startswith("*") and item[1:2].isdigit():
        return f"holds {item!r}, a star followed by a number", f"write */{item[1:]} for a step, or {item[1:]}"
    if "." in item:
        return f"holds {item!r}, but there are no fractions", "write whole numbers"
    if item.endswith("/"):
        return f"holds {item!r}, a step without its number", f"write {item}2 or the like"
    return f"holds {item!r}, which cannot be read", ""


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
