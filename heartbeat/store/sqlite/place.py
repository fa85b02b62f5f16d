"""A SQLite database's files on disk: who may read them, and whether those at the path are still the open ones.

A file that was deleted, moved or replaced stays open and takes commits that nobody will ever read. All of that
changes the folder: while the folder is unchanged, so are its files. A copy written over the file shows in the
file's own time and size. Two stats after a commit, a few microseconds, tell us. We do not stat the -wal: asking Linux
(6.13 and later, multigrain timestamps) for the time of a file being written makes its next sync write the time
too: 40 of a commit's 400 microseconds.
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
"""Seconds without a write before a file counts as steady."""
COARSE = 1.0
"""Seconds that a folder must look the same before we believe it: it may change again without showing it
(file systems count time in steps of 4 to 10 ms on Linux)."""
Number = tuple[int, int]
Written = tuple[int, int]
Stamp = tuple[int, int, int, int]


class DatabaseFiles:
    """One path, and what was there when the database was opened."""

    def __init__(self, path: str) -> None:
        self._paths = [] if path == ":memory:" else [path, *_others(path)]
        self._folder = str(Path(path).absolute().parent)
        self._stamp: Stamp | None = None
        self._settled_at = 0.0
        self._quiet = self._shows = False
        self._numbers: list[Number | None] = []
        self._written: Written | None = None
        self._seen: tuple[Written | None, float] = None, 0.0
        self.tightened = False
        """Whether others could read the files before, and now cannot."""

    def make(self) -> None:
        """Create the file, for its owner alone, unless it exists; SQLite creates the others with the same mode."""
        for path in self._paths[:1]:
            with suppress(OSError):  # SQLite will report that it cannot be created
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE))

    def tighten(self) -> None:
        """Let only the owner read the existing files."""
        for path in map(Path, self._paths):
            with suppress(OSError):  # it is missing, or another user's: `doctor` says so
                if path.stat().st_mode & 0o077:
                    path.chmod(PRIVATE)
                    self.tightened = True

    def note(self) -> None:
        """Note which files are open now."""
        self._paths[1:] = [other for path in self._paths[:1] for other in _others(path)]
        self._numbers = [_number(path) for path in self._paths]
        self._stamp, self._quiet = None, False
        self._shows = bool(self._paths) and _shows(self._folder, self._paths[0])
        self.note_writing()

    def note_writing(self) -> None:
        """Note that everything written to the file so far is ours."""
        self._written = _written(self._paths[0]) if self._paths else None

    @property
    def is_there(self) -> bool:
        """Whether there is a file at the path that is not empty."""
        found = _written(self._paths[0])
        return found is not None and found[1] > 0

    def is_steady(self, now: float) -> bool:
        """Whether nobody has written to the file for a while, as far as we saw: it is not just being copied here."""
        found = _written(self._paths[0])
        if found != self._seen[0]:
            self._seen = found, now
        return now - self._seen[1] >= STEADY

    @property
    def is_same(self) -> bool:
        """Whether all files at the path are those we noted."""
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
        """Whether the path has a different file from the one noted, to which the noted -wal does not belong."""
        return bool(self._numbers) and _number(self._paths[0]) not in {None, self._numbers[0]}

    @property
    def is_written(self) -> bool:
        """Whether somebody has written to the file itself since."""
        return bool(self._paths) and _written(self._paths[0]) != self._written

    def set_aside(self) -> None:
        """Move the noted -wal out of the new file's way; nobody needs the -shm."""
        wal, shm = self._paths[1:]
        if _number(wal) is not None and _number(wal) == self._numbers[1]:
            Path(wal).replace(f"{wal}.replaced")
        if _number(shm) is not None and _number(shm) == self._numbers[2]:
            Path(shm).unlink()


def _others(path: str) -> list[str]:
    """The -wal and the -shm: SQLite keeps them beside what a link leads to."""
    return [os.path.realpath(path) + ending for ending in ENDINGS[1:]]


def _number(path: str) -> Number | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - asked with every commit
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _shows(folder: str, path: str) -> bool:
    """Whether the folder shows what happens to this file: it holds the file itself, not a link or a mount."""
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
