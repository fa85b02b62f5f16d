"""Where we lean on uvicorn's inside: whether it is as it was when that was written, and limits for what it reads."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from heartbeat.doors.http.ping_gate import HEAD_MAX, HEAD_TOO_LARGE, HEADERS_MAX, head_fits

if TYPE_CHECKING:
    from uvicorn import Config

_METHODS = {
    "__init__": ["self", "config", "server_state", "app_state", "_loop"],
    "connection_made": ["self", "transport"],
    "connection_lost": ["self", "exc"],
    "data_received": ["self", "data"],
    "send_400_response": ["self", "msg"],
    "on_message_begin": ["self"],
    "on_url": ["self", "url"],
    "on_header": ["self", "name", "value"],
    "on_headers_complete": ["self"],
    "on_body": ["self", "body"],
    "on_message_complete": ["self"],
    "on_response_complete": ["self"],
    "_start_asgi_task": ["self", "cycle", "app"],
    "shutdown": ["self"],
    "pause_writing": ["self"],
    "resume_writing": ["self"],
}
_ATTRIBUTES = (
    "parser",
    "loop",
    "server_state",
    "transport",
    "flow",
    "scope",
    "headers",
    "expect_100_continue",
    "cycle",
)


def fit(config: Config, protocol: type[HttpToolsProtocol] = HttpToolsProtocol) -> bool:
    """Whether uvicorn's internals are what the fast path needs."""
    loop = asyncio.new_event_loop()
    try:
        connection = protocol(config, ServerState(), {}, loop)
        methods = {name: list(inspect.signature(getattr(protocol, name)).parameters) for name in _METHODS}
    except (AttributeError, TypeError):
        return False
    finally:
        loop.close()
    there = all(hasattr(connection, name) for name in _ATTRIBUTES)
    return there and methods == _METHODS and connection.pipeline == deque() and connection.cycle is None


DRAIN = 2.0
"""Seconds for the sender to read a refusal before the connection is cut."""


class Bounded(HttpToolsProtocol):
    """One connection. It ends at a head that is too large, or when too much comes that is neither head nor body."""

    deaf = False
    """Whether to read nothing more."""
    moved = False
    """Whether the latest bytes began a request, ended one, or were part of its body."""
    came = barren = 0
    """The latest bytes, and all bytes since anything last moved."""

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self.deaf:
            return
        self.moved, self.came = False, len(data)
        super().data_received(data)
        self.barren = 0 if self.moved else self.barren + len(data)
        if self.barren > HEAD_MAX and not self.deaf:
            self.on_endless()

    def on_message_begin(self) -> None:
        """The parser found a request."""
        self.moved = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The parser found the end of its headers."""
        if not self.deaf and not self.is_too_large():
            super().on_headers_complete()

    def is_too_large(self) -> bool:
        """Whether the head, now complete, is too large; if so, says that and reads nothing more."""
        in_doubt = not self.moved or self.came > HEAD_MAX or len(self.headers) > HEADERS_MAX
        if not in_doubt or head_fits(len(self.url), self.headers):
            return False
        self.on_endless()
        return True

    def on_body(self, body: bytes) -> None:
        """The parser found part of its body."""
        self.moved = True
        if not self.deaf:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The parser found its end."""
        self.moved = True
        if not self.deaf:
            super().on_message_complete()

    def on_endless(self) -> None:
        """Refuse it, unless that would break an answer under way."""
        self.deaf = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.close()
            return
        date = b"".join(b"%s: %s\r\n" % header for header in self.server_state.default_headers)
        self.transport.write(HEAD_TOO_LARGE.wire(date, head=False, close=True))
        self.transport.write_eof()
        self.loop.call_later(DRAIN, self.transport.close)
