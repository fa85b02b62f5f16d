"""The jobs.yaml in force: read at the start, and again whenever the file changes and has come to rest.

A file that breaks, goes away or is refused changes nothing: what it said before stays in force, and is kept in the
database for the next start. That is an illness of the service, told once.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heartbeat.channels.build import build
from heartbeat.channels.lazy import KEPT, made
from heartbeat.config import read_file
from heartbeat.config.files import absolute, matching, patterns
from heartbeat.errors import BadConfig, BadSetting, CallerError
from heartbeat.model import SECOND
from heartbeat.telemetry import Happened
from heartbeat.verbs import channel_state
from heartbeat.verbs.agreed import carry_out, weighed
from heartbeat.verbs.illness import fall_ill, get_well
from heartbeat.verbs.kept_file import JOBS_FILE, ailing, gone, keep, kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from heartbeat.channels.protocol import Channel
    from heartbeat.store.protocol import Store
    from heartbeat.telemetry import Log
    from heartbeat.verbs.kept_file import KeptFile

    Stamp = tuple[str, int, int, int, int]

TOLD_MAX = 20
"""Most sentences about a file that become log lines."""
STILL = 1 * SECOND
"""A file is read when nobody has written to it for so long."""
SETTLED = 5 * SECOND
"""And believed for so long when it is broken, gone or without jobs that it had: half of a file looks like that."""
RETRY = 10 * SECOND
"""After this, a file that was refused is looked at again: somebody may have agreed, or a secret may be there."""
_MISSING: tuple[Stamp, ...] = ()


class JobsFile:
    """The definitions in force. Without a file there are no channels, and jobs come from `?create=1`."""

    def __init__(self, path: Path | None, store: Store, log: Log) -> None:
        self._path, self._store, self._log = path, store, log
        self._stamp = self._seen = _MISSING
        self._since = self._fresh_until = self._retry_at = 0
        self._digest = self._ill = ""
        self._declared: Mapping[str, Mapping[str, Any]] = {}
        self._watched: tuple[str, ...] = ()
        self.pending = False
        """Whether the file has changed and is not applied yet."""
        self.channels: Mapping[str, Channel] = {}
        self.service: tuple[str, ...] = ()
        self.fallback: tuple[str, ...] = ()

    def begin(self, now: int) -> None:
        """At the start: what the file says, else what it last said. Raises CallerError when it never said anything."""
        before = kept(self._store)
        if self._path is None and before is not None:
            self._path = Path(before.path)
        self._seen, self._since = self._look(), now
        try:
            if not self.load(now, patient=before is not None) and before is not None:
                self._go_back(before, now)  # for a few seconds: jobs are to be removed, or somebody writes to it
        except CallerError as problem:
            if before is None:
                raise
            self._go_back(before, now)
            self._broken(problem, self._seen, now)

    def load(self, now: int, *, patient: bool = False) -> bool:
        """Read the file and apply it; whether that was done. Raises CallerError: then nothing has changed.

        patient: wait if the file changes meanwhile, or jobs would be removed.
        """
        if self._path is None:
            return False
        stamp = self._look()
        config = read_file(self._path, now)
        channels = {name: build(name, settings) for name, settings in config.channels.items()}
        todo, against = weighed(self._store, config)
        if patient and (todo.removed or self._look() != stamp):
            return False
        carry_out(self._store, config, now, todo, against, given=self._path.name)
        self.channels, self.service, self.fallback = channels, config.service, config.fallback
        channel_state.forget(self._store, channels, now, config.service)
        keep(self._store, config, absolute(self._path))
        if config.watched != self._watched:  # others than were looked at: they are, from now on
            self._watched = config.watched
            stamp = self._look()
        self._stamp, self._declared, self._fresh_until = stamp, config.channels, now + KEPT
        if config.digest != self._digest:
            self._tell(Happened.CONFIG_DOUBT, config.warnings)
        self._digest = config.digest
        counts = {"added": len(todo.added), "changed": len(todo.changed), "removed": len(todo.removed)}
        self._log.tell(Happened.CONFIG_APPLIED, path=self._path, jobs=len(config.jobs), **counts)
        get_well(self._store, JOBS_FILE, now, self.service)
        self._ill = ""
        return True

    def refresh(self, now: int, *, anew: bool = False) -> bool:
        """Apply the file if it changed; returns whether it did. A broken one is told once and changes nothing.

        anew: apply it in any case, because the database is a new one.
        """
        if self._path is None:
            return False
        stamp = self._look()
        if stamp != self._seen or now < self._since:
            self._seen, self._since = stamp, now
        self.pending = stamp != self._stamp
        retry = bool(self._ill) and self._retry_at <= now
        still = now - self._since >= STILL
        if not (anew or retry or (self.pending and still)):
            self._renew(now)
            return False
        settled = anew or not self.pending or now - self._since >= SETTLED
        if stamp == _MISSING:
            return self._is_gone(now) if settled else False
        try:
            return self.load(now, patient=not settled)
        except CallerError as problem:
            if settled:
                self._broken(problem, stamp, now)
            return False

    def _look(self) -> tuple[Stamp, ...]:
        """The files as they are now, those that a pattern newly stands for included."""
        watched = () if self._path is None else dict.fromkeys([*patterns(self._path), *self._watched])
        return tuple(stamp for pattern in watched for file in matching(pattern) for stamp in _stamp(file))

    def _go_back(self, before: KeptFile, now: int) -> None:
        """To the last good definitions. A channel that cannot be made keeps its messages waiting."""
        self._declared, self._digest, self._fresh_until = before.channels, before.digest, now + KEPT
        self.service, self.fallback = before.service, before.fallback
        self.channels = {}
        self._make()

    def _make(self) -> None:
        """Make the channels as well as can be: one that was made before may stay as it is."""
        made_before = self.channels
        self.channels = dict(made_before) | {
            name: made(name, settings, self._tell_broken, made_before.get(name))
            for name, settings in self._declared.items()
        }

    def _tell_broken(self, problem: BadSetting) -> None:
        self._log.tell(Happened.CHANNEL_BROKEN, says=problem)

    def _is_gone(self, now: int) -> bool:
        self._fall_ill(gone(self._name), [gone(self._name)], now)
        self._stamp = _MISSING
        return False

    def _broken(self, problem: CallerError, stamp: tuple[Stamp, ...], now: int) -> None:
        self._fall_ill(ailing(problem, self._name), str(problem).splitlines(), now)
        self._stamp = stamp
        if isinstance(problem, BadConfig):  # another time will not help
            self._retry_at = now + KEPT

    def _fall_ill(self, text: str, details: Sequence[str], now: int) -> None:
        self._retry_at = now + RETRY
        if text != self._ill:
            self._tell(Happened.CONFIG_BROKEN, details)
        fall_ill(self._store, JOBS_FILE, text, now, self.service)
        self._ill = text

    @property
    def _name(self) -> str:
        return self._path.name if self._path else ""

    def _renew(self, now: int) -> None:
        """Rebuild the channels from time to time: their secrets may change while the file does not."""
        if now >= self._fresh_until:
            self._fresh_until = now + KEPT
            self._make()

    def _tell(self, what: Happened, sentences: Sequence[str]) -> None:
        for sentence in sentences[:TOLD_MAX]:
            self._log.tell(what, says=sentence)
        if len(sentences) > TOLD_MAX:
            self._log.tell(what, says=f"and {len(sentences) - TOLD_MAX} more; `heartbeat check` shows them all")


def _stamp(path: Path) -> Iterator[Stamp]:
    """What changes with a file: its content, its place, and who may read it."""
    with suppress(OSError):
        found = path.stat()
        yield str(path), found.st_mtime_ns, found.st_size, found.st_ino, found.st_ctime_ns
