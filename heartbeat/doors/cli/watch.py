"""A page drawn anew in place, until Ctrl-C."""

from __future__ import annotations

import time
from io import StringIO
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from heartbeat.doors.cli.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY = 2.0
"""Seconds between two pages."""
_ENTER, _LEAVE = "\033[?1049h\033[?25l", "\033[?25h\033[?1049l"
"""The terminal's other page, without a cursor; and back to what was there before."""
_TOP, _LINE_END, _REST = "\033[H", "\033[K\n", "\033[J"


def watch(screen: Screen, draw: Callable[[Screen, int], None]) -> None:
    """Draw again and again; draw is given a screen as wide as the terminal, and the lines there are."""
    screen.ready_made(_ENTER)
    page = ""
    try:
        while True:
            page = _page(screen, draw)
            screen.ready_made(_TOP + page.replace("\n", _LINE_END) + _REST)
            time.sleep(EVERY)
    except KeyboardInterrupt:
        pass  # how one leaves
    finally:
        screen.ready_made(_LEAVE + page)


def _page(screen: Screen, draw: Callable[[Screen, int], None]) -> str:
    size, out = get_terminal_size(), StringIO()
    draw(Screen(out, colour=screen.colour, frame=size.columns), size.lines - 1)
    return "".join(out.getvalue().splitlines(keepends=True)[: size.lines - 1])
