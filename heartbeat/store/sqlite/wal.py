"""A SQLite file's write-ahead log: when it starts anew, and whether it belongs to the file beside it.

SQLite applies a -wal to whatever file is beside it. A copy placed over a dead server's file, with that server's -wal
still there, becomes a mixture of both; nothing in SQLite's format shows it. So each generation of the log, from one
full checkpoint to the next, gets a number in `user_version`, which has a fixed place in the first page and can be
read without opening anything:

    number   2          3                                    4              5
    log      2 …        3 … … … … … … … … … … … … … … … …    4              5 … …
    file     ──── 2 ───────────────────────────────────────── 4 ─────────────────
                  │     first commit of the new log           │
                  full checkpoint                             full checkpoint

A file and a log belong together when the file has one of the log's numbers (some or all of it was checkpointed), or the
one before its first (none was). A copy made between two checkpoints has a number from the log of its time: right beside
that log, whose pages bring it to the file's final state, and wrong beside any other. Our own backups get a
number of their own. Only we checkpoint (`wal_autocheckpoint = 0`), so the numbers change at the right moments; after
a checkpoint by others the log says nothing, and we trust it.

Numbers are consecutive, from a random multiple of 65,536; 0 is a file from before there were numbers.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import struct
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES_MAX = 10_000
PAGES_MIN = 1_000
"""Pages after which the log is checkpointed: as many as can be copied in a moment, within these bounds."""
LONG, SHORT = 0.016, 0.012
"""Seconds of a checkpoint, while nobody can write: after a longer one the next log is shorter, after a shorter one
longer. A million jobs' pages lie far apart, ten thousand jobs' are written often: the fewer checkpoints the better."""
MORE = 1_000
"""Pages until the next try, when a reader was in the way."""
SOON = 20
"""Pages until the next try, when a process that just opened the file has just started the log."""
LOOK_EVERY = 8
"""Commits between checks of its length: after a check, the next sync must also write the file's time."""
TRIES_AT_FIRST = 20
A_MOMENT = 0.002
"""Seconds: our own reads take no longer."""
HEADER, FRAME = 32, 24
"""Bytes (https://www.sqlite.org/fileformat2.html#walformat)."""
MAGIC = (0x377F0682, 0x377F0683)
VERSION_AT = 60
"""Offset of user_version in the first page."""
ROOT = 1 << 16
TRIES = 4
TRY_AGAIN = 0.05
"""Seconds: another process may be checkpointing right now."""


def new_number() -> int:
    """A number that no other file has (but for a chance of one in 32,767)."""
    return (1 + secrets.randbelow(ROOT // 2 - 1)) * ROOT


def number(db: sqlite3.Connection) -> int:
    """The database's number as this connection sees it."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def begin(db: sqlite3.Connection, tries: int = 1) -> bool:
    """Checkpoint and begin a new generation; False when a reader is in the way, and this one continues."""
    _count(db)
    for number_of_try in range(tries):
        busy, pages, done = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if not busy and pages == done:
            _count(db)
            return True
        time.sleep(A_MOMENT if number_of_try + 1 < tries else 0)
    return False


def _count(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    known = number(db)
    db.execute(f"PRAGMA user_version = {(known + 1) % (1 << 31) if known else new_number()}")
    db.execute("COMMIT")


def belong_together(path: str) -> bool:
    """Whether the -wal at this path, if there is one, was written for the file."""
    for wait in (TRY_AGAIN,) * (TRIES - 1) + (0,):
        if _fit(path):
            return True
        time.sleep(wait)
    return False


def _fit(path: str) -> bool:
    numbers = _numbers(_beside(path))
    if not numbers:
        return True
    known = _number_of_file(path)
    return known in numbers or known == numbers[0] - 1 or (known == 0 and numbers[0] % ROOT == 0)


def _beside(path: str) -> str:
    """The -wal: SQLite keeps it beside what a link leads to."""
    return f"{os.path.realpath(path)}-wal"


def _number_of_file(path: str) -> int:
    """The number in the file itself. Read through SQLite: closing the file any other way would end our locks on it.

    Where a checkpoint was killed before its last page, the file is shorter than it says: `writable_schema` allows that.
    """
    try:
        with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?immutable=1", uri=True)) as db:
            db.execute("PRAGMA writable_schema = ON")
            return number(db)
    except sqlite3.Error:  # no database at all
        return -1


def _numbers(wal: str) -> list[int]:
    """The numbers in this log, in the order they were written."""
    try:
        file = os.open(wal, os.O_RDONLY)
    except OSError:
        return []
    try:
        return list(_first_pages(file))
    finally:
        os.close(file)


def _first_pages(file: int) -> Iterator[int]:
    header = os.pread(file, HEADER, 0)
    if len(header) < HEADER or struct.unpack(">I", header[:4])[0] not in MAGIC:
        return
    size, salts = struct.unpack(">I", header[8:12])[0], header[16:24]
    at, before = HEADER, header[24:32]
    while len(frame := os.pread(file, FRAME, at)) == FRAME and frame[8:16] == salts:
        if frame[:4] == b"\0\0\0\1":
            page = os.pread(file, size, at + FRAME)
            is_last = os.pread(file, 16, at + FRAME + size)[8:] != salts
            if not is_last or _is_whole(header, before, frame, page):
                yield struct.unpack(">i", page[VERSION_AT : VERSION_AT + 4])[0]
        at, before = at + FRAME + size, frame[16:24]


def _is_whole(header: bytes, before: bytes, frame: bytes, page: bytes) -> bool:
    """Whether a frame's page is the one that its head was written for: a process killed between the two leaves another.

    The checksum of https://www.sqlite.org/fileformat2.html#walformat; before: that of the frame in front of it.
    """
    first, second = struct.unpack(">II", before)
    order = ">" if struct.unpack(">I", header[:4])[0] & 1 else "<"
    words = iter(struct.unpack(f"{order}{(8 + len(page)) // 4}I", frame[:8] + page))
    for one, other in zip(words, words, strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return struct.unpack(">II", frame[16:24]) == (first, second)


class WriteAheadLog:
    """An open database's -wal: how long it has grown."""

    def __init__(self, path: str) -> None:
        self._database = path
        self._file: int | None = None
        self._pages = self._length = min(PAGES_MIN, PAGES_MAX)
        self._commits = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been written to it yet."""
        try:
            return Path(_beside(self._database)).stat().st_size == 0
        except OSError:
            return True

    @property
    def is_long(self) -> bool:
        """Whether to checkpoint: the page at the limit is from this generation. Asked after each commit."""
        looks = self._commits % LOOK_EVERY == 0
        self._commits += 1
        if not looks:
            return False
        if self._file is None:
            self._file = os.open(_beside(self._database), os.O_RDONLY)
        header = os.pread(self._file, HEADER, 0)
        if len(header) < HEADER:
            return False
        size = FRAME + int.from_bytes(header[8:12], "big")
        return os.pread(self._file, 8, HEADER + (self._pages - 1) * size + 8) == header[16:24]

    def begun(self, took: float, *, anew: bool, first: bool) -> None:
        """The log starts anew, or somebody was in the way. took: seconds; first: the first since it was opened."""
        if anew and not first:
            length = self._length // 2 if took > LONG else self._length * 5 // 4 if took < SHORT else self._length
            self._length = min(max(length, PAGES_MIN), PAGES_MAX)
        self._pages = self._length if anew else SOON if first else self._pages + MORE

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
        self._file = None
