"""Somebody outside watches us: we send a heartbeat to any ping URL after sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.errors import SendFailed
from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    from heartbeat.telemetry import Log

TIMEOUT = 5.0
"""Seconds for one heartbeat."""
HEADERS = {"User-Agent": "heartbeat-watchdog"}


class Watchdog:
    """url: called with GET, "" for nothing. It may well be a Heartbeat in the same private network."""

    def __init__(self, url: str, log: Log) -> None:
        self._url, self._log = url, log

    def beat(self) -> bool:
        """Say that we are alive; returns whether that worked. We log a failure; noticing it is the watcher's job."""
        if not self._url:
            return True
        problem = self._problem()
        if problem:
            self._log.tell(Happened.WATCHDOG, error=problem)
        return not problem

    def _problem(self) -> str:
        from heartbeat.outbound.addresses import Guard  # noqa: PLC0415 - loads ssl; only who is watched needs it
        from heartbeat.outbound.sender import NOT_FOLLOWED, REDIRECTS, HttpRequest, Sender  # noqa: PLC0415 - the same

        try:
            sender = Sender(Guard(allow_private=True), seconds=TIMEOUT)
            answer = sender.send(HttpRequest(url=self._url, method="GET", headers=HEADERS))
        except SendFailed as failed:
            return str(failed)
        if answer.taken:
            return ""
        return f"it answered {answer.status}" + (f"; {NOT_FOLLOWED}" if answer.status in REDIRECTS else "")
