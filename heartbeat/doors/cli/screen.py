"""What a person or a program sees: tables and colours on a terminal, aligned plain text in a pipe, JSON when asked for.

Everything shown comes from outside (names, job output, reasons): control characters never reach the terminal.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TextIO
from unicodedata import combining, east_asian_width

from heartbeat.text.sanitize import one_line, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

GAP = "  "
NARROW = 110
"""A terminal with fewer columns is shown less."""
_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}


class Cell(NamedTuple):
    """A text with a style such as "bold red"."""

    text: str
    style: str = ""


class Screen:
    """Standard output and error. colour: None for colour on terminals, unless NO_COLOR is set or it is dumb."""

    def __init__(
        self,
        out: TextIO | None = None,
        err: TextIO | None = None,
        *,
        colour: bool | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._out, self._err = out or sys.stdout, err or sys.stderr
        self.person = self._out.isatty()
        wanted = self.person and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self.colour = wanted if colour is None else colour

    @property
    def narrow(self) -> bool:
        """Whether a person is looking at a small window."""
        if not self.person:
            return False
        from shutil import get_terminal_size  # noqa: PLC0415 - it loads what unpacks archives

        return get_terminal_size().columns < NARROW

    def say(self, *parts: str | Cell) -> None:
        """Print a line made of these parts."""
        cells = (part if isinstance(part, Cell) else Cell(part) for part in parts)
        shown = (self._painted(safe(cell.text).replace("\n", " ").replace("\t", " "), cell.style) for cell in cells)
        self._write(self._out, "".join(shown) + "\n")

    def complain(self, text: str) -> None:
        """Print one line of trouble to standard error."""
        self._write(self._err, f"heartbeat: {one_line(text)}\n")

    def ready_made(self, text: str) -> None:
        """Print text that is already safe and coloured."""
        self._write(self._out, text)

    def json(self, value: object) -> None:
        """Print one JSON document."""
        self._write(self._out, json.dumps(value, ensure_ascii=False, indent=2) + "\n")

    def _painted(self, text: str, style: str) -> str:
        codes = ";".join(str(_CODES[word]) for word in style.split())
        return f"\033[{codes}m{text}\033[0m" if codes and self.colour else text

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str | Cell]]) -> None:
        """Print rows under a head: drawn for a person, aligned for a program. The first two columns never wrap."""
        cells = [[_clean(cell) for cell in row] for row in rows]
        console = self._console()
        if console is None:
            self._write(self._out, _aligned(head, cells))
            return
        with console.capture() as drawn:
            _draw(console, head, cells)
        self._write(self._out, drawn.get())

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Show a person what is taking time; a program sees none of it."""
        console = self._console()
        if console is None:
            yield
        else:
            with console.status(safe(what)):
                yield

    def _console(self) -> Console | None:
        if not self.person:
            return None
        try:
            from rich.console import Console  # noqa: PLC0415 - slow to import, and the base install has none
        except ImportError:
            return None
        return Console(file=self._out, no_color=not self.colour, highlight=False, emoji=False, markup=False)

    def _write(self, stream: TextIO, text: str) -> None:
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()


def _clean(cell: str | Cell) -> Cell:
    cell = cell if isinstance(cell, Cell) else Cell(cell)
    return Cell(one_line(cell.text), cell.style)


def _aligned(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    lines = [[name.upper() for name in head], *([cell.text or "-" for cell in row] for row in rows)]
    wide = [max(width(line[i]) for line in lines) for i in range(len(head))]
    padded = ([text + " " * (wide[i] - width(text)) for i, text in enumerate(line)] for line in lines)
    return "".join(GAP.join(line).rstrip() + "\n" for line in padded)


def counted(count: int, word: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def width(text: str) -> int:
    """The columns that a text takes up: two for each wide character."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _draw(console: Console, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - see Screen._console
    from rich.table import Table  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    for place, name in enumerate(head):
        table.add_column(name, no_wrap=place < 2, overflow="fold")  # noqa: PLR2004 - what it is and how it stands
    for row in rows:
        table.add_row(*(Text(cell.text, style=cell.style) for cell in row))
    console.print(table)
