"""Somebody outside watches us: a heartbeat to any ping URL, after sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    from heartbeat.telemetry import Log

TIMEOUT = 5.0
"""Seconds."""


class Watchdog:
    """url: what is called with GET, "" for nothing."""

    def __init__(self, url: str, log: Log) -> None:
        self._url, self._log = url, log

    def beat(self) -> bool:
        """Say that we are alive; whether that is done. A failure is told, and is otherwise the watcher's to notice."""
        if not self._url:
            return True
        from http.client import HTTPException  # noqa: PLC0415 - only who is watched needs it
        from urllib.request import Request, urlopen  # noqa: PLC0415 - the same

        try:
            request = Request(self._url, headers={"User-Agent": "heartbeat-watchdog"})  # noqa: S310 - the settings let only http(s) pass
            with urlopen(request, timeout=TIMEOUT):  # noqa: S310 - the same
                return True
        except (OSError, ValueError, HTTPException) as problem:
            self._log.tell(Happened.WATCHDOG, error=getattr(problem, "reason", problem))
            return False
