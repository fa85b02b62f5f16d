"""The SQLite file itself: its connections, its tables and their migrations, and what its errors mean.

The layout is the leanest of those measured: an append-only log without a second index (each row points to the job's
previous one), and a due index that an on-time ping does not touch.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager, nullcontext, suppress
from threading import Lock
from typing import TYPE_CHECKING

from heartbeat.errors import BadSetting, StoreCorrupt, StoreUnavailable, WorldError
from heartbeat.model import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    Migration = Sequence[str]

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
)
"""Migration n (from 1) takes a file from schema n - 1 to n. What was released is never edited: add the next."""

SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a ping is answered after its commit: that must survive a power cut
    "PRAGMA wal_autocheckpoint = 10000",
    "PRAGMA cache_size = -65536",
)

_AGAIN = 0.01  # seconds
_LOCKED = "is locked by another process (a second heartbeat, a backup, a sqlite3 shell): end it, or try again"
_DENIED = "cannot be written: check owner and mode of the file and of its folder, and that the disk is not read-only"
MEANINGS: dict[int, tuple[type[WorldError], str]] = {
    sqlite3.SQLITE_BUSY: (StoreUnavailable, _LOCKED),
    sqlite3.SQLITE_LOCKED: (StoreUnavailable, _LOCKED),
    sqlite3.SQLITE_FULL: (StoreUnavailable, "does not fit its disk any more: free some space; nothing stored is lost"),
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


class SQLiteFile:
    """Connections to one file, handed from thread to thread but used by one at a time; ":memory:" has a single one."""

    def __init__(self, path: str, timeout: float, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self.path, self.timeout = path, timeout
        self._alone: AbstractContextManager[object] = Lock() if path == ":memory:" else nullcontext()
        self._writing = Lock()  # our own writers queue up fairly instead of polling SQLite's lock
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        try:
            with self.reading() as db:
                _migrate(db, self.path, migrations)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection; what goes wrong with it comes out as StoreUnavailable or StoreCorrupt."""
        with self._alone:
            try:
                db = self._take()
                try:
                    yield db
                finally:
                    self._give_back(db)
            except sqlite3.Error as error:
                raise meaning(error, self.path) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction, which is durable at the end, or gone when anything was raised."""
        with self._writing, self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    def close(self) -> None:
        """Close what is idle now; what is in use is closed when it comes back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreUnavailable(f"the store {self.path} is closed")
        try:
            return self._idle.pop()
        except IndexError:
            return _connect(self.path, self.timeout)

    def _give_back(self, db: sqlite3.Connection) -> None:
        if db.in_transaction:
            with suppress(sqlite3.Error):  # the error that brought us here is the one to tell
                db.execute("ROLLBACK")
        if self._closed or db.in_transaction:
            db.close()
        else:
            self._idle.append(db)


def meaning(error: sqlite3.Error, path: str) -> WorldError:
    """The same error in our words: what is wrong and what to do."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    kind, text = MEANINGS.get(code & 0xFF, (StoreCorrupt, "holds something else than this version expects"))
    return kind(f"the store {path} {text} (SQLite says: {error})")


def _connect(path: str, timeout: float) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
    try:
        for setting in SETTINGS:
            _set(db, setting, timeout)
    except BaseException:
        db.close()
        raise
    return db


def _set(db: sqlite3.Connection, setting: str, timeout: float) -> None:
    """Waits where SQLite does not: to turn a file to WAL while others do the same is refused at once."""
    end = time.monotonic() + timeout
    while True:
        try:
            db.execute(setting)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            time.sleep(_AGAIN)
        else:
            return


def _migrate(db: sqlite3.Connection, path: str, migrations: Sequence[Migration]) -> None:
    if _schema(db) == len(migrations):
        return
    db.execute("BEGIN IMMEDIATE")
    done = _schema(db)  # once more: another process may have been faster
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


def _schema(db: sqlite3.Connection) -> int:
    """The file's schema; 0 when it has none yet."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        return 0
    row = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    return int(row[0]) if row else 0
