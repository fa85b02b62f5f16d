"""Changes as SQLite statements, within the transaction of their batch.

First we learn the versions of all rows that a batch touches, so each change is taken or refused in memory. Then
everything is written: a job that changed several times in the batch is written once, and an on-time ping costs a share
of two prepared statements. We assume a job's row is as we left it, and write only if it is; if one is not, the
batch starts again with everything read afresh.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from heartbeat.model import NEVER
from heartbeat.store import rows
from heartbeat.store.sqlite.find import JobRow, chosen

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from heartbeat.model import Change, Delivery, Document, State
    from heartbeat.store.sqlite.find import JobRows

DEFINED = "defined"
"""The document whose version counts the commits that made, redefined or removed jobs."""
STATE_STEP = 320
"""A state's text is padded to a multiple of this: a job goes down and up without its row outgrowing its page."""


def keep(db: sqlite3.Connection, known: JobRows, changes: Sequence[Change]) -> tuple[list[bool], dict[str, JobRow]]:
    """Which changes are kept, in order, and the jobs' rows once the commit is durable."""
    seen = _seen(known, changes)
    batch = _Batch(db, known, changes, seen)
    kept = [batch.take(change) for change in changes]
    if not batch.write():  # another process has been here
        db.execute("ROLLBACK")
        db.execute("BEGIN IMMEDIATE")
        batch = _Batch(db, known, changes, {})
        kept = [batch.take(change) for change in changes]
        batch.write()
    return kept, batch.jobs


def _seen(known: JobRows, changes: Sequence[Change]) -> dict[str, JobRow]:
    """The rows we need not read: the decision was based on what we last saw in them."""
    if any(change.remove for change in changes):
        return {}
    found = {change.slug: known.seen(change.slug, change.expected) for change in reversed(changes) if change.expected}
    return {slug: row for slug, row in found.items() if row is not None}


