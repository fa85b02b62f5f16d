"""So many jobs miss their slot in the same instant: how long until the last one is told? `python bench/down.py`.

From the deadline to the last alert's arrival at a webhook, through a real server; the receiver is a process of its own.
"grouped": as by default; "singly": a webhook for each alert. `--base DIR`: side by side, in turns, with the code
in another checkout. The server sweeps more often than by default, so that its waiting for the next
sweep, up to a second, does not blur the figure. "ping_ms": the median and the 99th percentile of one ping after the
other meanwhile; "cpu": seconds of both processes of the server from start to end, which a busy machine blurs less.
"""

from __future__ import annotations

import argparse
import http.client
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = {"grouped": (100_000, ""), "singly": (10_000, "group_above: 0, "), "singly, fewer": (1_000, "group_above: 0, ")}
ROUNDS = 5
HERE = Path(__file__).resolve().parent.parent
KEY = "bench-ping-key-000000"
SERVE = "from heartbeat import settings; from heartbeat.doors.server.wiring import serve; exit(serve(settings.read()))"
FILL = """
import sys
from heartbeat.core.definition import founding
from heartbeat.model import HOUR, MINUTE, Job
from heartbeat.store.sqlite.store import SQLiteStore
db, count, deadline = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store = SQLiteStore(db)
jobs = [Job(slug=f"job-{n}", schedule=("every 1h",), grace=MINUTE, notify=("hook",)) for n in range(count)]
for start in range(0, count, 1000):
    store.commit([founding(job, deadline - HOUR - MINUTE) for job in jobs[start : start + 1000]])
store.commit([founding(Job(slug="alive", schedule=("every 1d",), grace=MINUTE), deadline)])
store.close()
"""
RECEIVER = """
import asyncio, re, sys, time

class Receiver(asyncio.Protocol):
    told = {}

    def connection_made(self, transport):
        self.transport, self.data = transport, b""

    def data_received(self, data):
        self.data += data
        while b"\\r\\n\\r\\n" in self.data:
            head, _, rest = self.data.partition(b"\\r\\n\\r\\n")
            length = int(re.search(rb"(?i)content-length: (\\d+)", head)[1])
            if len(rest) < length:
                return
            self.take(head, rest[:length])
            self.data = rest[length:]

    def take(self, head, body):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
        if b"onnection: close" in head:
            self.transport.close()
        key = re.search(rb"(?i)idempotency-key: (\\S+)", head)[1]
        self.told[key] = int(re.search(rb'"count": ?(\\d+)', body)[1])
        Receiver.left = Receiver.left - self.told[key]
        if Receiver.left <= 0:
            print(time.time(), len(self.told), sum(self.told.values()), flush=True)
            loop.stop()

Receiver.left = int(sys.argv[1])
loop = asyncio.new_event_loop()
server = loop.run_until_complete(loop.create_server(Receiver, "127.0.0.1", 0, backlog=512))
print(server.sockets[0].getsockname()[1], flush=True)
loop.run_forever()
"""


class Round(NamedTuple):
    """seconds: from the deadline to the last alert; cpu: seconds of the server; pings: milliseconds each."""

    seconds: float
    messages: int
    cpu: float
    pings: list[float]


def run(*checkouts: Path, rounds: int = ROUNDS) -> list[dict[str, object]]:
    """One row for each case and checkout; medians."""
    return [row for name in CASES for row in rows(name, checkouts or (HERE,), rounds)]


def rows(name: str, checkouts: tuple[Path, ...], rounds: int) -> list[dict[str, object]]:
    """One case, the checkouts in turns."""
    jobs, grouping = CASES[name]
    found: dict[Path, list[Round]] = defaultdict(list)
    for _ in range(rounds):
        for checkout in checkouts:
            found[checkout].append(once(checkout, jobs, grouping))
    return [row(f"{jobs} down, {name.partition(',')[0]}", where, each) for where, each in found.items()]


def row(name: str, checkout: Path, found: list[Round]) -> dict[str, object]:
    """What the rounds came to."""
    pings = [quantiles(each.pings, n=100) for each in found]
    p50, p99 = (round(median(ping[at] for ping in pings), 1) for at in (49, 98))
    seconds, cpu = (round(median(each), 2) for each in ([r.seconds for r in found], [r.cpu for r in found]))
    of = {} if checkout == HERE else {"checkout": checkout.name}
    return {"name": name, "messages": found[0].messages, "seconds": seconds, "cpu": cpu, "ping_ms": [p50, p99]} | of


def once(checkout: Path, jobs: int, grouping: str) -> Round:
    """One measurement."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HEARTBEAT_")}
    environ |= {"PYTHONPATH": str(checkout), "HEARTBEAT_PING_KEY": KEY, "HEARTBEAT_PORT": "0"}
    environ |= {"HEARTBEAT_SWEEP_EVERY": "0.05", "HEARTBEAT_LOG": "json"}
    with tempfile.TemporaryDirectory() as folder, started([RECEIVER, str(jobs)], folder, environ) as receiver:
        hook = f'{{webhook: {{url: "http://127.0.0.1:{line(receiver)}/", secret: s, {grouping}allow_private: true}}}}'
        Path(folder, "jobs.yaml").write_text(f"channels: {{hook: {hook}}}\njobs: {{}}\n")
        deadline = round(time.time() + 5 + jobs / 8_000)
        with started([FILL, "heartbeat.db", str(jobs), str(deadline * 1000)], folder, environ) as filling:
            filling.wait()
        os.sync()  # or the server waits for the disk to take in what was filled
        before = cpu_of_children()
        with started([SERVE], folder, environ) as server, closing(pinged(line(server).rpartition(":")[2])) as pings:
            found = [next(pings)]
            if time.time() > deadline - 1:
                raise AssertionError("the server was not ready in time")
            time.sleep(deadline - time.time())
            last: list[str] = []
            waiting = threading.Thread(target=lambda: last.extend(line(receiver).split()))
            waiting.start()
            while not last:
                found.append(next(pings))
            waiting.join()
            server.send_signal(signal.SIGTERM)
        cpu = cpu_of_children() - before
    at, messages, alerts = last
    if int(alerts) != jobs:
        raise AssertionError(f"{alerts} alerts of {jobs}")
    return Round(float(at) - deadline, int(messages), cpu, found)


def cpu_of_children() -> float:
    """Seconds that the programs which have ended took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def started(command: list[str], folder: str, environ: dict[str, str]) -> subprocess.Popen[str]:
    """A program of ours."""
    with Path(folder, "errors").open("a") as errors:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", *command],
            cwd=folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )


def line(process: subprocess.Popen[str]) -> str:
    """The next that it says."""
    said = process.stdout.readline().strip() if process.stdout else ""
    if not said:
        raise AssertionError("a program of the bench ended")
    return said


def pinged(port: str) -> Iterator[float]:
    """One ping after the other: the milliseconds of each."""
    with closing(http.client.HTTPConnection("127.0.0.1", int(port))) as connection:
        while True:
            start = time.perf_counter()
            connection.request("GET", f"/ping/{KEY}/alive")
            connection.getresponse().read()
            yield (time.perf_counter() - start) * 1000
            time.sleep(0.005)


if __name__ == "__main__":
    asked = argparse.ArgumentParser()
    asked.add_argument("--base", type=Path, help="another checkout, to be measured in turns with this one")
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    asked.add_argument("--case", action="append", choices=CASES)
    given = asked.parse_args()
    for case in given.case or CASES:
        for each in rows(case, (given.base.resolve(), HERE) if given.base else (HERE,), given.rounds):
            print(each, flush=True)
