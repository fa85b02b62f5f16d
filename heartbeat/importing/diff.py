"""The changes as a unified diff for `patch -p1`, and new files in the same form."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heartbeat.importing.found import Line, Sheet

CONTEXT = 3
_NO_END = "\n\\ No newline at end of file\n"


def diff_of(sheet: Sheet) -> str:
    """The diff of one file; empty when nothing changes. Lines are replaced one by one, so their numbers stay."""
    places = [place for place, line in enumerate(sheet.lines) if line.old != line.new]
    if not places:
        return ""
    name = sheet.name.lstrip("/")
    tab = "\t" if " " in name else ""  # otherwise patch ends the name at the space
    hunks = "".join(_hunk(sheet, start, end) for start, end in _spans(places, len(sheet.lines)))
    return f"--- a/{name}{tab}\n+++ b/{name}{tab}\n{hunks}"


def new_file(name: str, text: str) -> str:
    """The diff that creates a file. text: whole lines."""
    lines = text.splitlines()
    body = "".join(f"+{line}\n" for line in lines)
    return f"--- /dev/null\n+++ b/{name.lstrip('/')}\n@@ -0,0 +1,{len(lines)} @@\n{body}"


def _spans(places: Sequence[int], count: int) -> Iterator[tuple[int, int]]:
    """The lines of each hunk: those that change, and some context."""
    start = end = -1
    for place in places:
        low, high = max(place - CONTEXT, 0), min(place + CONTEXT + 1, count)
        if start >= 0 and low > end:
            yield start, end
            start = low
        start, end = (low if start < 0 else start), high
    yield start, end


def _hunk(sheet: Sheet, start: int, end: int) -> str:
    size = end - start
    body: list[str] = []
    old: list[str] = []
    new: list[str] = []
    for place in range(start, end):
        line = sheet.lines[place]
        tail = _NO_END if place == len(sheet.lines) - 1 and not sheet.ends else "\n"
        if line.old != line.new:
            old.append(f"-{line.old}{tail}")
            new.append(f"+{line.new}{tail}")
        else:
            body += [*old, *new, _same(line, tail)]
            old, new = [], []
    return f"@@ -{start + 1},{size} +{start + 1},{size} @@\n{''.join([*body, *old, *new])}"


def _same(line: Line, tail: str) -> str:
    return f" {line.old}{tail}"
