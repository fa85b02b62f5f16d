"""A table whose rows are one line each, whatever the terminal's width: columns are left out, and texts cut.

A name keeps its beginning and its end, which tell it from its like; other texts keep their beginning. In a pipe nothing
is left out and nothing cut.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import category, east_asian_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GAP = "  "
DOTS = "…"
_INVISIBLE = frozenset({"Mn", "Me", "Cf"})
_JAMO = range(0x1160, 0x1200)  # vowels and finals of Korean: drawn into the syllable before them


class Cell(NamedTuple):
    """A text with a style such as "bold red"."""

    text: str
    style: str = ""


class Column(NamedTuple):
    """A column of a table.

    rank: when it is left out, the lowest first, 0: never; least: what its texts may be cut to, 0: they are not;
    middle: cut there, and not at the end.
    """

    name: str
    rank: int = 0
    least: int = 0
    middle: bool = False


def width(text: str) -> int:
    """The columns that a text takes up: two for each wide character, none for what is drawn over another one."""
    return len(text) if text.isascii() else sum(map(_width, text))


@lru_cache(maxsize=10_000)
def _width(letter: str) -> int:
    if category(letter) in _INVISIBLE or ord(letter) in _JAMO:
        return 0
    return 2 if east_asian_width(letter) in "WF" else 1


def cut(text: str, wide: int, *, middle: bool = False) -> str:
    """A text in at most so many columns."""
    if width(text) <= wide:
        return text
    room = wide - 1
    tail = _beginning(reversed(text), room // 2)[::-1] if middle else ""
    return _beginning(text, room - width(tail)) + DOTS + tail if room >= 0 else ""


def _beginning(letters: Iterable[str], wide: int) -> str:
    kept = ""
    for letter in letters:
        wide -= _width(letter)
        if wide < 0:
            break
        kept += letter
    return kept


def fit(columns: Sequence[Column], natural: Sequence[int], room: int) -> dict[int, int]:
    """Which columns are shown, by their places, and how wide each is."""
    kept = list(range(len(columns)))
    least = [min(wide, column.least or wide) for column, wide in zip(columns, natural, strict=True)]

    def spare() -> int:
        return room - sum(least[i] for i in kept) - len(GAP) * (len(kept) - 1)

    while spare() < 0 and (droppable := [i for i in kept if columns[i].rank]):
        kept.remove(min(droppable, key=lambda i: columns[i].rank))
    while spare() < 0 and (last := [i for i in kept if columns[i].least and least[i] > 1]):
        least[last[0]] -= 1
    while spare() > 0 and (growing := [i for i in kept if least[i] < natural[i]]):
        for i in growing[: spare()]:
            least[i] += 1
    return {i: least[i] for i in kept}


def aligned(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], room: int | None) -> list[list[Cell]]:
    """The head and the rows as padded cells; room: the terminal's width, None: as wide as they come."""
    heads = [Cell(column.name if room else column.name.upper(), "dim") for column in columns]
    lines = [heads, *([cell if cell.text or room else Cell("-") for cell in row] for row in rows)]
    natural = [max(width(line[i].text) for line in lines) for i in range(len(columns))]
    wide = dict(enumerate(natural)) if room is None else fit(columns, natural, room)
    last = max(wide)
    return [[_padded(line[i], wide[i], i < last, middle=columns[i].middle) for i in wide] for line in lines]


def _padded(cell: Cell, wide: int, more: bool, *, middle: bool) -> Cell:
    text = cut(cell.text, wide, middle=middle)
    return Cell(text + " " * (wide - width(text)) + GAP if more else text, cell.style)
