"""The jobs.yaml in force: read at the start, and again whenever the file changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heartbeat.channels.build import build
from heartbeat.config import read_file
from heartbeat.doors.lambdas.lazy_channels import KEPT
from heartbeat.errors import BadSetting, CallerError
from heartbeat.telemetry import Happened
from heartbeat.verbs import channel_state
from heartbeat.verbs.apply import apply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from heartbeat.channels.protocol import Channel
    from heartbeat.store.protocol import Store
    from heartbeat.telemetry import Log

    Stamp = tuple[int, int, int]

TOLD_MAX = 20
"""Most sentences about a file that become log lines."""


class JobsFile:
    """The definitions in force. Without a file there are no channels, and jobs come from `?create=1`."""

    def __init__(self, path: Path | None, store: Store, log: Log) -> None:
        self._path, self._store, self._log = path, store, log
        self._stamp: Stamp | None = None
        self._digest = ""
        self._declared: Mapping[str, Mapping[str, Any]] = {}
        self._fresh_until = 0
        self.channels: Mapping[str, Channel] = {}
        self.service: tuple[str, ...] = ()
        self.fallback: tuple[str, ...] = ()

    def load(self, now: int) -> None:
        """Read the file and apply it. Raises BadConfig or BadSetting: then nothing has changed."""
        if self._path is None:
            return
        stamp = _stamp(self._path)
        config = read_file(self._path, now)
        channels = {name: build(name, settings) for name, settings in config.channels.items()}
        done = apply(self._store, config, now)
        self.channels, self.service, self.fallback = channels, config.service, config.fallback
        channel_state.forget(self._store, channels, now, config.service)
        self._stamp, self._declared, self._fresh_until = stamp, config.channels, now + KEPT
        if config.digest != self._digest:
            self._tell(Happened.CONFIG_DOUBT, config.warnings)
        self._digest = config.digest
        counts = {"added": len(done.added), "changed": len(done.changed), "removed": len(done.removed)}
        self._log.tell(Happened.CONFIG_APPLIED, path=self._path, jobs=len(config.jobs), **counts)

    def refresh(self, now: int, *, anew: bool = False) -> bool:
        """Apply the file if it changed; returns whether it did. A broken one is reported once and changes nothing.

        anew: apply it in any case, because the database is a new one.
        """
        stamp = None if self._path is None else _stamp(self._path)
        if stamp is None or (stamp == self._stamp and not anew):
            self._renew(now)  # a missing file is being replaced, or will come back
            return False
        try:
            self.load(now)
        except CallerError as problem:
            self._stamp = stamp
            self._tell(Happened.CONFIG_BROKEN, str(problem).splitlines())
            return False
        return True

    def _renew(self, now: int) -> None:
        """Rebuild the channels from time to time: their secrets may change while the file does not."""
        if now < self._fresh_until:
            return
        self._fresh_until = now + KEPT
        made = dict(self.channels)
        for name, settings in self._declared.items():
            try:
                made[name] = build(name, settings)
            except BadSetting as problem:
                self._log.tell(Happened.CHANNEL_BROKEN, says=problem)
        self.channels = made

    def _tell(self, what: Happened, sentences: Sequence[str]) -> None:
        for sentence in sentences[:TOLD_MAX]:
            self._log.tell(what, says=sentence)
        if len(sentences) > TOLD_MAX:
            self._log.tell(what, says=f"and {len(sentences) - TOLD_MAX} more; `heartbeat check` shows them all")


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
