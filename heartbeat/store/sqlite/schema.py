"""The tables and their migrations.

The layout is the leanest we measured: an append-only log without a second index (each row points to the job's
previous one), and a due index that an on-time ping does not touch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.errors import BadSetting
from heartbeat.model import NEVER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    Migration = Sequence[str]

_FIELD = "CASE WHEN json_valid(definition) THEN json_extract(definition, '$[{}]') END"
OWNER = _FIELD.format(20)
TRIGGERED = f"{_FIELD.format(22)} IS NOT NULL"
"""Who owns a job, and whether we start it: `source` and `trigger` of its definition.

No ping touches their indexes, and a row that is no JSON is in neither."""
MIGRATIONS: tuple[Migration, ...] = (
    (
        """CREATE TABLE jobs (
            id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, uuid TEXT UNIQUE, version INTEGER NOT NULL,
            due INTEGER NOT NULL, last INTEGER, state TEXT NOT NULL, definition TEXT NOT NULL) STRICT""",
        f"CREATE INDEX jobs_due ON jobs(due) WHERE due < {NEVER}",
        "CREATE TABLE gone (slug TEXT PRIMARY KEY, last INTEGER) STRICT, WITHOUT ROWID",
        """CREATE TABLE log (
            id INTEGER PRIMARY KEY, prev INTEGER, heard_at INTEGER NOT NULL, slot INTEGER,
            entry TEXT NOT NULL) STRICT""",
        """CREATE TABLE deliveries (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, incident TEXT NOT NULL, created_at INTEGER NOT NULL,
            next_at INTEGER NOT NULL, version INTEGER NOT NULL, delivery TEXT NOT NULL) STRICT""",
        f"CREATE INDEX deliveries_pending ON deliveries(next_at) WHERE next_at < {NEVER}",
        "CREATE INDEX deliveries_incident ON deliveries(incident, created_at)",
        "CREATE TABLE documents (name TEXT PRIMARY KEY, version INTEGER NOT NULL, value TEXT NOT NULL) STRICT",
    ),
    (
        "ALTER TABLE gone ADD COLUMN removed_at INTEGER",
        "ALTER TABLE gone ADD COLUMN uuid TEXT",
        "ALTER TABLE gone ADD COLUMN state TEXT",
        "ALTER TABLE gone ADD COLUMN definition TEXT",
    ),
    (f"CREATE INDEX jobs_triggered ON jobs(id) WHERE {TRIGGERED}", f"CREATE INDEX jobs_owner ON jobs({OWNER})"),
)
"""Migration n (from 1) takes a file from schema n - 1 to n. Never edit a released one: add the next."""


def migrate(db: sqlite3.Connection, path: str, migrations: Sequence[Migration]) -> None:
    """Bring the file to the newest schema. Raises BadSetting for one that is newer still, or of something else."""
    if schema(db) == len(migrations):
        return
    db.execute("BEGIN IMMEDIATE")
    done = schema(db)  # once more: another process may have been faster
    if done > len(migrations):
        raise BadSetting(
            f"the store {path} has schema {done}, this version knows up to {len(migrations)}: "
            "start the newer version that wrote it, or restore a backup from before the upgrade"
        )
    if not done and db.execute("SELECT count(*) FROM sqlite_master WHERE name != 'meta'").fetchone()[0]:
        raise BadSetting(f"the store {path} is a SQLite database of something else: choose another path")
    db.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value ANY) STRICT")
    for migration in migrations[done:]:
        for statement in migration:
            db.execute(statement)
    db.execute("INSERT OR REPLACE INTO meta VALUES ('schema', ?)", (len(migrations),))
    db.execute("COMMIT")


def schema(db: sqlite3.Connection) -> int:
    """The file's schema; 0 when it has none yet."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        return 0
    row = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    return int(row[0]) if row else 0
