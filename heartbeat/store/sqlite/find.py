"""Finding many rows at once, and jobs by row number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping

CHUNK = 500
"""Keys in one SELECT (SQLite allows 32,766 parameters, its planner prefers fewer)."""
_FIELD = "CASE WHEN json_valid(definition) THEN json_extract(definition, '$[{}]') END"
OWNER = _FIELD.format(20)
TRIGGERED = f"{_FIELD.format(22)} IS NOT NULL"
"""Who owns a job, and whether we start it: `source` and `trigger` of its definition.

No ping touches their indexes, and a row that is no JSON is in neither."""
INDEXES = (
    f"CREATE INDEX jobs_triggered ON jobs(id) WHERE {TRIGGERED}",
    f"CREATE INDEX jobs_owner ON jobs({OWNER})",
)
"""Their migration."""
IDS_MAX = 100_000
"""Row numbers remembered, in about 13 MB."""
SEEN_MAX = 50_000
"""Rows remembered with their contents, in about 12 MB."""


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


class Ids:
    """The row in which each job was last seen: finding it by number avoids the slug index.

    The row may since be gone, or another job's: it counts only if it has the slug.
    """

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._seen: dict[str, JobRow] = {}

    def seen(self, slug: str, version: int) -> JobRow | None:
        """The job's row, if it had this version when last seen. It may have changed since."""
        row = self._seen.get(slug)
        return row if row is not None and row.version == version else None

    def remember(self, rows: Mapping[str, JobRow]) -> None:
        """Remember these jobs' rows, now that they are durable."""
        if len(self._seen) + len(rows) > SEEN_MAX:
            self._seen = {}  # not cleared: another thread may be reading it
        self._seen.update(rows)

    def note(self, seen: Iterable[tuple[str, int]]) -> list[str]:
        """Remember these jobs' row numbers; returns their slugs."""
        found = dict(seen)
        if len(self._ids) + len(found) > IDS_MAX:
            self._ids = {}  # not cleared: another thread may be reading it
        self._ids.update(found)
        return list(found)

    def find(self, db: sqlite3.Connection, columns: str, slugs: Collection[str]) -> list[tuple[Any, ...]]:
        """Slug, row number and the named columns of each of these jobs that exists."""
        select = f"SELECT slug, id, {columns} FROM jobs WHERE"  # noqa: S608 - the names are ours
        ids, wanted = self._ids, set(slugs)
        found = chosen(db, f"{select} id IN", [ids[slug] for slug in wanted if slug in ids])
        found = [row for row in found if row[0] in wanted]
        others = wanted.difference(row[0] for row in found)
        new = chosen(db, f"{select} slug IN", others)
        self.note(row[:2] for row in new)
        return found + new
