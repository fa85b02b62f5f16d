"""The HTTP process's end of its link to the core: pings out, one frame for each turn of the event loop; replies in."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from heartbeat.doors.http.ping_gate import ANSWERS as WORDED
from heartbeat.doors.http.ping_gate import BROKEN, Gate, PingAnswer, PingOutcome, Reply, worded
from heartbeat.doors.server.ipc import ANSWERS, KEYS, Frames, frame
from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from heartbeat.ingest.ping import Ping
    from heartbeat.telemetry import Log

WAITING_MAX = 20_000
"""Pings that may wait for their reply; any more are told to come back (503)."""
LATE_MAX = 15.0
"""Seconds that the oldest ping may wait for its reply; after that something is wrong, whatever the core reports."""
SILENT_MAX = 5.0
"""Seconds without a report from the core (it sends one every second) after which it counts as unhealthy."""


class PendingPing:
    """A ping on its way. `done` is called on the event loop once the outcome is certain."""

    __slots__ = ("nearest", "outcome", "since")

    def __init__(self) -> None:
        self.outcome, self.nearest = BROKEN
        self.since = time.monotonic()

    def done(self) -> None:
        """Override this to handle the outcome."""
        raise NotImplementedError


class Link(asyncio.Protocol):
    """One for the whole front; used only on the event loop. The core replies in the order it was asked."""

    def __init__(self, log: Log, *, waiting_max: int = WAITING_MAX) -> None:
        self._log, self._waiting_max = log, waiting_max
        self._frames: Frames[list[Reply] | dict[str, Any]] = Frames(ANSWERS)
        self._pings: list[Ping] = []
        self._letters: deque[PendingPing] = deque()
        self._report: dict[str, Any] = {"ok": False}
        self._reported_at = time.monotonic()
        self._ended: asyncio.Future[None] | None = None
        self.rekey: Callable[[Sequence[str]], None] = lambda _: None

    async def connect(self, socket: socket.socket) -> None:
        """Start talking."""
        self._loop = asyncio.get_running_loop()
        await self._loop.create_unix_connection(lambda: self, sock=socket)
        self._transport.write(frame([]))  # from here on callers are heard

    def take(self, letter: PendingPing, ping: Ping) -> bool:
        """Take a ping, unless too many wait."""
        if len(self._letters) >= self._waiting_max:
            return False
        if not self._pings:
            self._loop.call_soon(self._send)
        self._pings.append(ping)
        self._letters.append(letter)
        return True

    def report(self) -> dict[str, Any]:
        """What `/healthz` returns: the core's latest report, and what only the front knows."""
        trouble = self._trouble(time.monotonic())
        doubt = {"ok": False, "writer": trouble} if trouble else {}
        crashes = self._report.get("crashes", 0) + self._log.counts[Happened.CRASHED]
        return self._report | doubt | {"pings_waiting": len(self._letters), "crashes": crashes}

    def _trouble(self, now: float) -> str:
        if now - self._reported_at > SILENT_MAX:
            return "the core does not answer"
        late = bool(self._letters) and now - self._letters[0].since > LATE_MAX
        return "pings wait too long for their answer" if late else ""

    async def close(self) -> None:
        """Send what still waits; returns when the core has recorded all of it."""
        self._send()
        self._ended = self._loop.create_future()
        self._transport.write_eof()
        await self._ended

    def _send(self) -> None:
        pings, self._pings = self._pings, []
        if not pings:
            return
        try:
            data = frame(pings)
        except Exception:  # noqa: BLE001 - a door: whatever one of them is, the others are sent
            data = frame(self._sound(pings))
        self._transport.write(data)

    def _sound(self, pings: list[Ping]) -> list[Ping]:
        """The latest pings that can be sent; the others are answered as broken."""
        sound: list[Ping] = []
        letters = [self._letters.pop() for _ in pings][::-1]
        for letter, ping in zip(letters, pings, strict=True):
            try:
                frame(ping)
            except Exception as problem:  # noqa: BLE001 - the same
                self._log.crash("link", problem)
                letter.done()
            else:
                self._letters.append(letter)
                sound.append(ping)
        return sound

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        for value in self._frames.feed(data):
            if isinstance(value, dict) and KEYS in value:
                self.rekey(value[KEYS])
            elif isinstance(value, dict):
                self._report, self._reported_at = value, time.monotonic()
            else:
                self._settle(value)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol. Without a core there is nothing to serve: clients will resend what was not answered."""
        del exc
        if self._ended is None:
            os._exit(1)  # the port must be free for the next core now, whatever the event loop is busy with
        self._ended.set_result(None)

    def _settle(self, replies: list[Reply]) -> None:
        for reply in replies:
            letter = self._letters.popleft()
            letter.outcome, letter.nearest = reply
            try:
                letter.done()
            except Exception as problem:  # noqa: BLE001 - the same: the replies behind it are for others
                self._log.crash("link", problem)


class ForwardingGate(Gate):
    """The gate of the server's HTTP process, which passes pings to the core. Called only on the event loop."""

    def __init__(self, keys: Sequence[str], link: Link, now: Callable[[], int]) -> None:
        super().__init__(keys, now)
        self._link = link
        link.rekey = self.rekey

    def take(self, letter: PendingPing, path: bytes, query: bytes, ident: bytes, body: bytes) -> PingAnswer | None:
        """An immediate answer, or None: then `letter.done()` is called later, and `answer(letter)` gives the answer."""
        ping = self.read(path, query, ident, body)
        if isinstance(ping, PingAnswer):
            return ping
        return None if self.hand_on(letter, ping) else WORDED[PingOutcome.BUSY]

    def hand_on(self, letter: PendingPing, ping: Ping) -> bool:
        """False when too many wait."""
        return self._link.take(letter, ping)

    def answer(self, letter: PendingPing) -> PingAnswer:
        """The answer to a ping whose outcome is certain."""
        return worded(letter.outcome, letter.nearest)
