"""Copies of the SQLite file that can be restored: taken while it is in use, complete, each with its own number."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from heartbeat.errors import BadSetting, StoreCorrupt, StoreUnavailable
from heartbeat.store.sqlite.errors import check, meaning
from heartbeat.store.sqlite.file import NOT_A_PAIR
from heartbeat.store.sqlite.place import PRIVATE
from heartbeat.store.sqlite.schema import MIGRATIONS, schema
from heartbeat.store.sqlite.wal import belong_together, new_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHARED_FIRST, SHARED_SIZE = 0x40000002, 510
"""https://www.sqlite.org/lockingv3.html: every process with the file open locks these bytes."""


def backup(db: Path, file: Path, *, force: bool = False) -> int:
    """Copy the database, in use or not, into a file; returns how many jobs it has. force: overwrite a file."""
    if _is_same(db, file):
        raise BadSetting(f"{file} is the database itself: name another file")
    if file.exists() and not force:
        raise BadSetting(f"{file} already exists: name another file, or overwrite it with --force")
    with _copied(db, file) as (part, jobs):
        part.replace(file)
    _sync(file.parent)
    return jobs


def restore(file: Path, db: Path, aside: Path) -> int:
    """Put a copy in the database's place; returns how many jobs it has. aside: the new name of the old file.

    The old file's -wal goes with it, so that they still fit together. Whenever this is interrupted, there is a
    complete database in place, or it can be run again.
    """
    if _is_same(db, file):
        raise BadSetting(f"{file} is the database itself: name the copy to put in its place")
    with _alone(db), _copied(file, db) as (part, jobs):
        _keep_owner(part, db)
        _set_aside(db, aside)
        part.replace(db)
    _sync(db.parent)
    return jobs


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


@contextmanager
def _copied(source: Path, target: Path) -> Iterator[tuple[Path, int]]:
    """A sound copy beside the target, and how many jobs it has; removed at the end if still there."""
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE))
        yield part, _copy(source, part)
    except OSError as problem:
        raise StoreUnavailable(f"{problem.filename or target}: {problem.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, part: Path) -> int:
    if not source.exists():
        raise BadSetting(f"there is no {source}")
    if not belong_together(str(source)):
        raise StoreCorrupt(f"{source} {NOT_A_PAIR}")
    try:
        with closing(_open(source, "ro")) as db, closing(_open(part, "rw")) as copy:
            db.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
            copy.execute(f"PRAGMA user_version = {new_number()}")
            _check_schema(copy, source)
            check(copy, str(source), "integrity_check")
            return int(copy.execute("SELECT count(*) FROM jobs").fetchone()[0])
    except sqlite3.Error as error:
        raise meaning(error, str(source)) from error
    finally:
        _sync(part)


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None)


def _check_schema(db: sqlite3.Connection, source: Path) -> None:
    found = schema(db)
    if not found:
        raise BadSetting(f"{source} is not a Heartbeat database")
    if found > len(MIGRATIONS):
        raise BadSetting(
            f"{source} has schema {found}, this version knows up to {len(MIGRATIONS)}: use a newer version"
        )


@contextmanager
def _alone(db: Path) -> Iterator[None]:
    """Nobody else has the database open, or can open it until this ends."""
    try:
        file = os.open(db, os.O_RDWR)
    except FileNotFoundError:  # a server that finds it missing waits for it
        yield
        return
    except OSError as problem:
        raise StoreUnavailable(f"{db}: {problem.strerror}") from None
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, SHARED_SIZE, SHARED_FIRST)
    except OSError:
        os.close(file)
        raise StoreUnavailable(f"{db} is open in another process: stop the server first, then try again") from None
    try:
        yield
    finally:
        os.close(file)


def _keep_owner(part: Path, db: Path) -> None:
    """What root puts in place is the old file's owner's, or the folder's: the server, who is not root, must open it."""
    if os.geteuid() == 0:
        owner = (db if db.exists() else db.parent).stat()
        os.chown(part, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _set_aside(db: Path, aside: Path) -> None:
    wal, shm = (db.with_name(f"{db.name}{ending}") for ending in ("-wal", "-shm"))
    if db.exists():
        aside.hardlink_to(db)  # so that there is a file at every moment
    with suppress(FileNotFoundError):
        wal.replace(aside.with_name(f"{aside.name}-wal"))
    shm.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Make what was written or renamed there survive a power cut."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
