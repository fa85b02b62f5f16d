"""Answers pings ahead of ASGI: about 1.6 times as many a second. Everything else takes uvicorn's own way.

This leans on the internals of uvicorn's `HttpToolsProtocol`. `uvicorn_fit.fit` checks that they are as they were
when this was written; if not, the plain ASGI door (`asgi.App`) does the same work, only slower.
"""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

from heartbeat.doors.http.ping_gate import HEAD_TOO_LARGE, HEADERS_MAX, NO_PING, SIZE_MAX, TOO_LARGE, PingAnswer
from heartbeat.doors.server.core_link import PendingPing
from heartbeat.doors.server.uvicorn_fit import DRAIN, Bounded
from heartbeat.model import BODY_MAX

if TYPE_CHECKING:
    import asyncio

    from heartbeat.doors.server.core_link import ForwardingGate

QUIET_MAX = 60.0
"""Seconds (up to twice as many) without a finished request before a connection is closed, half request or none."""
LINGER = 0.2
"""Seconds that an idle connection stays open when the server stops, so a ping on its way still gets its answer."""
PIPELINE_MAX = 256
"""With this many of its pings waiting for an answer, no more is read from a connection."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_ASGI_MUST_WAIT: Final = SimpleNamespace(response_complete=False)


class Slot(PendingPing):
    """One answer on a connection, in the order of its requests."""

    __slots__ = ("answer", "close", "door", "head", "raw")

    def __init__(self, door: FastProtocol, *, head: bool = False, close: bool = False, raw: bytes = b"") -> None:
        super().__init__()
        self.door, self.head, self.close, self.raw = door, head, close, raw
        self.answer: PingAnswer | None = None

    def done(self) -> None:
        """Take the answer, now that the outcome is certain."""
        self.answer = self.door.gate.answer(self)
        self.door.flush()

    @property
    def ready(self) -> bool:
        """Whether it can be sent as soon as everything before it was."""
        return self.answer is not None or bool(self.raw)


class FastProtocol(Bounded):
    """One connection. `protocol_for` makes a class that knows its gate."""

    gate: ForwardingGate
    _dated: tuple[object, bytes] = (None, b"")

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self.slots: deque[Slot] = deque()
        self.reading = self.held = self.deaf = self.cut = self.leaving = False
        self.served = self.served_before = 0
        self.quiet = self.loop.call_later(QUIET_MAX, self.on_quiet)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol. What was taken is still recorded; there is just nobody left to tell."""
        self.quiet.cancel()
        self.slots.clear()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """See asyncio.Protocol: a client that does not read answers may send no more pings."""
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        super().resume_writing()
        self._read_on()

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Keep it light: what ASGI needs is made only when the request turns out to be for ASGI."""
        self.moved = True
        self.url, self.headers, self.expect_100_continue, self.ident, self.length = b"", [], False, b"", 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the header for ASGI, as uvicorn does, and note the few that matter to a ping."""
        headers = self.headers
        if len(headers) > HEADERS_MAX:  # it will be refused, so no more need be kept
            return
        name = name.lower()
        headers.append((name, value))
        if name == b"heartbeat-id":
            self.ident = value
        elif name == b"content-length":
            self.length = int(value)  # the parser passes only digits
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True

    def on_headers_complete(self) -> None:
        """The fork: pings here, the rest to ASGI. Behind an unfinished ASGI request, everything queues there."""
        if self.deaf or self.is_too_large():
            return
        self.reading = self.url.startswith((b"/ping/", b"//ping/")) and b"#" not in self.url and not self._asgi_busy()
        if self.reading:
            self._begin()
        else:
            self._plain()

    def _begin(self) -> None:
        self.body, self.size = b"", 0
        if self.length > SIZE_MAX:
            self._last(TOO_LARGE)
        elif self.expect_100_continue:
            self.slots.append(Slot(self, raw=CONTINUE))
            self.flush()

    def _plain(self) -> None:
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expect
        self.headers.extend(headers)
        if self.slots and not self.held:  # pings before it are answered first: uvicorn queues it, flush() starts it
            self.cycle = _ASGI_MUST_WAIT  # type: ignore[assignment]  # it only says: busy
            self.held = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep the first bytes, count the rest."""
        if not self.reading:
            super().on_body(body)
            return
        self.moved = True
        self.size += len(body)
        if len(self.body) < BODY_MAX:
            self.body += body[: BODY_MAX - len(self.body)]
        if self.size > SIZE_MAX:
            self._last(TOO_LARGE)

    def on_message_complete(self) -> None:
        """A complete ping: take it, or say at once why not."""
        if not self.reading:
            super().on_message_complete()
            return
        self.reading, self.moved = False, True
        parser = self.parser
        self.deaf = not parser.should_keep_alive() or parser.get_http_version() == "1.0"  # as uvicorn does
        slot = Slot(self, head=parser.get_method() == b"HEAD", close=self.deaf)
        path, _, query = self.url.partition(b"?")
        self.slots.append(slot)
        asked = parser.get_method() == b"OPTIONS"
        slot.answer = NO_PING if asked else self.gate.take(slot, path, query, self.ident, self.body)
        if slot.answer is not None:
            self.flush()
        elif len(self.slots) > PIPELINE_MAX:
            self.flow.pause_reading()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed after everything that could."""
        if self._asgi_busy():
            super().send_400_response(msg)
        elif not self.deaf:
            self._last(PingAnswer(400, msg))

    def on_endless(self) -> None:
        """Refuse what has no end after the pings before it are answered."""
        if self._asgi_busy():
            super().on_endless()
        else:
            self._last(HEAD_TOO_LARGE)

    def _last(self, answer: PingAnswer) -> None:
        self.reading, self.deaf, self.cut = False, True, True
        slot = Slot(self, close=True)
        slot.answer = answer
        self.slots.append(slot)
        self.flush()

    # Sending.

    def flush(self) -> None:
        """Send every answer whose turn it is."""
        out, slots, date = [], self.slots, self._date()
        while slots and slots[0].ready:
            slot = slots.popleft()
            close = slot.close or (self.leaving and not slots and not self.reading and slot.answer is not None)
            out.append(slot.answer.wire(date, head=slot.head, close=close) if slot.answer else slot.raw)
            if close:
                self._say_goodbye(b"".join(out))
                return
        if out and not self.transport.is_closing():
            self.served += 1
            self.transport.write(b"".join(out))
        if self.flow.read_paused:
            self._read_on()
        if self.held and not slots:
            self.held = False
            self._start_asgi_task(*self.pipeline.pop())

    def _date(self) -> bytes:
        """The Date header; uvicorn makes a new one every second for all connections."""
        headers = self.server_state.default_headers
        made_of, date = self._dated
        if made_of is not headers:
            date = b"".join(b"%s: %s\r\n" % header for header in headers)
            type(self)._dated = (headers, date)  # noqa: SLF001 - of its own class, which all connections share
        return date

    def _read_on(self) -> None:
        if len(self.slots) <= PIPELINE_MAX // 2 and not self.pipeline and not self.flow.write_paused:
            self.flow.resume_reading()

    def _say_goodbye(self, answers: bytes) -> None:
        """Send the last answers. A client that may still be sending must not get a reset, which would discard them."""
        self.slots.clear()
        if self.transport.is_closing():
            return
        self.transport.write(answers)
        if self.cut or self.leaving:
            self.deaf = True
            self.transport.write_eof()
            self.loop.call_later(DRAIN, self.transport.close)
        else:
            self.transport.close()

    # The connection's life.

    def _asgi_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def on_response_complete(self) -> None:
        """ASGI has answered."""
        self.served += 1
        super().on_response_complete()

    def on_quiet(self) -> None:
        """Close a connection that has finished nothing since the last check: idle, or a request that never ends."""
        if self.served == self.served_before and not self.slots and not self._asgi_busy():
            self.transport.abort()
            return
        self.served_before = self.served
        self.quiet = self.loop.call_later(QUIET_MAX, self.on_quiet)

    def shutdown(self) -> None:
        """The server stops: finish what was begun; a ping already on its way still gets in."""
        self.leaving = True
        if self._asgi_busy():
            super().shutdown()
        elif not self.slots and not self.reading:
            self.loop.call_later(LINGER, self._leave)

    def _leave(self) -> None:
        if not self.slots and not self.reading and not self._asgi_busy():
            self.transport.close()


def protocol_for(gate: ForwardingGate) -> type[FastProtocol]:
    """The class for uvicorn's `http` setting."""
    return type("Pings", (FastProtocol,), {"gate": gate})
