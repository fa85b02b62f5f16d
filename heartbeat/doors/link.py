"""The front's end of its link to the core: pings out, one frame for each turn of the event loop; replies in."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from heartbeat.doors.frames import ANSWERS, Frames, Outcome, Reply, frame
from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    import socket

    from heartbeat.ingest.ping import Ping
    from heartbeat.telemetry import Log

WAITING_MAX = 20_000
"""Pings that may wait for their reply; more are told to come back (503)."""
SILENT_MAX = 5.0
"""Seconds without a report of the core (it sends one every second) after which it is not healthy."""


class Letter:
    """A ping on its way. `done` is called on the event loop once the outcome is certain."""

    __slots__ = ("nearest", "outcome")

    def __init__(self) -> None:
        self.outcome, self.nearest = Outcome.BROKEN, ""

    def done(self) -> None:
        """Whoever waits for the answer says here what to do with it."""
        raise NotImplementedError


class Link(asyncio.Protocol):
    """One for the whole front; used on the event loop only. The core replies in the order in which it was asked."""

    def __init__(self, log: Log, *, waiting_max: int = WAITING_MAX) -> None:
        self._log, self._waiting_max = log, waiting_max
        self._frames: Frames[list[Reply] | dict[str, Any]] = Frames(ANSWERS)
        self._pings: list[Ping] = []
        self._letters: deque[Letter] = deque()
        self._report: dict[str, Any] = {"ok": False}
        self._reported_at = time.monotonic()
        self._ended: asyncio.Future[None] | None = None

    async def connect(self, socket: socket.socket) -> None:
        """Begin to talk."""
        self._loop = asyncio.get_running_loop()
        await self._loop.create_unix_connection(lambda: self, sock=socket)
        self._transport.write(frame([]))  # from here on callers are heard

    def take(self, letter: Letter, ping: Ping) -> bool:
        """Take a letter, unless too many wait."""
        if len(self._letters) >= self._waiting_max:
            return False
        if not self._pings:
            self._loop.call_soon(self._send)
        self._pings.append(ping)
        self._letters.append(letter)
        return True

    def report(self) -> dict[str, Any]:
        """What `/healthz` says: the core's latest report, and what only the front knows."""
        silent = time.monotonic() - self._reported_at > SILENT_MAX
        doubt = {"ok": False, "writer": "the core does not answer"} if silent else {}
        crashes = self._report.get("crashes", 0) + self._log.counts[Happened.CRASHED]
        return self._report | doubt | {"pings_waiting": len(self._letters), "crashes": crashes}

    async def close(self) -> None:
        """Send what still waits; back when the core has read and recorded all of it."""
        self._send()
        self._ended = self._loop.create_future()
        self._transport.write_eof()
        await self._ended

    def _send(self) -> None:
        if self._pings:
            self._transport.write(frame(self._pings))
            self._pings = []

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        for value in self._frames.feed(data):
            if isinstance(value, dict):
                self._report, self._reported_at = value, time.monotonic()
            else:
                self._settle(value)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol. Without a core there is nothing to serve: what was not answered will be sent again."""
        del exc
        if self._ended is None:
            os._exit(1)  # the port must be free for the next core now, whatever the event loop is busy with
        self._ended.set_result(None)

    def _settle(self, replies: list[Reply]) -> None:
        for reply in replies:
            letter = self._letters.popleft()
            letter.outcome, letter.nearest = reply
            letter.done()
