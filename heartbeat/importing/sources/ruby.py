"""Literals in Ruby's source: hashes, texts and symbols, as far as a schedule is written with them.

Nothing is run. What is no literal, `ENV.fetch(…)` or `-> { … }`, is kept as `Computed` with its text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from heartbeat.importing.crontab import Unreadable
from heartbeat.importing.sources.document import LinedMap

_SKIP = re.compile(r"(?:\s|#[^\n]*)*")
_TEXT = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\#]|\\.|#(?!\{))*)\"", re.DOTALL)
_KEY = re.compile(
    r"(?:(?P<bare>\w+[?!]?):(?!:)|:(?P<symbol>\w+)\s*=>|(?P<text>'[^'\n]*'|\"[^\"\n]*\")\s*(?:=>|:(?!:)))\s*"
)
_CONSTANT = re.compile(r"^\s*(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<text>'[^'\n]*'|\"[^\"\n#]*\")", re.MULTILINE)
_WORD = re.compile(r":?\w+(?:::\w+)*")
_PAIRS = {"{": "}", "[": "]", "(": ")"}
_DEPTH_MAX = 20


class Computed(NamedTuple):
    """What only Ruby knows."""

    text: str


Literal = LinedMap | str | Computed


class RubyReader:
    """Reads a hash in a text. Constants of plain texts in the same file are known."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known = {each["name"]: each["text"][1:-1] for each in _CONSTANT.finditer(text)}

    def hash_at(self, place: int) -> LinedMap:
        """The hash that begins at this place. Raises Unreadable."""
        found, _ = self._hash(place, 0)
        return found

    def _hash(self, place: int, depth: int) -> tuple[LinedMap, int]:
        found = LinedMap()
        found.line = self._line(place)
        if depth > _DEPTH_MAX:
            raise self._lost(place)
        place = self._skip(place + 1)
        while not self._text.startswith("}", place):
            key = _KEY.match(self._text, place)
            if key is None:
                raise self._lost(place)
            name = key["bare"] or key["symbol"] or key["text"][1:-1]
            found.lines[name] = self._line(place)
            found[name], place = self._value(self._skip(key.end()), depth)
            place = self._skip(place)
            if self._text.startswith(",", place):
                place = self._skip(place + 1)
        return found, place + 1

    def _value(self, place: int, depth: int) -> tuple[Literal, int]:
        if self._text.startswith("{", place):
            return self._hash(place, depth + 1)
        end = self._end(place)
        text = re.sub(r"\s*#[^\n]*$", "", self._text[place:end]).strip()
        literal = _TEXT.fullmatch(text)
        if literal:
            return re.sub(r"\\(.)", r"\1", literal[1] or literal[2] or ""), end
        if text in self._known:
            return self._known[text], end
        return (text.lstrip(":") if _WORD.fullmatch(text) else Computed(text)), end

    def _end(self, place: int) -> int:
        """Where a value ends: at a comma or a closing sign that is not inside of it."""
        open_signs: list[str] = []
        start = place
        while place < len(self._text):
            if text := _TEXT.match(self._text, place):
                place = text.end()
                continue
            sign = self._text[place]
            if not open_signs and sign in ",}":
                return place
            if sign == "#" and place > start:
                place = self._text.find("\n", place)
                if place < 0:
                    break
            if sign in _PAIRS:
                open_signs.append(_PAIRS[sign])
            elif open_signs and sign == open_signs[-1]:
                open_signs.pop()
            place += 1
        raise self._lost(start)

    def _skip(self, place: int) -> int:
        skipped = _SKIP.match(self._text, place)
        return skipped.end() if skipped else place

    def _line(self, place: int) -> int:
        return self._text.count("\n", 0, place) + 1

    def _lost(self, place: int) -> Unreadable:
        return Unreadable(f"line {self._line(place)}: this Ruby is more than a plain hash; print it as JSON instead")
