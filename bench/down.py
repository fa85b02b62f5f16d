"""A thousand jobs go down at once: how long until the last one is told? `python bench/down.py`.

From the sweep that finds them to the last answer of the receiver: one sweep, then passes of `deliver` until nothing
waits. The store is a SQLite file, durable as ever; the receiver is a process of its own. "grouped": one message;
"single": a webhook each, signed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from heartbeat.channels.build import build
from heartbeat.core.definition import founding
from heartbeat.model import HOUR, MINUTE, SECOND, Job
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.deliver import deliver
from heartbeat.verbs.sweep import sweep

JOBS = 1_000
ROUNDS = 5
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


def run() -> list[dict[str, object]]:
    """Seconds until the last job is told, medians of five, and how many of them were told."""
    with subprocess.Popen([sys.executable, "-c", RECEIVER], stdout=subprocess.PIPE, text=True) as receiver:
        port = receiver.stdout.readline().strip() if receiver.stdout else ""
        found = [measured(name, group_above, port) for name, group_above in (("grouped", 5), ("single", 0))]
        receiver.terminate()
    return found


def measured(name: str, group_above: int, port: str) -> dict[str, object]:
    """One row."""
    rounds = [once(group_above, port) for _ in range(ROUNDS)]
    return {"name": f"{JOBS} down, {name}", "told": rounds[0][1], "seconds": round(median(r[0] for r in rounds), 2)}


def once(group_above: int, port: str) -> tuple[float, int]:
    """Jobs whose first slot goes by, and everything that follows."""
    settings = {"url": f"http://127.0.0.1:{port}/", "secret": "s", "group_above": group_above, "allow_private": True}
    channels = {"hook": build("hook", {"webhook": settings})}
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "bench.db")
        now = time.time_ns() // 1_000_000
        born, late = now - HOUR - MINUTE, now
        jobs = [Job(slug=f"job-{n}", schedule=("every 1h",), grace=30 * SECOND, notify=("hook",)) for n in range(JOBS)]
        store.commit([founding(job, born) for job in jobs])
        start, told = time.perf_counter(), 0
        while sweep(store, late).more:
            pass
        more = True
        while more:
            done = deliver(store, channels, lambda: time.time_ns() // 1_000_000)
            told, more = told + done.sent, done.more
        took = time.perf_counter() - start
        store.close()
    if told != JOBS:
        raise AssertionError(f"{told} of {JOBS} were told")
    return took, told


if __name__ == "__main__":
    for line in run():
        print(line)
