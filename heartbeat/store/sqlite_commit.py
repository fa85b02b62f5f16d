"""A change as SQLite statements, within the transaction of its batch."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from heartbeat.model import NEVER
from heartbeat.store import rows

if TYPE_CHECKING:
    import sqlite3

    from heartbeat.model import Change, Delivery, Document


def keep(db: sqlite3.Connection, change: Change) -> bool:
    """Whether the change was kept; only one that may be refused half-way needs a savepoint."""
    others = len(change.deliveries) + len(change.documents)
    if not others:
        return not change.slug or _keep_job(db, change)
    if others == 1 and not change.slug:
        return _keep_all(db, change)
    db.execute("SAVEPOINT change")
    kept = _keep_all(db, change)
    if not kept:
        db.execute("ROLLBACK TO change")
    db.execute("RELEASE change")
    return kept


def _keep_all(db: sqlite3.Connection, change: Change) -> bool:
    return (
        (not change.slug or _keep_job(db, change))
        and all(_keep_delivery(db, delivery) for delivery in change.deliveries)
        and all(_keep_document(db, document) for document in change.documents)
    )


def _keep_job(db: sqlite3.Connection, change: Change) -> bool:
    if change.remove:
        return _remove(db, change)
    return _update(db, change) if change.expected else _create(db, change)


def _create(db: sqlite3.Connection, change: Change) -> bool:
    if change.job is None or change.state is None:
        raise ValueError(f"a change that makes {change.slug!r} needs its definition and its state")
    version, due = change.state.version, NEVER if change.due is None else change.due
    made = db.execute(
        """INSERT INTO jobs (slug, uuid, version, due, state, definition, last)
           VALUES (?, ?, ?, ?, ?, ?, (SELECT last FROM gone WHERE slug = ?)) ON CONFLICT DO NOTHING""",
        (change.slug, change.uuid or None, version, due, *_texts(change), change.slug),
    )
    if not made.rowcount:
        return False
    if change.entries:
        last = _append(db, change, version)
        db.execute("UPDATE jobs SET last = ? WHERE slug = ?", (last, change.slug))
    return True


def _texts(change: Change) -> list[str]:
    """The texts of what the change replaces: the state, then the definition."""
    state = [rows.STATE.dump(change.state)] if change.state else []
    return state + ([rows.JOB.dump(change.job)] if change.job else [])


def _update(db: sqlite3.Connection, change: Change) -> bool:
    """For an on-time ping exactly two statements: the log row, which checks the version, and the job's row."""
    last = _append(db, change, change.expected) if change.entries else None
    if change.entries and last is None:
        return False
    values: list[object] = [change.state.version if change.state else change.expected, *_texts(change)]
    values += [value for value in (change.due, last) if value is not None]
    sql = _update_sql(bool(change.state), bool(change.job), change.due is not None, last is not None)
    return db.execute(sql, (*values, change.slug, change.expected)).rowcount == 1


@cache
def _update_sql(state: bool, job: bool, due: bool, last: bool) -> str:
    """Only the columns that change, so that an index on the others is left alone."""
    given = {"version": True, "state": state, "definition": job, "due": due, "last": last}
    columns = ", ".join(f"{column} = ?" for column, there in given.items() if there)
    return f"UPDATE jobs SET {columns} WHERE slug = ? AND version = ?"  # noqa: S608 - the names are the four above


def _append(db: sqlite3.Connection, change: Change, version: int) -> int | None:
    """Add the entries to the job's chain; the id of the last, or None when the job is not at this version."""
    first, *others = change.entries
    made = db.execute(
        """INSERT INTO log (heard_at, slot, entry, prev)
           SELECT ?, ?, ?, last FROM jobs WHERE slug = ? AND version = ?""",
        (rows.heard_at(first), first.slot, rows.ENTRY.dump(first), change.slug, version),
    )
    if not made.rowcount:
        return None
    for entry in others:
        made = db.execute(
            "INSERT INTO log (heard_at, slot, entry, prev) VALUES (?, ?, ?, ?)",
            (rows.heard_at(entry), entry.slot, rows.ENTRY.dump(entry), made.lastrowid),
        )
    return made.lastrowid


def _remove(db: sqlite3.Connection, change: Change) -> bool:
    last = _append(db, change, change.expected) if change.entries else None
    noted = db.execute(
        """INSERT OR REPLACE INTO gone (slug, last)
           SELECT slug, coalesce(?, last) FROM jobs WHERE slug = ? AND version = ?""",
        (last, change.slug, change.expected),
    )
    if noted.rowcount:
        db.execute("DELETE FROM jobs WHERE slug = ?", (change.slug,))
    return noted.rowcount == 1


def _keep_delivery(db: sqlite3.Connection, delivery: Delivery) -> bool:
    text, key = rows.DELIVERY.dump(delivery), delivery.id
    if delivery.version == 1:
        sql = """INSERT INTO deliveries (incident, created_at, next_at, version, delivery, id)
                 VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT DO NOTHING"""
        values = (delivery.alert.incident, delivery.created_at, delivery.next_at, text, key)
        return db.execute(sql, values).rowcount == 1
    return (
        db.execute(
            "UPDATE deliveries SET next_at = ?, version = ?, delivery = ? WHERE id = ? AND version = ?",
            (delivery.next_at, delivery.version, text, key, delivery.version - 1),
        ).rowcount
        == 1
    )


def _keep_document(db: sqlite3.Connection, document: Document) -> bool:
    text = rows.dump_value(document.value)
    if document.version == 1:
        sql = "INSERT INTO documents (value, version, name) VALUES (?, 1, ?) ON CONFLICT DO NOTHING"
        return db.execute(sql, (text, document.name)).rowcount == 1
    return (
        db.execute(
            "UPDATE documents SET value = ?, version = ? WHERE name = ? AND version = ?",
            (text, document.version, document.name, document.version - 1),
        ).rowcount
        == 1
    )
