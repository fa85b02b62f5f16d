"""The HTTP process: reads requests, passes pings to the core, words the answers. Started by `core_process.Fronts`.

It knows the ping keys and nothing about jobs. Without its core it ends at once.
"""

from __future__ import annotations

import socket
import sys
import time

from heartbeat.doors.server.asgi import App
from heartbeat.doors.server.core_link import ForwardingGate, Link
from heartbeat.doors.server.core_process import settle_in
from heartbeat.doors.server.http_server import Server
from heartbeat.doors.server.ipc import first
from heartbeat.settings import Settings
from heartbeat.telemetry import Log


def main() -> None:
    """Serve until SIGTERM or SIGINT. Arguments: the numbers of the inherited sockets, listener and link."""
    listener, core = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    settings = first(core, Settings)
    log = Log(time.time, settings.log)
    link = Link(log)
    gate = ForwardingGate(settings.ping_keys, link, lambda: time.time_ns() // 1_000_000)
    server = Server(App(gate, link.report, log), gate, log, door=settings.door)
    settle_in()
    server.run(listener, link, core)


if __name__ == "__main__":
    main()
