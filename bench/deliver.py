"""How long 1,000 webhooks take, each a request of its own, to a receiver on this machine.

    python bench/deliver.py [COUNT]

The target: 3 s on two cores. The store is a SQLite file, durable as ever; the receiver is a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from heartbeat.channels.build import build
from heartbeat.deliver import Delivered, deliver
from heartbeat.model import Alert, Change, Event, Reason, Verdict
from heartbeat.outbox import delivery
from heartbeat.store.sqlite import SQLiteStore

TARGET = 3.0
RECEIVER = """
import socketserver

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        length = 0
        while (line := self.rfile.readline()) not in (b"\\r\\n", b""):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        self.rfile.read(length)
        self.wfile.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")

class Server(socketserver.ThreadingTCPServer):
    daemon_threads, request_queue_size = True, 256

with Server(("127.0.0.1", 0), Handler) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
"""


def now() -> int:
    return time.time_ns() // 1_000_000


def alert(number: int) -> Alert:
    return Alert(
        id=f"job{number}/1/opened",
        event=Event.OPENED,
        at=now(),
        incident=f"job{number}/1",
        slug=f"job{number}",
        timezone="Asia/Tokyo",
        schedule="0 9 * * *",
        verdict=Verdict.MISSED,
        reason=Reason.GRACE_RAN_OUT,
        expected=now() - 600_000,
        deadline=now(),
        output="one line of output\n" * 20,
        bad=1,
    )


def measure(count: int, port: str, folder: str) -> tuple[float, Delivered]:
    store = SQLiteStore(Path(folder) / "bench.sqlite")
    settings = {"url": f"http://127.0.0.1:{port}/hook", "secret": "s", "group_above": 0, "allow_private": True}
    channels = {"hook": build("hook", {"webhook": settings})}
    store.commit([Change(deliveries=(delivery(alert(number), "hook", now()),)) for number in range(count)])
    start, total = time.perf_counter(), Delivered(more=True)
    while total.more:
        total = Delivered(sent=total.sent, failed=total.failed, dead=total.dead) + deliver(store, channels, now)
    took = time.perf_counter() - start
    store.close()
    return took, total


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with subprocess.Popen([sys.executable, "-c", RECEIVER], stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout is not None  # noqa: S101  (for the type checker: it was asked for)
        port = receiver.stdout.readline().strip()
        with tempfile.TemporaryDirectory() as folder:
            took, total = measure(count, port, folder)
        receiver.terminate()
    good = total.sent == count and took <= TARGET * count / 1000
    print(
        f"{total.sent} of {count} webhooks in {took:.2f} s ({total.sent / took:.0f}/s); target {TARGET:.0f} s for 1,000"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
