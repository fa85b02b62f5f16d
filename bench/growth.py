"""What must not grow with jobs, history and bodies: `python bench/growth.py [--base DIR] [CASE ...]`.

A real server on a prepared database, 64 connections. With `--base DIR` (or BENCH_BASE) the code in that folder takes
turns with this one. "cpu_us": microseconds of both processes of the server a ping, which a busy machine blurs less.
The databases are made by the verbs of the older code on virtual time, and copied for each measurement.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import uvloop
from pings import knock

HERE = Path(__file__).parents[1]
ROUNDS = 3
SECONDS = 3.0
SETTLE = 4.0
KEY = "benchmark-ping-key-000"
SERVE = "from heartbeat import settings; from heartbeat.doors.server.wiring import serve; exit(serve(settings.read()))"
FILL = """
import sys, time
from heartbeat.model import DAY, MINUTE, Job, Kind, Signal
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.operate import found
from heartbeat.verbs.record import Recorder
path, jobs, days, chain = sys.argv[1], *map(int, sys.argv[2:5])
now, store = time.time_ns() // 1_000_000, SQLiteStore(path)
born = now - max(days * DAY, chain * MINUTE) - DAY
for first in range(0, jobs, 2_000):
    some = range(first, min(first + 2_000, jobs))
    found(store, [Job(slug=f"job-{n}", schedule=("every 1d",), grace=30 * DAY, source="bench") for n in some], born)
found(store, [Job(slug="often", schedule=("* * * * *",), grace=30 * DAY, source="bench")], born)
recorder = Recorder(store)
def tell(slugs, at):
    recorder.record([Signal(slug=slug, kind=Kind.SUCCESS, at=at, received=at, source="http") for slug in slugs])
for day in range(days):
    for first in range(0, jobs, 500):
        tell([f"job-{n}" for n in range(first, min(first + 500, jobs))], born + day * DAY + 1 + first)
for first in range(0, chain, 500):
    recorder.record([Signal(slug="often", kind=Kind.SUCCESS, at=at, received=at, source="http")
        for at in range(born + first * MINUTE + 1, born + min(first + 500, chain) * MINUTE + 1, MINUTE)])
