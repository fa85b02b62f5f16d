"""The HTTP server: one uvicorn, with the fast path for pings if it fits."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING, cast

import uvicorn

from heartbeat.doors.server.core_process import BACKLOG
from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from heartbeat.doors.server.asgi import App
    from heartbeat.doors.server.core_link import ForwardingGate, Link
    from heartbeat.telemetry import Log

IDLE_SECONDS = 60
STOP_SECONDS = 10
"""Time for requests under way when the server stops."""


class Server:
    """Serves until SIGTERM or SIGINT, then finishes its answers and returns."""

    def __init__(self, app: App, gate: ForwardingGate, log: Log, *, door: str) -> None:
        self._log = log
        _hear_uvicorn(log)
        self._config = uvicorn.Config(
            app,
            loop="none",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,  # its lines would contain ping keys
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            backlog=BACKLOG,
        )
        self._config.load()
        self.door = door if door == "plain" or self._take_fast_path(gate) else "plain"
        """The door that pings take."""
        if self.door == "plain":
            self._take_limits()
        self._uvicorn = uvicorn.Server(self._config)

    def _take_fast_path(self, gate: ForwardingGate) -> bool:
        try:
            from heartbeat.doors.server import fast_ping, uvicorn_fit  # noqa: PLC0415 - needs httptools, which uvicorn may lack
        except ImportError as problem:
            self._log.tell(Happened.PLAIN_DOOR, why=problem)
            return False
        if not uvicorn_fit.fit(self._config):
            self._log.tell(Happened.PLAIN_DOOR, why=f"uvicorn {uvicorn.__version__} is not known to it")
            return False
        self._config.http_protocol_class = cast("type[asyncio.Protocol]", fast_ping.protocol_for(gate))
        return True

    def _take_limits(self) -> None:
        """With an unknown uvicorn, or one that uses h11 (which has its own limits), only the application's remain."""
        try:
            from heartbeat.doors.server import uvicorn_fit  # noqa: PLC0415 - needs httptools
        except ImportError:
            return
        if uvicorn_fit.fit(self._config):
            self._config.http_protocol_class = uvicorn_fit.Bounded

    def stop(self) -> None:
        """End `run` soon. Safe in a signal handler."""
        self._uvicorn.should_exit = True

    def run(self, listener: socket.socket, link: Link, core: socket.socket) -> None:
        """Serve. uvicorn handles signals, then raises them again: they must not kill us before we are done."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())

        async def main() -> None:
            await link.connect(core)
            await self._uvicorn.serve(sockets=[listener])
            await link.close()

        _allow_many_connections()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(main())


def _allow_many_connections() -> None:
    """Each connection is an open file; the usual limit of 1,024 is soft, and the hard one is far higher."""
    try:
        import resource  # noqa: PLC0415 - not on Windows, which has no such limit
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - not everywhere (Windows), and only faster
    except ImportError:
        return asyncio.new_event_loop
    return cast("Callable[[], asyncio.AbstractEventLoop]", uvloop.new_event_loop)


class _Heard(logging.Handler):
    def __init__(self, log: Log) -> None:
        super().__init__(logging.ERROR)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.tell(Happened.HTTP, says=record.getMessage().strip())


def _hear_uvicorn(log: Log) -> None:
    """Turn uvicorn's serious messages into our log lines."""
    logger = logging.getLogger("uvicorn.error")
    logger.handlers = [_Heard(log)]
    logger.propagate = False
    logger.setLevel(logging.ERROR)
