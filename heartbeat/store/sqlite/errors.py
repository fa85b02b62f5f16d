"""What SQLite's errors mean, in our words: what is wrong and what to do."""

from __future__ import annotations

import sqlite3

from heartbeat.errors import StoreCorrupt, StoreUnavailable, WorldError

_LOCKED = "is locked by another process (a second heartbeat, a backup, a sqlite3 shell): end it, or try again"
_DENIED = "cannot be written: check owner and mode of the file and of its folder, and that the disk is not read-only"
MEANINGS: dict[int, tuple[type[WorldError], str]] = {
    sqlite3.SQLITE_BUSY: (StoreUnavailable, _LOCKED),
    sqlite3.SQLITE_LOCKED: (StoreUnavailable, _LOCKED),
    sqlite3.SQLITE_FULL: (StoreUnavailable, "has filled its disk: free some space; nothing stored is lost"),
    sqlite3.SQLITE_READONLY: (StoreUnavailable, _DENIED),
    sqlite3.SQLITE_PERM: (StoreUnavailable, _DENIED),
    sqlite3.SQLITE_CANTOPEN: (StoreUnavailable, "cannot be opened: check that its folder exists and may be written"),
    sqlite3.SQLITE_IOERR: (StoreUnavailable, "has a disk that reports errors: check its space and the system's log"),
    sqlite3.SQLITE_NOMEM: (StoreUnavailable, "needs more memory than this process may have"),
    sqlite3.SQLITE_CONSTRAINT: (StoreCorrupt, "was given a row that it cannot hold, which is our mistake: report it"),
    sqlite3.SQLITE_CORRUPT: (StoreCorrupt, "is damaged: restore a backup, or try `sqlite3 FILE .recover`"),
    sqlite3.SQLITE_NOTADB: (StoreCorrupt, "is not a SQLite database: check the path"),
}
"""By SQLite's primary result code (https://www.sqlite.org/rescode.html)."""


def meaning(error: sqlite3.Error, path: str) -> WorldError:
    """The same error in our words: what is wrong and what to do."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    kind, text = MEANINGS.get(code & 0xFF, (StoreCorrupt, "holds something other than this version expects"))
    return kind(f"the store {path} {text} (SQLite says: {error})")


def check(db: sqlite3.Connection, path: str, how: str) -> None:
    """Raises StoreCorrupt when SQLite finds this database damaged. how: integrity_check, or quick_check."""
    found = [str(row[0]) for row in db.execute(f"PRAGMA {how}(1)")]
    if found != ["ok"]:
        raise StoreCorrupt(f"the store {path} {MEANINGS[sqlite3.SQLITE_CORRUPT][1]} (SQLite says: {'; '.join(found)})")
