"""Finding many rows at once, and jobs by row number."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping

CHUNK = 500
"""Keys in one SELECT (SQLite allows 32,766 parameters, its planner prefers fewer)."""
ROWS_MAX = 100_000
"""Job rows remembered, in about 35 MB."""


def chosen(db: sqlite3.Connection, select: str, keys: Collection[object]) -> list[tuple[Any, ...]]:
    """The rows that `SELECT ... IN` finds for these keys; `select` ends before the list."""
    every, found = list(keys), []
    for start in range(0, len(every), CHUNK):
        chunk = every[start : start + CHUNK]
        found += db.execute(f"{select} ({','.join('?' * len(chunk))})", chunk).fetchall()
    return found


class JobRow(NamedTuple):
    """A job's row: its number, its version, its latest line of history, its uuid."""

    id: int
    version: int
    last: int | None
    uuid: str | None


ROW = f"slug, {', '.join(JobRow._fields)}"
"""The columns with which each row begins that `JobRows.note` is given."""


class JobRows:
    """The jobs' rows as last seen: finding one by its number avoids the slug index.

    It may since be gone, changed, or another job's. The oldest are forgotten, one for each new one.
    """

    def __init__(self) -> None:
        self._rows: OrderedDict[str, JobRow] = OrderedDict()

    def seen(self, slug: str, version: int) -> JobRow | None:
        """The job's row, if it had this version when last seen."""
        row = self._rows.get(slug)
        return row if row is not None and row.version == version else None

    def remember(self, rows: Mapping[str, JobRow]) -> None:
        """Remember these jobs' rows, which are durable."""
        self._rows.update(rows)
        while len(self._rows) > ROWS_MAX:
            self._rows.popitem(last=False)

    def note(self, found: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Remember what was read of jobs' rows (see ROW); returns it."""
        read = list(found)
        self.remember({row[0]: JobRow(*row[1:5]) for row in read})
        return read

    def find(self, db: sqlite3.Connection, slugs: Collection[str], others: str = "") -> list[tuple[Any, ...]]:
        """ROW, and the other columns named, of each of these jobs that exists."""
        select = f"SELECT {ROW}{others} FROM jobs WHERE"  # noqa: S608 - the names are ours
        known = [row.id for row in map(self._rows.get, slugs) if row is not None]
        found = [row for row in chosen(db, f"{select} id IN", known) if row[0] in slugs]
        missing = set(slugs).difference(row[0] for row in found)
        return self.note(found + chosen(db, f"{select} slug IN", missing))
