"""systemd.syntax(7), systemd.time(7): a unit file's settings, and lengths of time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECOND = 1000
_UNITS = {
    "us": ("us", "usec", "µs", "μs"),
    "ms": ("ms", "msec"),
    "s": ("s", "sec", "second", "seconds", ""),
    "m": ("m", "min", "minute", "minutes"),
    "h": ("h", "hr", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "week", "weeks"),
    "M": ("M", "month", "months"),
    "y": ("y", "year", "years"),
}
_LENGTH = {
    "us": 0.001,
    "ms": 1,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
    "d": 86_400 * _SECOND,
    "w": 604_800 * _SECOND,
    "M": 2_629_800 * _SECOND,  # systemd: a month is 30.44 days
    "y": 31_557_600 * _SECOND,
}
_MS = {word: _LENGTH[unit] for unit, words in _UNITS.items() for word in words}
_PART = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-zµμ]*)\s*")
TRUE = frozenset({"1", "yes", "y", "true", "t", "on"})


class Unit:
    """The settings of a unit and its drop-ins: all values of a key in order; an empty one clears those before it."""

    def __init__(self, text: str) -> None:
        self._values: dict[tuple[str, str], list[str]] = {}
        section = ""
        for line in _whole_lines(text):
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1]
                continue
            key, equals, value = line.partition("=")
            if not equals:
                continue
            values = self._values.setdefault((section, key.strip()), [])
            if value.strip():
                values.append(value.strip())
            else:
                values.clear()

    def all(self, section: str, key: str) -> list[str]:
        """Every value."""
        return self._values.get((section, key), [])

    def last(self, section: str, key: str) -> str:
        """The value in force, or an empty text."""
        return next(reversed(self.all(section, key)), "")

    def keys(self, section: str) -> list[str]:
        """The keys that the section sets, in order."""
        return [key for each, key in self._values if each == section]

    def has(self, section: str) -> bool:
        """Whether the section sets anything."""
        return any(each == section for each, _ in self._values)


def _whole_lines(text: str) -> Iterator[str]:
    """The lines without comments; one that ends with a backslash continues on the next."""
    held = ""
    for line in text.splitlines():
        if line.strip().startswith(("#", ";")):
            continue
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        whole, held = f"{held}{line}".strip(), ""
        if whole:
            yield whole
    if held.strip():
        yield held.strip()


def timespan(text: str) -> int | None:
    """The milliseconds of `1h 30min`, `90` (seconds), `1.5 days`; None if invalid or infinite."""
    total, place = 0.0, 0
    while place < len(text):
        form = _PART.match(text, place)
        if form is None or form[2] not in _MS:
            return None
        total += float(form[1]) * _MS[form[2]]
        place = form.end()
    return round(total) if text.strip() else None
