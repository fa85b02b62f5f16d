"""Durable pings a second: a real server on loopback, and a load generator in a process of its own.

`python bench/pings.py` prints a table; `run()` answers its rows. Every 200 that is counted was committed with
`synchronous=FULL` before it was sent; at the end, what is in the database is compared with what was answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import uvloop

from heartbeat.store.sqlite.file import SETTINGS

KEY = "benchmark-ping-key-000"
JOBS = 10_000
CONNECTIONS = 64
WARM_UP = 1.0
SECONDS = 5.0
BODY_EVERY = 10
"""One ping in so many carries a body of about 400 bytes."""
SERVE = "from heartbeat import settings; from heartbeat.doors.server.wiring import serve; exit(serve(settings.read()))"
FLOOR_FRONT = """
from heartbeat.doors.server import http_process
from heartbeat.doors.http.ping_gate import OK
class Gate(http_process.ForwardingGate):
    def take(self, *_):
        return OK
http_process.ForwardingGate = Gate
http_process.main()
"""
FLOOR = f"import heartbeat.doors.server.core_process as core; core.PROGRAM = ('-P', '-c', {FLOOR_FRONT!r}); {SERVE}"
SCHEDULES = ('"*/10 * * * *"', '"0 9 * * 1-5"', "every 1h", '"cron(0 18 * * ? *)"')


def run(seconds: float = SECONDS, jobs: int = JOBS) -> list[dict[str, Any]]:
    """One row for each way to knock, after what this machine's SQLite and HTTP alone allow: judge them by those two."""
    size = (seconds, jobs)
    return [
        yardstick(seconds, jobs),
        measure("floor: answered at once, nothing kept", size, serve=FLOOR),
        measure("fast path, 64 connections", size),
        measure("plain ASGI, 64 connections", size, door="plain"),
        measure("fast path, a new connection each", size, fresh=True),
    ]


def yardstick(seconds: float, jobs: int) -> dict[str, Any]:
    """Durable batches with nothing around them: a log line and an update for each ping, 64 a commit."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        db = sqlite3.connect(Path(folder) / "bench.db", isolation_level=None)
        for setting in (*SETTINGS, "PRAGMA wal_autocheckpoint = 10000"):
            db.execute(setting)
        db.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, prev INTEGER, line TEXT)")
        db.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY, slug TEXT UNIQUE, last INTEGER, state TEXT)")
        db.executemany("INSERT INTO jobs VALUES (?, ?, 0, ?)", ((i, f"job-{i}", "x" * 100) for i in range(jobs)))
        done, times, start = 0, [], time.perf_counter()
        while time.perf_counter() < start + seconds:
            began = time.perf_counter()
            db.execute("BEGIN")
            batch = [(done, f"{done:0100}", random.randrange(jobs)) for _ in range(CONNECTIONS)]
            db.executemany("INSERT INTO log (prev, line) VALUES (?, ?)", [row[:2] for row in batch])
            db.executemany("UPDATE jobs SET last = ?, state = ? WHERE id = ?", batch)
            db.execute("COMMIT")
            done += len(batch)
            times.append(time.perf_counter() - began)
        took = time.perf_counter() - start
        db.close()
    return {
        "name": "yardstick: bare SQLite, 64 a commit",
        **_spread(done / took, times),
        "answered": done,
        "kept": done,
    }


def _spread(per_second: float, times: list[float]) -> dict[str, Any]:
    ordered = sorted(times)
    return {
        "pings_per_second": round(per_second),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 2),
        "p99_ms": round(ordered[len(ordered) * 99 // 100] * 1000, 2),
    }


def measure(
    name: str, size: tuple[float, int], *, door: str = "fast", fresh: bool = False, serve: str = SERVE
) -> dict[str, Any]:
    """One row. size: seconds, jobs; fresh: a new connection for each ping; serve: the server's program."""
    seconds, jobs = size
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        here = Path(folder)
        (here / "jobs.yaml").write_text(_jobs(jobs))
        port = _free_port()
        server = _serve(here, port, door, serve)
        try:
            load = [sys.executable, __file__, "load", str(port), str(seconds), str(jobs), str(int(fresh))]
            row: dict[str, Any] = json.loads(subprocess.run(load, check=True, stdout=subprocess.PIPE).stdout)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
        kept = _kept(here)
    if serve is not FLOOR and kept < row["answered"]:
        raise AssertionError(f"{row['answered']} answered, {kept} in the database")
    return {"name": name, **row, "kept": kept}


