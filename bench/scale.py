"""What very many jobs cost a command, and the server's start: `python bench/scale.py [--base DIR] [JOBS ...]`.

Every measurement is a process, from its start to its end or to the answer of its first ping. With `--base DIR` (or
BENCH_BASE) the code in that folder takes turns with this one. "cpu": of the cores, which other programs disturb less.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parents[1]
SIZES = (10_000, 100_000)
STARTS = (100_000, 1_000_000)
ROUNDS = 3
KEY = "benchmark-ping-key-000"
HEAD = "defaults: {timezone: Asia/Tokyo, grace: 10m, notify: [ops]}\nchannels: {ops: {console: {}}}\njobs:\n"
COMMAND = "import sys; from heartbeat.doors.cli import main; sys.exit(main())"
FILL = """
import sys, time
from heartbeat.model import Job
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.operate import found
path, jobs = sys.argv[1], int(sys.argv[2])
now, store = time.time_ns() // 1_000_000, SQLiteStore(path)
hour = (time.gmtime().tm_hour + 12) % 24  # nothing falls due while we measure
for first in range(0, jobs, 2_000):
    some = range(first, min(first + 2_000, jobs))
    found(store, [Job(slug=f"job-{n:07}", schedule=(f"{n % 60} {hour} * * *",), notify=("ops",)) for n in some], now)
store.close()
"""


class Took(NamedTuple):
    """Milliseconds."""

    ms: float
    cpu: float


class Code:
    """One version of the program, with files of its own."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "own.yaml").write_text(f"{HEAD}  mine: {{schedule: every 1d}}\n")
        given = {"HEARTBEAT_PING_KEY": KEY, "HEARTBEAT_LOG": "json", "PYTHONPATH": str(root)}
        self.environ = {name: text for name, text in os.environ.items() if not name.startswith("HEARTBEAT_")} | given

    def begin(self, program: str, *words: object, **environ: str) -> subprocess.Popen[bytes]:
        """A process that runs this."""
        return subprocess.Popen(
            [sys.executable, "-c", program, *map(str, words)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env=self.environ | environ,
        )

    def command(self, *words: object) -> Took:
        """One command, from start to end."""
        began = time.perf_counter()
        _, status, used = os.wait4(self.begin(COMMAND, *words).pid, 0)
        took = time.perf_counter() - began
        if os.waitstatus_to_exitcode(status) not in {0, 1}:
            raise SystemExit(f"{words} failed with {status}")
        return Took(took * 1000, (used.ru_utime + used.ru_stime) * 1000)

    def start(self, db: Path) -> Took:
        """The server on this database, with a small file of its own, until it has answered a ping."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        began = time.perf_counter()
        server = self.begin(COMMAND, "serve", "--db", db, "--port", port, "--config", "own.yaml")
        while not answered(port):
            if server.poll() is not None:
                raise SystemExit("the server does not start")
            time.sleep(0.005)
        took = time.perf_counter() - began
        cpu = sum(map(int, Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]))
        server.send_signal(signal.SIGTERM)
        server.wait()
        return Took(took * 1000, cpu / os.sysconf("SC_CLK_TCK") * 1000)


def answered(port: int) -> bool:
    """Whether a ping is recorded."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 20) as caller:
        caller.sendall(b"GET /ping/%b/job-0000001 HTTP/1.1\r\nHost: x\r\n\r\n" % KEY.encode())
        return caller.recv(100).startswith(b"HTTP/1.1 200")
    return False


def run(base: str = os.environ.get("BENCH_BASE", ""), sizes: tuple[int, ...] = ()) -> list[dict[str, object]]:
    """One row for each command and number of jobs, and for each start; medians of three rounds."""
    roots = {"": HERE} | ({"base_": Path(base).resolve()} if base else {})
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        codes = {name: Code(root, Path(folder) / (name or "ours")) for name, root in roots.items()}
        rows = [row for jobs in sizes or SIZES for row in commands(codes, Path(folder), jobs)]
        return rows + [started(codes, jobs) for jobs in sizes or STARTS]


def commands(codes: dict[str, Code], folder: Path, jobs: int) -> Iterator[dict[str, object]]:
    """Every command on so many jobs."""
    first, edited = folder / "first" / "jobs.yaml", folder / "edited" / "jobs.yaml"
    for path, days in ((first, "*"), (edited, "1-5")):
        path.parent.mkdir(exist_ok=True)
        lines = (f'  job-{n:07}: {{schedule: "{n % 60} {n // 60 % 24} * * {days}"}}\n' for n in range(jobs))
        path.write_text(HEAD + "".join(lines))

    def fresh(code: Code) -> Took:
        for old in code.folder.glob("db*"):
            old.unlink()
        return code.command("apply", first, "--db", "db")

    def changed(code: Code) -> Took:
        done = code.command("apply", edited, "--db", "db")
        code.command("apply", first, "--db", "db")
        return done

    yield compared("check", jobs, codes, lambda code: code.command("check", first))
    yield compared("apply, all new", jobs, codes, fresh)
    yield compared("apply, nothing changed", jobs, codes, lambda code: code.command("apply", first, "--db", "db"))
    if jobs <= min(SIZES):
        yield compared("apply, all changed", jobs, codes, changed)
    yield compared("status", jobs, codes, lambda code: code.command("status", "--db", "db"))


def started(codes: dict[str, Code], jobs: int) -> dict[str, object]:
    """The server's start with so many jobs; the older code fills the file, and each opens its own once before."""
    made = [*codes.values()][-1].folder / f"{jobs}.db"
    [*codes.values()][-1].begin(FILL, made, jobs).wait()
    for code in codes.values():
        if code.folder != made.parent:
            shutil.copy(made, code.folder)
        code.start(code.folder / made.name)
    os.sync()
    row = compared("start", jobs, codes, lambda code: code.start(code.folder / made.name))
    for code in codes.values():
        (code.folder / made.name).unlink()
    return row


def compared(what: str, jobs: int, codes: dict[str, Code], measure: Callable[[Code], Took]) -> dict[str, object]:
    """One row of the result; the versions take turns."""
    found: dict[str, list[Took]] = {name: [] for name in codes}
    for _ in range(ROUNDS):
        for name, code in codes.items():
            found[name].append(measure(code))
    row: dict[str, object] = {"name": "scale", "what": what, "jobs": jobs}
    for name, took in found.items():
        row |= {f"{name}ms": round(median(t.ms for t in took)), f"{name}cpu": round(median(t.cpu for t in took))}
    print(row, file=sys.stderr, flush=True)
    return row


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default=os.environ.get("BENCH_BASE", ""), help="another checkout, to compare with")
    parser.add_argument("jobs", nargs="*", type=int)
    given = parser.parse_args()
    run(given.base, tuple(given.jobs))
