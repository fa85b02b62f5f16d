"""Who delivers on one machine, so the next process knows at once what a dead one left half done.

Each process locks one byte of a file beside the database and writes that byte's offset into its claims. The kernel
releases the lock with the process, however it ends, and sees through containers. A byte we can lock has no owner.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = "-owners"
PLACES = 1 << 62
"""How many bytes a process chooses from; none is ever written."""


class ProcessOwner:
    """This process, under the name in its outbox claims."""

    def __init__(self, database: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(f"{database.resolve()}{SUFFIX}", flags, 0o600)  # the same by whatever link it is reached
        self._place = secrets.randbelow(PLACES)
        self.name = f"{self._place:x}"
        fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self._place)

    def gone(self, name: str) -> bool:
        """Whether the process with this name has ended; False if unknown."""
        try:
            place = int(name, 16)
        except ValueError:
            return False
        if place == self._place or not 0 <= place < PLACES:
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:
            return False
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)
        return True

    def close(self) -> None:
        """Release the lock: others may take over what this process still holds."""
        with suppress(OSError):
            os.close(self._file)