def _jobs(count: int) -> str:
    lines = (f"  job-{i}: {{schedule: {SCHEDULES[i % len(SCHEDULES)]}, grace: 5m}}\n" for i in range(count))
    head = "defaults: {timezone: Asia/Tokyo, notify: [screen]}\nchannels: {screen: {console: {}}}\njobs:\n"
    return head + "".join(lines)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _serve(here: Path, port: int, door: str, code: str) -> subprocess.Popen[bytes]:
    environ = os.environ | {
        "HEARTBEAT_DB": str(here / "bench.db"),
        "HEARTBEAT_CONFIG": str(here / "jobs.yaml"),
        "HEARTBEAT_PORT": str(port),
        "HEARTBEAT_PING_KEY": KEY,
        "HEARTBEAT_DOOR": door,
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    command = [sys.executable, "-c", code]
    errors = here / "errors"
    with errors.open("wb") as stderr:
        server = subprocess.Popen(command, env=environ, cwd=here, stdout=subprocess.DEVNULL, stderr=stderr)
    for _ in range(600):
        if server.poll() is not None:
            raise RuntimeError(errors.read_text())
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return server
    raise TimeoutError("the server does not come up")


def _kept(here: Path) -> int:
    with sqlite3.connect(here / "bench.db") as db:
        count: int = db.execute("SELECT count(*) FROM log WHERE entry LIKE '%success%'").fetchone()[0]
    return count


class Load:
    """What all connections share: the requests, and when each answer came."""

    def __init__(self, port: int, requests: list[bytes], *, fresh: bool) -> None:
        self.port, self.fresh, self.requests = port, fresh, requests
        self.next = 0
        self.open = True
        self.answered = 0
        self.times: list[float] = []
        self.refused: list[bytes] = []

    def request(self) -> bytes:
        """The next job's ping."""
        self.next += 1
        return self.requests[self.next % len(self.requests)]


class Sender(asyncio.Protocol):
    """One connection: the next ping leaves when the last one was answered."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self.transport = cast("asyncio.Transport", transport)
        self.send()

    def send(self) -> None:
        """Send the next ping."""
        self.sent = time.perf_counter()
        self.transport.write(self.load.request())

    def data_received(self, data: bytes) -> None:
        """An answer: note it and go on."""
        load = self.load
        if data.endswith(b"\r\n\r\n"):  # uvicorn sends head and body apart
            self.head = data
            return
        data, self.head = self.head + data, b""
        if data.startswith(b"HTTP/1.1 200") and data.endswith(b"OK"):
            load.answered += 1
            load.times.append(time.perf_counter() - self.sent)
        else:
            load.refused.append(data)
        if load.open and not load.fresh:
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server closed the connection, as it was asked to: open the next."""
        del exc
        if self.load.open:
            task = asyncio.get_running_loop().create_task(_connect(self.load))
            task.add_done_callback(lambda done: done.result())


def _request(number: int, *, fresh: bool) -> bytes:
    body = b"" if number % BODY_EVERY else b"a line of some log\n" * 20
    method = b"POST" if body else b"GET"
    close = b"Connection: close\r\n" if fresh else b""
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    head = b"%s /ping/%s/job-%d HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n"
    return head % (method, KEY.encode(), number) + length + close + b"\r\n" + body


async def _connect(load: Load) -> None:
    await asyncio.get_running_loop().create_connection(lambda: Sender(load), "127.0.0.1", load.port)


async def knock(port: int, seconds: float, requests: list[bytes], *, fresh: bool = False) -> dict[str, Any]:
    """Send these in turn on all connections; how many a second were answered, and how fast."""
    load = Load(port, requests, fresh=fresh)
    for _ in range(CONNECTIONS):
        await _connect(load)
    await asyncio.sleep(WARM_UP)
    first, start = len(load.times), time.perf_counter()
    await asyncio.sleep(seconds)
    times, took = load.times[first:], time.perf_counter() - start
    load.open = False
    await asyncio.sleep(0.2)
    if load.refused:
        raise AssertionError(load.refused[0])
    return _spread(len(times) / took, times) | {"answered": load.answered}


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [f"{'':<40}{'pings/s':>10}{'p50 ms':>9}{'p99 ms':>9}"]
    lines += [f"{r['name']:<40}{r['pings_per_second']:>10,}{r['p50_ms']:>9}{r['p99_ms']:>9}" for r in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["load"]:
        port, seconds, jobs, fresh = sys.argv[2:]
        uvloop.install()
        once = fresh == "1"
        requests = [_request(i, fresh=once) for i in random.sample(range(int(jobs)), int(jobs))]
        print(json.dumps(asyncio.run(knock(int(port), float(seconds), requests, fresh=once))))
    else:
        print(_table(run()))
