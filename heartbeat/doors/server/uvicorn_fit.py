"""Checks that uvicorn's internals are as they were when the fast path was written."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

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
