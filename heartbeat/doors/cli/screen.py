"""What a person or a program sees: tables and colours on a terminal, aligned plain text in a pipe, JSON when asked for.

Everything shown comes from outside (names, job output, reasons): control characters never reach the terminal.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from heartbeat.doors.cli.table import Cell, Column, aligned, cut, width
from heartbeat.text.sanitize import one_line, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

__all__ = ["Cell", "Column", "Screen", "counted", "width"]
_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}


class Screen:
    """Standard output and error. colour: None for colour on terminals, unless NO_COLOR is set or it is dumb.

    frame: the columns that every line is cut to, where pages are drawn over one another; None: lines may wrap.
    """

    def __init__(
        self,
        out: TextIO | None = None,
        err: TextIO | None = None,
        *,
        colour: bool | None = None,
        environ: Mapping[str, str] = os.environ,
        frame: int | None = None,
    ) -> None:
        self._out, self._err, self._frame = out or sys.stdout, err or sys.stderr, frame
        self.person = frame is not None or self._out.isatty()
        wanted = self.person and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        self.colour = wanted if colour is None else colour

    @property
    def room(self) -> int | None:
        """The columns that a line may take; None: no person looks."""
        if self._frame is not None or not self.person:
            return self._frame
        from shutil import get_terminal_size  # noqa: PLC0415 - it loads what unpacks archives

        return get_terminal_size().columns

    def say(self, *parts: str | Cell) -> None:
        """Print a line made of these parts."""
        cells = (part if isinstance(part, Cell) else Cell(part) for part in parts)
        clean = [Cell(safe(cell.text).replace("\n", " ").replace("\t", " "), cell.style) for cell in cells]
        self._line(clean if self._frame is None else _within(clean, self._frame))

    def _line(self, cells: Iterable[Cell]) -> None:
        self._write(self._out, "".join(self._painted(cell.text, cell.style) for cell in cells) + "\n")

    def list(self, columns: Sequence[Column], rows: Sequence[Sequence[str | Cell]]) -> None:
        """Print rows of one line each, which fit the terminal of a person; whole for a program."""
        room = self.room
        head, *lines = aligned(columns, [[_clean(cell) for cell in row] for row in rows], room)
        self._line(head if room else [Cell(cell.text) for cell in head])
        if room:
            self._line([Cell("─" * min(room, max(sum(width(c.text) for c in line) for line in [head, *lines])), "dim")])
        for line in lines:
            self._line([*line[:-1], Cell(line[-1].text.rstrip(), line[-1].style)])

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
            for line in aligned([Column(name) for name in head], cells, None):
                self._write(self._out, "".join(cell.text for cell in line).rstrip() + "\n")
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


def _within(cells: Iterable[Cell], room: int) -> Iterator[Cell]:
    for cell in cells:
        text = cut(cell.text, room)
        room -= width(text)
        yield Cell(text, cell.style)


def counted(count: int, word: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


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
