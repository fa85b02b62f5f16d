"""What is found in a file: mistakes and doubts, each with its place, all collected before any is shown."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PATH_MAX = 300
QUOTED_MAX = 60
"""Characters of a value that a message quotes."""
SECRET = "this secret is in plain text; write ${env:…}, ${file:…} or ${ssm:…} and keep it elsewhere"  # noqa: S105 - a sentence


class Position(Struct, frozen=True, order=True, gc=False):
    """Line and column, both from 1."""

    line: int = 1
    column: int = 1


class Mistake(Exception):
    """One value cannot be used. Raised where it is found, caught where reading can continue."""

    def __init__(self, place: Position, path: str, problem: str) -> None:
        super().__init__(problem)
        self.place, self.path, self.problem = place, path, problem


class Findings(Struct, kw_only=True):
    """All that was found in one file so far: (place, sentence)."""

    name: str
    mistakes: list[tuple[Position, str]] = field(default_factory=list)
    doubts: list[tuple[Position, str]] = field(default_factory=list)
    known: dict[object, Any] = field(default_factory=dict)
    """Values read without a finding, by key and text."""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.mistakes) + len(self.doubts)

    def mistake(self, mistake: Mistake) -> None:
        """Keep an error."""
        self.mistakes.append((mistake.place, _sentence(mistake.path, mistake.problem)))

    def doubt(self, place: Position, path: str, problem: str) -> None:
        """Keep a warning."""
        self.doubts.append((place, _sentence(path, problem)))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """`with findings.kept():` keeps a mistake that stops reading one value, and carries on after the block."""
        try:
            yield
        except Mistake as mistake:
            self.mistake(mistake)

    def told(self, found: Iterable[tuple[Position, str]]) -> tuple[str, ...]:
        """The sentences in the file's order, each once, as `jobs.yaml:12:5: …`."""
        ordered = sorted(set(found))
        return tuple(f"{self.name}:{place.line}:{place.column}: {text}" for place, text in ordered)


def quoted(text: str) -> str:
    """A value as a message quotes it: cut when long, without anything that a terminal would obey."""
    cut = text if len(text) <= QUOTED_MAX else text[:QUOTED_MAX] + "…"
    return '"' + printable(cut).replace('"', '\\"') + '"'


def printable(text: str) -> str:
    """The text with everything that does not print (line ends, escapes, half surrogates) written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def nearest(text: str, known: Iterable[str]) -> str:
    """`; did you mean `grace`?`, or "" when nothing known resembles it."""
    from difflib import get_close_matches  # noqa: PLC0415 - for mistakes alone

    close = get_close_matches(text, list(known), n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""


def _sentence(path: str, problem: str) -> str:
    return printable(f"{path[:PATH_MAX]}: {problem}" if path else problem)