def state_text(state: State) -> str:
    """A state as stored in its column: padded with blanks, which JSON ignores, to the next STATE_STEP.

    SQLite overwrites a row of the same size in place. One that grows is moved, and splits a full page:
    without padding, a thousand jobs going down among a million wrote 4,399 pages instead of 1,174.
    """
    text = rows.dump(state)
    return text.ljust(-(-len(text) // STATE_STEP) * STATE_STEP)


class _Batch:
    def __init__(
        self, db: sqlite3.Connection, known: JobRows, changes: Sequence[Change], seen: dict[str, JobRow]
    ) -> None:
        self.db = db
        unseen = {change.slug for change in changes if change.slug and change.slug not in seen}
        found = known.find(db, unseen)
        self.lost: set[str] = set()
        self.jobs: dict[str, JobRow] = seen | {slug: JobRow(*row) for slug, *row in found}
        uuids = {change.uuid for change in changes if change.uuid and not change.expected}
        self.uuids = {uuid for (uuid,) in chosen(db, "SELECT uuid FROM jobs WHERE uuid IN", uuids)}
        new = {change.slug for change in changes if change.slug and not change.expected}
        gone = chosen(db, "SELECT slug, last FROM gone WHERE slug IN", new)
        self.gone: dict[object, int | None] = dict(gone)
        self.delivered = self._versions("deliveries", "id", {d.id for c in changes for d in c.deliveries})
        self.documented = self._versions("documents", "name", {d.name for c in changes for d in c.documents})
        self.log_id: int = db.execute("SELECT coalesce(max(id), 0) FROM log").fetchone()[0]
        self.log: list[tuple[object, ...]] = []
        self.before: dict[int, tuple[int, str, int, int | None]] = {}
        self.updates: dict[int, dict[str, Any]] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.documents: dict[str, Document] = {}
        self.defined = False

    def _versions(self, table: str, key: str, keys: Collection[object]) -> dict[object, object]:
        select = f"SELECT {key}, version FROM {table} WHERE {key} IN"  # noqa: S608 - the names are ours
        return dict(chosen(self.db, select, keys))

    def take(self, change: Change) -> bool:
        """Whether nothing has moved since the change was decided; if so, it will be written."""
        if change.slug in self.lost or not self._fits(change):
            if change.slug:
                self.lost.add(change.slug)
            return False
        self.defined |= change.remove or change.job is not None
        if change.slug:
            self._take_job(change)
        for delivery in change.deliveries:
            self.deliveries[delivery.id] = delivery
            self.delivered[delivery.id] = delivery.version
        for document in change.documents:
            self.documents[document.name] = document
            self.documented[document.name] = document.version
        return True

    def _fits(self, change: Change) -> bool:
        job = self.jobs.get(change.slug)
        if job is None:
            return (
                not change.expected and not change.remove and change.uuid not in self.uuids and self._fit_others(change)
            )
        return job.version == change.expected and self._fit_others(change)

    def _fit_others(self, change: Change) -> bool:
        if not change.deliveries and not change.documents:  # the usual case
            return True
        return all(self.delivered.get(d.id, 0) == d.version - 1 for d in change.deliveries) and all(
            self.documented.get(d.name, 0) == d.version - 1 for d in change.documents
        )

    def _take_job(self, change: Change) -> None:
        job = self.jobs.get(change.slug)
        if job is None:
            self._create(change)
        elif change.remove:
            self._remove(change, job)
        else:
            self._update(change, job)

    def _create(self, change: Change) -> None:
        if change.job is None or change.state is None:
            raise ValueError(f"a change that makes {change.slug!r} needs its definition and its state")
        due = NEVER if change.due is None else change.due
        last = self._append(change, self.gone.get(change.slug))
        texts = state_text(change.state), rows.dump(change.job)
        made = self.db.execute(
            "INSERT INTO jobs (slug, uuid, version, due, state, definition, last) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (change.slug, change.uuid or None, change.state.version, due, *texts, last),
        )
        self.jobs[change.slug] = JobRow(made.lastrowid or 0, change.state.version, last, change.uuid or None)
        if change.slug in self.gone:
            self.db.execute("DELETE FROM gone WHERE slug = ?", (change.slug,))
        if change.uuid:
            self.uuids.add(change.uuid)

    def _update(self, change: Change, job: JobRow) -> None:
        """Write only the columns that change, to leave indexes on the others alone."""
        row = self.updates.get(job.id)
        if row is None:
            row = self.updates[job.id] = {}
            self.before[job.id] = job.id, change.slug, job.version, job.last
        version, last = job.version, job.last
        if change.state is not None:
            row["state"], row["version"] = change.state, (version := change.state.version)
        if change.entries:
            row["last"] = last = self._append(change, last)
        if change.job is not None:
            row["definition"] = rows.dump(change.job)
        if change.due is not None:
            row["due"] = change.due
        self.jobs[change.slug] = JobRow(job.id, version, last, job.uuid)

    def _remove(self, change: Change, job: JobRow) -> None:
        last = self._append(change, job.last)
        state = None if change.state is None else rows.dump(change.state)
        at = change.state.removed_at if change.state else None
        definition = self.updates.pop(job.id, {}).get("definition")
        self.db.execute(KEEP_GONE, (definition, last, at, state, change.slug))
        self.db.execute("DELETE FROM jobs WHERE id = ?", (job.id,))
        self.gone[change.slug] = last
        self.uuids.discard(job.uuid)
        del self.jobs[change.slug]

    def _append(self, change: Change, last: int | None) -> int | None:
        """Add the entries to the job's chain; returns the number of its last line."""
        for entry in change.entries:
            self.log_id += 1
            self.log.append((self.log_id, last, rows.heard_at(entry), entry.slot, rows.dump(entry)))
            last = self.log_id
        return last

    def write(self) -> bool:
        """Write everything taken that is not in the file yet; False: a job's row was not as expected."""
        if not self._write_jobs():
            return False
        self.db.executemany("INSERT INTO log (id, prev, heard_at, slot, entry) VALUES (?, ?, ?, ?, ?)", self.log)
        self.db.executemany(KEEP_DELIVERY, map(_delivery, self.deliveries.values()))
        self.db.executemany(KEEP_DOCUMENT, map(_document, self.documents.values()))
        if self.defined:
            self.db.execute(COUNT_DEFINED, (DEFINED,))
        return True

    def _write_jobs(self) -> bool:
        alike: dict[tuple[str, ...], list[tuple[object, ...]]] = defaultdict(list)
        for number, row in self.updates.items():
            if "state" in row:
                row["state"] = state_text(row["state"])
            alike[tuple(row)].append((*row.values(), *self.before[number]))
        alike.pop((), None)
        return all(self._write_alike(columns, values) for columns, values in alike.items())

    def _write_alike(self, columns: tuple[str, ...], values: list[tuple[object, ...]]) -> bool:
        changed = ", ".join(f"{column} = ?" for column in columns)
        done = self.db.executemany(UPDATE_JOB.format(changed), values)
        return done.rowcount == len(values)


UPDATE_JOB = "UPDATE jobs SET {} WHERE id = ? AND slug = ? AND version = ? AND last IS ?"
KEEP_DELIVERY = """INSERT INTO deliveries (id, incident, created_at, next_at, version, delivery)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE
    SET next_at = excluded.next_at, version = excluded.version, delivery = excluded.delivery"""
KEEP_GONE = """INSERT OR REPLACE INTO gone (slug, uuid, definition, last, removed_at, state)
    SELECT slug, uuid, coalesce(?, definition), ?, ?, ? FROM jobs WHERE slug = ?"""
KEEP_DOCUMENT = """INSERT INTO documents (name, version, value) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET version = excluded.version, value = excluded.value"""

COUNT_DEFINED = """INSERT INTO documents (name, version, value) VALUES (?, 1, 'null')
    ON CONFLICT (name) DO UPDATE SET version = version + 1"""


def _delivery(row: Delivery) -> tuple[object, ...]:
    return row.id, row.alert.incident, row.created_at, row.next_at, row.version, rows.dump(row)


def _document(row: Document) -> tuple[object, ...]:
    return row.name, row.version, rows.dump(row.value)
