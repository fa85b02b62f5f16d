"""jobs.yaml as it is in force: read at the start, and again whenever the file changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.apply import apply
from heartbeat.channels.build import build
from heartbeat.config import read_file
from heartbeat.errors import CallerError
from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from heartbeat.channels.protocol import Channel
    from heartbeat.store.protocol import Store
    from heartbeat.telemetry import Log

    Stamp = tuple[int, int, int]


class JobsFile:
    """The definitions in force. Without a file there are no channels, and jobs come from `?create=1`."""

    def __init__(self, path: Path | None, store: Store, log: Log) -> None:
        self._path, self._store, self._log = path, store, log
        self._stamp: Stamp | None = None
        self._digest = ""
        self.channels: Mapping[str, Channel] = {}
        self.service: tuple[str, ...] = ()
        self.fallback: tuple[str, ...] = ()

    def load(self, now: int) -> None:
        """Read the file and carry it out. Raises BadConfig, BadSetting: then nothing has changed."""
        if self._path is None:
            return
        stamp = _stamp(self._path)
        config = read_file(self._path)
        channels = {name: build(name, settings) for name, settings in config.channels.items()}
        done = apply(self._store, config, now)
        self.channels, self.service, self.fallback = channels, config.service, config.fallback
        self._stamp = stamp
        for doubt in config.warnings if config.digest != self._digest else ():
            self._log.tell(Happened.CONFIG_DOUBT, doubt=doubt)
        self._digest = config.digest
        counts = {"added": len(done.added), "changed": len(done.changed), "removed": len(done.removed)}
        self._log.tell(Happened.CONFIG_APPLIED, path=self._path, jobs=len(config.jobs), **counts)

    def refresh(self, now: int) -> bool:
        """Carry the file out if it changed; whether it was. A broken file is told once and changes nothing."""
        stamp = None if self._path is None else _stamp(self._path)
        if stamp is None or stamp == self._stamp:  # a file that is away is being replaced, or it comes back
            return False
        try:
            self.load(now)
        except CallerError as problem:
            self._stamp = stamp
            for line in str(problem).splitlines():
                self._log.tell(Happened.CONFIG_BROKEN, problem=line)
            return False
        return True


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
