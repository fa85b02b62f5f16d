"""The plain ASGI door: pings, `/healthz`, and a page that says what this is. `fastpath` is only faster."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from heartbeat.doors.gate import NOT_FOUND, SIZE_MAX, TOO_LARGE, Answer
from heartbeat.doors.link import Letter
from heartbeat.model import BODY_MAX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from heartbeat.doors.gate import FrontGate
    from heartbeat.telemetry import Log

    Message = MutableMapping[str, Any]
    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Door = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_SECONDS = 60.0
"""A body must be here within this time."""
DRAIN_SECONDS = 1.0
HOME = """Heartbeat tells people when a recurring job did not run.

A job says that it ran:   GET or POST /ping/<ping-key>/<job>   (then /start, /fail, /log or /<exit status>)
Is Heartbeat itself well: GET /healthz
"""


class Awaited(Letter):
    """A letter whose sender waits in a coroutine."""

    __slots__ = ("answered",)

    def __init__(self) -> None:
        super().__init__()
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def done(self) -> None:
        """Wake the coroutine, if its connection is still there."""
        if not self.answered.done():
            self.answered.set_result(None)


class App:
    """The ASGI application. `others`: further doors by the first part of the path ("sentry": …)."""

    def __init__(
        self,
        gate: FrontGate,
        report: Callable[[], Mapping[str, Any]],
        log: Log,
        others: Mapping[str, Door] | None = None,
    ) -> None:
        self._gate, self._report, self._log, self._others = gate, report, log, others or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        first = scope["path"].split("/", 2)[1] if scope["path"].startswith("/") else ""
        other = self._others.get(first)
        try:
            if other is not None:
                await other(scope, receive, send)
                return
            answer = await self._ping(scope, receive) if first == "ping" else self._page(scope["path"])
        except Exception as problem:  # noqa: BLE001 - a door: the request fails, the server does not
            self._log.crash("asgi", problem)
            answer = Answer(500, "unexpected error, see the server's log")
        if answer is not None:
            await _send(answer, send, close=answer is TOO_LARGE)

    def _page(self, path: str) -> Answer:
        if path == "/healthz":
            report = self._report()
            return Answer(200 if report["ok"] else 503, json.dumps(report) + "\n", content_type=b"application/json")
        return Answer(200, HOME) if path == "/" else NOT_FOUND

    async def _ping(self, scope: Scope, receive: Receive) -> Answer | None:
        """The answer; None when the sender went away before the ping was whole."""
        try:
            body = await asyncio.wait_for(_body(receive), BODY_SECONDS)
        except TimeoutError:
            return Answer(408, "the body did not come in time")
        except _TooLarge:
            return TOO_LARGE
        if body is None:
            return None
        ident = next((value for name, value in scope["headers"] if name == b"heartbeat-id"), b"")
        letter = Awaited()
        answer = self._gate.take(letter, scope["raw_path"], scope["query_string"], ident, body)
        if answer is None:
            await letter.answered
            answer = self._gate.answer(letter)
        return answer


class _TooLarge(Exception):
    """More than SIZE_MAX bytes came."""


async def _body(receive: Receive) -> bytes | None:
    """The first BODY_MAX bytes of a body; None when the sender went away before its end."""
    kept, size, more = b"", 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part: bytes = message["body"]
        more = message["more_body"]
        size += len(part)
        kept += part[: BODY_MAX - len(kept)]
        if size > SIZE_MAX:
            await _drain(receive)
            raise _TooLarge
    return kept


async def _drain(receive: Receive) -> None:
    """Read on for a while: who is still sending when the connection is cut does not see the answer."""

    async def rest() -> None:
        while (await receive()).get("more_body"):
            pass

    try:
        await asyncio.wait_for(rest(), DRAIN_SECONDS)
    except TimeoutError:
        return


async def _send(answer: Answer, send: Send, *, close: bool) -> None:
    headers = [*answer.headers, *([(b"connection", b"close")] if close else [])]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
