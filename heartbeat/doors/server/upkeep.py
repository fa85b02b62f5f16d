"""Housekeeping beside the clock: the jobs file, the names that exist, stray pings, old history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.model import DAY, HOUR
from heartbeat.verbs.jobs import names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heartbeat.doors.server.jobs_file import JobsFile
    from heartbeat.store.sqlite.store import SQLiteStore
    from heartbeat.verbs.unknown_pings import Strays

EVERY = 2.0
"""Seconds between checks of the jobs file."""
SOON = 0.5
"""The same while it has changed, and is to come to rest before it is read."""
PURGE_LIMIT = 500
"""Old rows removed at once: they hold the writer up for a few milliseconds."""
PURGE_PAUSE = 0.02
"""Seconds until the next ones, while there are more: faster than pings can come in."""
NAMES_EVERY = 60_000
"""Milliseconds after which the names are read again, if there were strays: other processes create jobs too."""


class Upkeep:
    """One step does a little of everything, each bounded.

    changed: called when the jobs file or the database is a new one.
    """

    def __init__(
        self, store: SQLiteStore, file: JobsFile, strays: Strays, changed: Sequence[Callable[[], None]], keep_days: int
    ) -> None:
        self._store, self._file, self._strays, self._changed = store, file, strays, changed
        self._keep = keep_days * DAY
        self._purge_at = self._names_at = 0
        self._era = store.era

    def step(self, now: int) -> float:
        """Do whatever is due; returns the seconds until the next step."""
        era = self._store.era
        if self._file.refresh(now, anew=era != self._era) or era != self._era:
            self._era = era
            for tell in self._changed:
                tell()
            self._names_at = 0
        if now >= self._names_at and (self._strays.waiting or not self._names_at):
            self._strays.learn(names(self._store))
            self._names_at = now + NAMES_EVERY
        self._strays.flush(self._store)
        if now >= self._purge_at:
            gone = self._store.purge(now - self._keep, PURGE_LIMIT)
            if gone >= PURGE_LIMIT:
                return PURGE_PAUSE
            self._purge_at = now + HOUR
        return SOON if self._file.pending else EVERY
