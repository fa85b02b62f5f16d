"""The files of a SQLite database on the disk: who may read them, and whether those at the path are still the open ones.

A file that was deleted, moved away or replaced stays open and takes commits, which nobody will ever read. All of that
changes the folder: as long as the folder is as it was, so are its files. A copy written over the file shows in the
file's own time and size. Two stats after a commit, some microseconds, tell. The -wal is not among them: to ask Linux
(6.13 and later, multigrain timestamps) for the time of a file that is being written makes its next sync write the time
too, 40 of the 400 microseconds that a commit takes.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

ENDINGS = ("", "-wal", "-shm")
PRIVATE = 0o600
"""It holds the ping key and what jobs print."""
STEADY = 1.0
"""Seconds."""
COARSE = 1.0
"""Seconds from when a folder was first seen as it is until that is believed: it may change again without showing it
(a file system counts time in steps, of 4 to 10 ms on Linux)."""
Number = tuple[int, int]
Written = tuple[int, int]
Stamp = tuple[int, int, int, int]


class Place:
    """One path, and what was found there when the database was opened."""

    def __init__(self, path: str) -> None:
        self._paths = [] if path == ":memory:" else [path + ending for ending in ENDINGS]
        self._folder = str(Path(path).absolute().parent)
        self._stamp: Stamp | None = None
        self._settled_at = 0.0
        self._quiet = self._shows = False
        self._numbers: list[Number | None] = []
        self._written: Written | None = None
        self._seen: tuple[Written | None, float] = None, 0.0
        self.tightened = False
        """Others could read the files, and cannot any more."""

    def make(self) -> None:
        """Make the file, for nobody but its owner, unless it is there; SQLite makes the others like it."""
        for path in self._paths[:1]:
            with suppress(OSError):  # that it cannot be made will be told by SQLite
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE))

    def tighten(self) -> None:
        """Let nobody but the owner read what is there already."""
        for path in map(Path, self._paths):
            with suppress(OSError):  # it is not there, or another user's: `doctor` says so
                if path.stat().st_mode & 0o077:
                    path.chmod(PRIVATE)
                    self.tightened = True

    def note(self) -> None:
        """These are the files that are open now."""
        self._numbers = [_number(path) for path in self._paths]
        self._stamp, self._quiet = None, False
        self._shows = bool(self._paths) and _shows(self._folder, self._paths[0])
        self.note_writing()

    def note_writing(self) -> None:
        """What was written to the file itself up to now is known to be ours."""
        self._written = _written(self._paths[0]) if self._paths else None

    @property
    def is_there(self) -> bool:
        """There is a file at the path, and something in it."""
        found = _written(self._paths[0])
        return found is not None and found[1] > 0

    def is_steady(self, now: float) -> bool:
        """As we saw it, nobody has written to the file for a while: it is not being copied here just now."""
        found = _written(self._paths[0])
        if found != self._seen[0]:
            self._seen = found, now
        return now - self._seen[1] >= STEADY

    @property
    def is_same(self) -> bool:
        """All files at the path are those that were noted."""
        folder = _stamp(self._folder)
        if folder != self._stamp:
            self._stamp, self._settled_at, self._quiet = folder, time.monotonic() + COARSE, False
        elif self._quiet:
            return True
        same = [_number(path) for path in self._paths] == self._numbers
        self._quiet = same and self._shows and folder is not None and time.monotonic() >= self._settled_at
        return same

    @property
    def is_replaced(self) -> bool:
        """Another file stands at the path than was noted, so that the -wal noted is not its own."""
        return bool(self._numbers) and _number(self._paths[0]) not in {None, self._numbers[0]}

    @property
    def is_written(self) -> bool:
        """Somebody wrote to the file itself since."""
        return bool(self._paths) and _written(self._paths[0]) != self._written

    def set_aside(self) -> None:
        """Move the -wal that was noted out of the way of the file that stands here now; nobody needs the -shm."""
        wal, shm = self._paths[1:]
        if _number(wal) is not None and _number(wal) == self._numbers[1]:
            Path(wal).replace(f"{wal}.replaced")
        if _number(shm) is not None and _number(shm) == self._numbers[2]:
            Path(shm).unlink()


def _number(path: str) -> Number | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - asked with every commit
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _shows(folder: str, path: str) -> bool:
    """Whether the folder tells of what becomes of this file: it holds the file itself, no link and no mount."""
    with suppress(OSError):
        return not Path(path).is_symlink() and Path(path).stat().st_dev == Path(folder).stat().st_dev
    return False


def _stamp(folder: str) -> Stamp | None:
    try:
        found = os.stat(folder)  # noqa: PTH116 - the same
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def _written(path: str) -> Written | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - the same
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
