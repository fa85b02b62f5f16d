"""The store in one SQLite file (or ":memory:", the tests' fake). The contract is in `protocol`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heartbeat.model import DAY, NEVER, Commit, Document, Due, Mark, Snapshot
from heartbeat.store import rows
from heartbeat.store.protocol import HISTORY_READ, OLDER_MAX
from heartbeat.store.sqlite.commit import DEFINED, keep
from heartbeat.store.sqlite.file import SQLiteFile
from heartbeat.store.sqlite.find import ROW, JobRows, chosen
from heartbeat.store.sqlite.schema import MIGRATIONS, OWNER, TRIGGERED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from heartbeat.model import Change, Delivery, Entry, Job
    from heartbeat.store.sqlite.schema import Migration

# Comparing with NEVER lets SQLite see that the partial index is enough.
DUE = f"SELECT {ROW} FROM jobs WHERE due <= ? AND due < {NEVER} ORDER BY due LIMIT ?"  # noqa: S608 - a constant
OUTBOX = f"""SELECT delivery, id FROM deliveries
    WHERE next_at <= ? AND next_at < {NEVER} ORDER BY next_at LIMIT ?"""  # noqa: S608 - a constant
OF_INCIDENT = "SELECT delivery, id FROM deliveries WHERE incident = ? ORDER BY created_at, id"
CONTENTS = ", due, state, definition"
PAGE = f"SELECT {ROW}{CONTENTS} FROM jobs WHERE slug > ? ORDER BY slug LIMIT ?"  # noqa: S608 - a constant
WITH_TRIGGER = f"SELECT {ROW}{CONTENTS} FROM jobs INDEXED BY jobs_triggered WHERE {TRIGGERED}"  # noqa: S608 - the same
# The plus takes the affinity away that would keep SQLite from searching the index.
OWNED = f"SELECT slug, definition FROM jobs INDEXED BY jobs_owner WHERE {OWNER} = +CAST(? AS TEXT)"  # noqa: S608 - the same
NAMED = "SELECT slug, definition FROM jobs WHERE slug IN"
NAMES = "SELECT slug FROM jobs WHERE slug > ? ORDER BY slug LIMIT ?"
HISTORY = """
    WITH RECURSIVE chain(id, prev, slot, nth, older) AS (
        SELECT id, prev, slot, 1, coalesce(heard_at < :since, 0) FROM log WHERE id = coalesce(
            (SELECT last FROM jobs WHERE slug = :slug), (SELECT last FROM gone WHERE slug = :slug))
        UNION ALL
        SELECT log.id, log.prev, log.slot, nth + 1, CASE WHEN log.heard_at < :since THEN older + 1 ELSE 0 END
        FROM chain JOIN log ON log.id = chain.prev WHERE nth < :most AND older < :older)
    SELECT entry FROM chain CROSS JOIN log ON log.id = chain.id
    WHERE :slot IS NULL OR chain.slot = :slot LIMIT :limit"""
# The newest row always stays: SQLite assigns the highest id + 1, and a pointer to a purged row must never meet a
# new one with the same number.
PURGE_LOG = """DELETE FROM log WHERE id IN (
    SELECT id FROM (SELECT id, heard_at FROM log ORDER BY id LIMIT :limit) WHERE heard_at < :before)
    AND id < (SELECT max(id) FROM log)"""
PURGE_DELIVERIES = f"""DELETE FROM deliveries WHERE number IN (
    SELECT number FROM (SELECT number, created_at, next_at FROM deliveries ORDER BY number LIMIT :limit)
    WHERE created_at < :before AND next_at >= {NEVER})"""  # noqa: S608 - a constant
LEFT_KEPT = 7 * DAY
PURGE_GONE = """DELETE FROM gone WHERE (last IS NULL OR last < (SELECT min(id) FROM log))
    AND coalesce(removed_at, 0) < :before"""
LEFT = f"""SELECT slug, 0, 0, last, uuid, {NEVER}, state, definition FROM gone
    WHERE state IS NOT NULL AND slug IN"""  # noqa: S608 - the same


class SQLiteStore:
    """Jobs, history, outbox and documents in one file, usable from any number of threads.

    path: the file, or ":memory:"; timeout: seconds to wait for another process that holds the file.
    """

    def __init__(self, path: str | Path, *, timeout: float = 5.0, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self._file = SQLiteFile(str(path), timeout, migrations)
        self._jobs = JobRows()

    @property
    def era(self) -> int:
        """Rises when the file is taken away: what is there afterwards may be another database."""
        return self._file.era

    @property
    def tightened(self) -> bool:
        """Whether others could read the file until it was opened."""
        return self._file.tightened

    @property
    def defined(self) -> int:
        """Rises whenever jobs are made, redefined or removed, by whatever process."""
        return self.document(DEFINED).version

    def triggered(self) -> list[Snapshot]:
        """Every job that we start; no others are read."""
        with self._file.reading() as db:
            return [_snapshot(row) for row in db.execute(WITH_TRIGGER)]

    def count(self) -> int:
        """How many jobs there are."""
        with self._file.reading() as db:
            return int(db.execute("SELECT count(*) FROM jobs").fetchone()[0])

    def load(self, slugs: Sequence[str]) -> dict[str, Snapshot]:
        """See Store.load."""
        with self._file.reading() as db:
            return {row[0]: _snapshot(row) for row in self._jobs.find(db, set(slugs), CONTENTS)}

    def left(self, slugs: Sequence[str]) -> dict[str, Snapshot]:
        """See Store.left."""
        with self._file.reading() as db:
            return {row[0]: _snapshot(row) for row in chosen(db, LEFT, slugs)}

    def page(self, after: str, limit: int) -> list[Snapshot]:
        """See Store.page."""
        with self._file.reading() as db:
            found = db.execute(PAGE, (after, limit))
            return [_snapshot(row) for row in found]

    def declared(self, source: str, slugs: Sequence[str]) -> dict[str, Job]:
        """See Store.declared: no others are read."""
        with self._file.reading() as db:
            odd = source.encode(errors="surrogatepass")  # it may be the name of a file
            found = dict(db.execute(OWNED, (odd,)).fetchall())
            found |= chosen(db, NAMED, [slug for slug in slugs if slug not in found])
        return {slug: rows.JOB.load(text, slug) for slug, text in found.items()}

    def slug_of(self, uuid: str) -> str | None:
        """See Store.slug_of."""
        with self._file.reading() as db:
            row = db.execute("SELECT slug FROM jobs WHERE uuid = ?", (uuid,)).fetchone()
        return str(row[0]) if row else None

    def names(self, after: str, limit: int) -> list[str]:
        """See Store.names."""
        with self._file.reading() as db:
            return [str(slug) for (slug,) in db.execute(NAMES, (after, limit))]

    def due(self, since: Mark, now: int, limit: int) -> Due:
        """See Store.due: an index needs no lower bound, and what was looked at has left it."""
        with self._file.reading() as db:
            slugs = [row[0] for row in self._jobs.note(db.execute(DUE, (now, limit)))]
        full = len(slugs) >= limit
        return Due(slugs=tuple(slugs), reached=since if full else Mark(at=max(since.at, now)), more=full)

    def commit(self, changes: Sequence[Change]) -> list[Commit]:
        """See Store.commit: one transaction for all of them."""
        with self._file.writing() as db:
            kept, rows_now = keep(db, self._jobs, changes)
        self._jobs.remember(rows_now)
        return [Commit.STORED if one else Commit.STALE for one in kept]

    def history(self, slug: str, limit: int, slot: int | None = None, since: int | None = None) -> list[Entry]:
        """See Store.history."""
        bounds = {"most": limit if slot is None else HISTORY_READ, "since": since, "older": OLDER_MAX}
        with self._file.reading() as db:
            found = db.execute(HISTORY, {"slug": slug, "slot": slot, "limit": limit, **bounds})
            return [rows.ENTRY.load(text, slug) for (text,) in found]

    def outbox(self, now: int, limit: int) -> list[Delivery]:
        """See Store.outbox."""
        return self._deliveries(OUTBOX, (now, limit))

    def deliveries(self, incident: str) -> list[Delivery]:
        """See Store.deliveries."""
        return self._deliveries(OF_INCIDENT, (incident,))

    def _deliveries(self, sql: str, values: tuple[object, ...]) -> list[Delivery]:
        with self._file.reading() as db:
            return [rows.DELIVERY.load(text, key) for text, key in db.execute(sql, values)]

    def document(self, name: str) -> Document:
        """See Store.document."""
        with self._file.reading() as db:
            row = db.execute("SELECT version, value FROM documents WHERE name = ?", (name,)).fetchone()
        version, text = row or (0, "null")
        return Document(name=name, version=version, value=rows.DOCUMENT.load(text, name))

    def purge(self, before: int, limit: int) -> int:
        """See Store.purge: starts with the oldest rows, and looks at up to `limit` of each kind."""
        with self._file.writing() as db:
            gone = db.execute(PURGE_LOG, {"before": before, "limit": limit}).rowcount
            gone += db.execute(PURGE_DELIVERIES, {"before": before, "limit": limit - gone}).rowcount
            db.execute(PURGE_GONE, {"before": before - LEFT_KEPT})
        return gone

    def close(self) -> None:
        """See Store.close."""
        self._file.close()


def _snapshot(row: tuple[Any, ...]) -> Snapshot:
    slug, _, _, _, uuid, due, state, definition = row
    return Snapshot(job=rows.load_job(definition, slug), state=rows.STATE.load(state, slug), due=due, uuid=uuid or "")