store.close()
"""
EDIT = """
import sys, time
from msgspec.structs import replace
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.apply import define
store = SQLiteStore(sys.argv[1])
for name in ["often", *(f"job-{n}" for n in range(2_000))]:
    define(store, replace(store.load([name])[name].job, schedule=("0 * * * *",)), time.time_ns() // 1_000_000)
store.close()
"""


class World(NamedTuple):
    """A database: so many jobs with so many days of one line each, and one job with a long chain."""

    jobs: int
    days: int = 0
    chain: int = 0


class Case(NamedTuple):
    """What is sent to a server on this world."""

    world: World
    body: int = 0
    only: str = ""
    """The job that all pings are of, and their query."""
    edit: bool = False
    """Whether schedules are changed first."""
    keep: int = 400
    """Days of history that the server keeps: what is older is purged meanwhile."""


QUARTER = World(10_000, days=90, chain=90 * 24 * 60)
CASES = {
    "10,000 jobs": Case(World(10_000)),
    "100,000 jobs": Case(World(100_000)),
    "1,000,000 jobs": Case(World(1_000_000)),
    "bodies of 1 kB": Case(World(10_000), body=1_000),
    "bodies of 10 kB": Case(World(10_000), body=10_000),
    "90 days of history": Case(QUARTER),
    "one job of 130,000 lines": Case(QUARTER, only="often"),
    "the same, an old slot": Case(QUARTER, only="often?for=%s"),
    "schedules edited": Case(QUARTER, edit=True),
    "purging 900,000 lines": Case(QUARTER, keep=1),
    "one job of a million lines": Case(World(100, chain=1_000_000), only="often"),
    "the same, its schedule edited": Case(World(2_000, chain=1_000_000), only="often", edit=True),
}


def run(base: str = os.environ.get("BENCH_BASE", ""), cases: tuple[str, ...] = ()) -> list[dict[str, object]]:
    """One row a case; medians."""
    roots = {"": HERE} | ({"base_": Path(base).resolve()} if base else {})
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        return [compared(name, CASES[name], roots, Path(folder)) for name in cases or CASES]


def compared(name: str, case: Case, roots: dict[str, Path], folder: Path) -> dict[str, object]:
    """One row of the result; the versions take turns."""
    made = folder / f"{'-'.join(map(str, case.world))}.db"
    older = [*roots.values()][-1]
    if not made.exists():
        program(older, FILL, made, *case.world)
    found: dict[str, list[dict[str, Any]]] = {which: [] for which in roots}
    for _ in range(ROUNDS):
        for which, root in roots.items():
            found[which].append(measured(root, older, case, made))
    row: dict[str, object] = {"name": "growth", "what": name}
    for which, rounds in found.items():
        row |= {f"{which}{key}": round(median(one[key] for one in rounds), 1) for key in rounds[0]}
    print(row, file=sys.stderr, flush=True)
    return row


def program(root: Path, code: str, *words: object) -> None:
    """Run this with the code in that folder."""
    subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], check=True, env=os.environ | {"PYTHONPATH": str(root)}
    )


def measured(root: Path, older: Path, case: Case, made: Path) -> dict[str, Any]:
    """One server, from a fresh copy of the database to its end."""
    with tempfile.TemporaryDirectory(dir=made.parent) as name:
        here = Path(name)
        shutil.copy(made, here / "bench.db")
        if case.edit:
            program(older, EDIT, here / "bench.db")
        os.sync()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = begun(root, here, port, case.keep)
        try:
            time.sleep(SETTLE)  # what the start leaves to do is not what a ping costs
            before = sum(map(used, [server.pid, *children(server.pid)]))
            told = subprocess.run(
                [sys.executable, __file__, "--load", str(port), json.dumps(case)], stdout=subprocess.PIPE, check=True
            )
            cpu = sum(map(used, [server.pid, *children(server.pid)])) - before
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
    row: dict[str, Any] = json.loads(told.stdout)
    return row | {"cpu_us": cpu / row.pop("answered") * 1_000_000}


def begun(root: Path, here: Path, port: int, keep: int) -> subprocess.Popen[bytes]:
    """A server that answers."""
    (here / "jobs.yaml").write_text("jobs: {}\n")
    given = {"DB": here / "bench.db", "CONFIG": here / "jobs.yaml", "PORT": port, "PING_KEY": KEY, "KEEP_DAYS": keep}
    environ = (
        os.environ | {f"HEARTBEAT_{name}": str(value) for name, value in given.items()} | {"PYTHONPATH": str(root)}
    )
    with (here / "errors").open("wb") as errors:
        server = subprocess.Popen([sys.executable, "-c", SERVE], env=environ, stdout=subprocess.DEVNULL, stderr=errors)
    for _ in range(1_200):
        if server.poll() is not None:
            raise RuntimeError((here / "errors").read_text())
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return server
    raise TimeoutError("the server does not come up")


def used(pid: int) -> float:
    """Seconds of processor time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The processes that it started."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def requests(case: Case) -> list[bytes]:
    """What is sent, again and again."""
    if "%s" in case.only:
        days = [time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400 * ago)) for ago in range(2, 80)]
        addresses = [case.only % day for day in days]
    else:
        jobs = random.sample(range(case.world.jobs), min(case.world.jobs, 200_000))
        addresses = [case.only] if case.only else [f"job-{number}" for number in jobs]
    method, body = ("POST", b"x" * case.body) if case.body else ("GET", b"")
    head = f"{method} /ping/{KEY}/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: {case.body}\r\n\r\n"
    return [(head % address).encode() + body for address in addresses]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default=os.environ.get("BENCH_BASE", ""), help="another checkout, to compare with")
    parser.add_argument("--load", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("cases", nargs="*", help=", ".join(CASES))
    given = parser.parse_args()
    if given.load:
        uvloop.install()
        port, (world, *others) = int(given.load[0]), json.loads(given.load[1])
        print(json.dumps(asyncio.run(knock(port, SECONDS, requests(Case(World(*world), *others))))))
    else:
        run(given.base, tuple(given.cases))
