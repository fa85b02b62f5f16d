"""The plain ASGI door: pings, ours and other services', `/healthz`, and a page that says what this server is.

`fast_ping` takes our own pings first, only faster.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from heartbeat.doors.http import compat
from heartbeat.doors.http.ping_gate import (
    HEAD_TOO_LARGE,
    NO_PING,
    NOT_FOUND,
    SIZE_MAX,
    TOO_LARGE,
    PingAnswer,
    PingOutcome,
    head_fits,
)
from heartbeat.doors.server.core_link import PendingPing
from heartbeat.ingest.compat import SERVICES
from heartbeat.model import BODY_MAX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from heartbeat.doors.server.core_link import ForwardingGate
    from heartbeat.telemetry import Log

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

BODY_SECONDS = 60.0
"""Seconds within which a body must arrive."""
DRAIN_SECONDS = 1.0
CLOSING = frozenset({HEAD_TOO_LARGE, TOO_LARGE, compat.TOO_LARGE})
HOME = """Heartbeat tells people when a recurring job did not run.

A job says that it ran:   GET or POST /ping/<ping-key>/<job>   (then /start, /fail, /log or /<exit status>)
Is Heartbeat itself well: GET /healthz
"""


class Awaited(PendingPing):
    """A ping whose sender waits in a coroutine."""

    __slots__ = ("answered",)

    def __init__(self) -> None:
        super().__init__()
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def done(self) -> None:
        """Wake the coroutine, if its connection is still there."""
        if not self.answered.done():
            self.answered.set_result(None)


class App:
    """The ASGI application."""

    def __init__(self, gate: ForwardingGate, report: Callable[[], Mapping[str, Any]], log: Log) -> None:
        self._gate, self._report, self._log = gate, report, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        first = scope["path"].split("/", 2)[1] if scope["path"].startswith("/") else ""
        answer: PingAnswer | None
        try:
            if not head_fits(len(scope["raw_path"]) + len(scope["query_string"]), scope["headers"]):
                answer = HEAD_TOO_LARGE
            elif first == "ping" or scope["path"].startswith("//ping/"):
                answer = await self._ping(scope, receive)
            elif first in SERVICES:
                answer = await self._compat(scope, receive)
            else:
                answer = self._page(scope["path"])
        except Exception as problem:  # noqa: BLE001 - a door: the request fails, the server does not
            self._log.crash("asgi", problem)
            answer = PingAnswer(500, "unexpected error, see the server's log")
        if answer is not None:
            await _send(answer, send, close=answer in CLOSING)

    def _page(self, path: str) -> PingAnswer:
        if path == "/healthz":
            report = self._report()
            return PingAnswer(200 if report["ok"] else 503, json.dumps(report) + "\n", content_type=b"application/json")
        return PingAnswer(200, HOME) if path == "/" else NOT_FOUND

    async def _ping(self, scope: Scope, receive: Receive) -> PingAnswer | None:
        """The answer; None when the sender went away before the ping was complete."""
        body = await _within(receive, SIZE_MAX, BODY_MAX, TOO_LARGE)
        if not isinstance(body, bytes):
            return body
        if scope["method"] == "OPTIONS":
            return NO_PING
        ident = next((value for name, value in scope["headers"] if name == b"heartbeat-id"), b"")
        letter = Awaited()
        answer = self._gate.take(letter, scope["raw_path"], scope["query_string"], ident, body)
        if answer is None:
            await letter.answered
            answer = self._gate.answer(letter)
        return answer

    async def _compat(self, scope: Scope, receive: Receive) -> PingAnswer | None:
        """The same for another service's client."""
        body = await _within(receive, compat.SIZE_MAX, compat.SIZE_MAX, compat.TOO_LARGE)
        if not isinstance(body, bytes):
            return body
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        call = compat.read(self._gate, scope["raw_path"], scope["query_string"], headers, body)
        if isinstance(call, PingAnswer):
            return call
        letters = [(Awaited(), ping) for ping in call.pings]
        taken = [letter for letter, ping in letters if self._gate.hand_on(letter, ping)]
        await asyncio.gather(*(letter.answered for letter in taken))
        return call.answer(
            [(letter.outcome, letter.nearest) if letter in taken else (PingOutcome.BUSY, "") for letter, _ in letters]
        )


class _TooLarge(Exception):
    """Too many bytes came."""


async def _within(receive: Receive, size_max: int, kept_max: int, too_large: PingAnswer) -> bytes | PingAnswer | None:
    """The body, or an answer instead; None when the sender went away before its end."""
    try:
        return await asyncio.wait_for(_body(receive, size_max, kept_max), BODY_SECONDS)
    except TimeoutError:
        return PingAnswer(408, "the body did not come in time")
    except _TooLarge:
        return too_large


async def _body(receive: Receive, size_max: int, kept_max: int) -> bytes | None:
    """The first `kept_max` bytes of a body."""
    kept, size, more = b"", 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part: bytes = message["body"]
        more = message["more_body"]
        size += len(part)
        kept += part[: kept_max - len(kept)]
        if size > size_max:
            await _drain(receive)
            raise _TooLarge
    return kept


async def _drain(receive: Receive) -> None:
    """Keep reading for a while: a sender still sending when the connection is cut never sees the answer."""

    async def rest() -> None:
        while (await receive()).get("more_body"):
            pass

    try:
        await asyncio.wait_for(rest(), DRAIN_SECONDS)
    except TimeoutError:
        return


async def _send(answer: PingAnswer, send: Send, *, close: bool) -> None:
    headers = [*answer.headers, *([(b"connection", b"close")] if close else [])]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
