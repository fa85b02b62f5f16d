"""The SQLite file itself: its connections, and whether it is still the one that was opened."""

from __future__ import annotations

import ctypes
import sqlite3
import time
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Lock, RLock
from typing import TYPE_CHECKING

from heartbeat.errors import BadSetting, StoreCorrupt, StoreGone, StoreUnavailable
from heartbeat.store.sqlite import wal
from heartbeat.store.sqlite.errors import check, meaning
from heartbeat.store.sqlite.place import DatabaseFiles
from heartbeat.store.sqlite.schema import MIGRATIONS, migrate
from heartbeat.store.sqlite.wal import WriteAheadLog, belong_together

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from heartbeat.store.sqlite.schema import Migration

SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a ping is answered after its commit: that must survive a power cut
    "PRAGMA wal_autocheckpoint = 0",  # sqlite_wal does it
    "PRAGMA cache_size = -65536",
)

_AGAIN = 0.01  # seconds
LOOK_EVERY = 0.1
"""Seconds between checks that the files are still there; after a commit we always check."""
TAKEN_AWAY = "is gone: it was deleted, moved or replaced; nothing is accepted until a database is back"
WRITTEN_OVER = "was overwritten while it was open: stop the server, then `heartbeat restore` a backup"
NOT_A_PAIR = (
    "and the -wal beside it do not belong together (was a copy laid over it?): `heartbeat restore COPY` does it right; "
    "to keep the file as it is, without what the -wal holds, move the -wal away"
)


class SQLiteFile:
    """Connections to one file, passed between threads but used by one at a time; ":memory:" has only one.

    When the file is taken away they are closed, and a database that appears later is opened instead: a new era.
    """

    def __init__(self, path: str, timeout: float, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self.path, self.timeout, self._migrations = path, timeout, migrations
        self._in_memory = path == ":memory:"
        self._alone: AbstractContextManager[object] = Lock() if self._in_memory else nullcontext()
        self._writing = Lock()  # our own writers queue up fairly instead of polling SQLite's lock
        self._settling = RLock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = self._settled = self._begun = self._spoilt = False
        self._place, self._log = DatabaseFiles(path), WriteAheadLog(path)
        self._look_at = 0.0
        self.era = 0
        """How often the file has been lost."""
        try:
            with self.reading():
                pass
        except BaseException:
            self.close()
            raise

    @property
    def tightened(self) -> bool:
        """Whether others could read the files until now."""
        return self._place.tightened

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection; its errors are raised as StoreUnavailable or StoreCorrupt."""
        with self._alone:
            try:
                db, era = self._take()
                try:
                    yield db
                finally:
                    self._give_back(db, era)
            except sqlite3.Error as error:
                raise meaning(error, self.path) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction, durable at the end, or rolled back if anything was raised."""
        era = self.era
        with self._writing, self.reading() as db:
            if not self._begun and not self._in_memory:
                self._log.close()
                self._begin(db, needed=self._log.is_empty or not wal.number(db))
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
            if not self._in_memory:
                self._check(era)
                with suppress(sqlite3.Error):  # the commit stands; the next one tries again
                    self._begin(db, needed=self._log.is_long)

    def close(self) -> None:
        """Close idle connections now, and those in use when they come back."""
        self._closed = True
        self._drop_idle()
        self._log.close()

    def _begin(self, db: sqlite3.Connection, *, needed: bool) -> None:
        if needed:
            first, began = not self._begun, time.monotonic()
            anew = wal.begin(db, wal.TRIES_AT_FIRST if first else 1)
            self._log.begun(time.monotonic() - began, anew=anew, first=first)
            self._place.note_writing()
        self._begun = True

    def _take(self) -> tuple[sqlite3.Connection, int]:
        if self._closed:
            raise StoreUnavailable(f"the store {self.path} is closed")
        if not self._settled:
            self._settle()
        elif time.monotonic() >= self._look_at:
            self._check(self.era)
            self._look_at = time.monotonic() + LOOK_EVERY
        era = self.era
        try:
            return self._idle.pop(), era
        except IndexError:
            return _connect(self.path, self.timeout), era

    def _give_back(self, db: sqlite3.Connection, era: int) -> None:
        if db.in_transaction:
            with suppress(sqlite3.Error):  # report the error that brought us here
                db.execute("ROLLBACK")
        if self._closed or db.in_transaction or era != self.era:
            self._drop(db)
        else:
            self._idle.append(db)

    def _check(self, era: int) -> None:
        """Raises StoreGone when the file at the path is not the one opened in this era."""
        if era == self.era and self._place.is_same:
            if not self._place.is_written:
                return
            if belong_together(self.path):  # it was a checkpoint, ours or another process's
                self._place.note_writing()
                return
            self._spoilt = True
        with self._settling:
            if era == self.era:
                self._settled = False
                self.era += 1
                self._drop_idle()
        raise self._gone()

    def _gone(self) -> StoreGone:
        return StoreGone(f"the store {self.path} {WRITTEN_OVER if self._spoilt else TAKEN_AWAY}")

    def _settle(self) -> None:
        with self._settling:
            if self._settled:
                return
            if self.era:
                self._look_for_another()
            else:
                self._place.make()
            try:
                self._begin_era()
            except (sqlite3.Error, BadSetting, StoreCorrupt) as problem:
                if not self.era:
                    raise
                told = meaning(problem, self.path) if isinstance(problem, sqlite3.Error) else problem
                raise StoreGone(f"{told}; nothing is accepted until the database is back") from problem

    def _begin_era(self) -> None:
        """Open the database now at the path."""
        self._place.tighten()
        if not self._in_memory and not belong_together(self.path):
            raise StoreCorrupt(f"the store {self.path} {NOT_A_PAIR}")
        self._idle.append(self._open())
        self._place.note()
        self._settled, self._begun, self._spoilt = True, False, False

    def _look_for_another(self) -> None:
        if not self._place.is_there or not self._place.is_steady(time.monotonic()):
            raise self._gone()
        if self._place.is_replaced:
            self._place.set_aside()
        elif self._spoilt:
            raise self._gone()

    def _open(self) -> sqlite3.Connection:
        db = _connect(self.path, self.timeout)
        try:
            if self.era:
                check(db, self.path, "quick_check")
            migrate(db, self.path, self._migrations)
        except BaseException:
            db.close()
            raise
        return db

    def _drop_idle(self) -> None:
        while self._idle:
            self._drop(self._idle.pop())

    def _drop(self, db: sqlite3.Connection) -> None:
        """Close, but without the last one's checkpoint, which would spoil what somebody copied over the file."""
        if self._spoilt:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(db))
        else:
            db.close()


def _connect(path: str, timeout: float) -> sqlite3.Connection:
    uri = path if path == ":memory:" else f"{Path(path).absolute().as_uri()}?mode=rw"  # it never creates a file
    db = sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False)
    try:
        for setting in SETTINGS:
            _set(db, setting, timeout)
    except BaseException:
        db.close()
        raise
    return db


def _set(db: sqlite3.Connection, setting: str, timeout: float) -> None:
    """Waits where SQLite does not: it refuses at once to switch a file to WAL while others do the same."""
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
