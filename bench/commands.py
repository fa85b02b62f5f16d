"""How long commands take as a cron job sees them: whole processes, beside Python doing nothing, `true` and two curls.

Medians in milliseconds over runs in turns. BASE (`make bench ARGS="commands --base DIR"`) is a checkout of the code
before, measured in the same turns. Each side has an environment as pip would make it: this one's libraries, its own
console script, and none of an editable install's hooks, which take 8 ms of every start.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import tomllib
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
RUNS = int(os.environ.get("BENCH_RUNS", "31"))
SCRIPT = """\
#!{python}
# -*- coding: utf-8 -*-
import re
import sys
from {module} import {name}
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit({name}())
"""
JOBS = """\
defaults: {timezone: Asia/Tokyo, notify: [screen]}
channels: {screen: {console: {}}}
jobs:
  job-0: {schedule: "0 9 * * *", grace: 5m}
  job-1: {schedule: "*/10 * * * *", grace: 5m}
"""
YARDSTICKS = (("true", "true"), ("python -c pass", "$python -c pass"), ("two curls", "sh -c '$curl; $curl'"))
COMMANDS = (
    ("exec -- true", "$heartbeat exec job-0 -- true"),
    ("exec -- true, no server", "$offline $heartbeat exec job-0 -- true"),
    ("ping", "$heartbeat ping job-0"),
    ("client.py exec -- true", "$python $checkout/clients/python/heartbeat.py exec job-0 -- true"),
    ("heartbeat.sh run -- true", "$shell run job-0 -- true"),
    ("heartbeat.sh ping", "$shell ping job-0"),
    *((name, f"$heartbeat {name}") for name in ("--version", "--help", "check", "plan", "apply", "status")),
    *((f"{name} job-0", f"$heartbeat {name} job-0") for name in ("explain", "runs")),
    ("next", "$heartbeat next '0 9 * * *'"),
    ("tick", "$heartbeat tick"),
)
Row = dict[str, str | float | None]


def run(base: str | None = os.environ.get("BENCH_BASE")) -> list[Row]:
    """A row for each command: milliseconds now, before, and the ratio."""
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as environ:
        sides = {"now": _installed(ROOT, Path(folder))}
        if base:
            sides["before"] = _installed(Path(base).resolve(), Path(folder))
        lines = {(name, "now"): _filled(line, sides["now"]) for name, line in YARDSTICKS}
        lines |= {(name, who): _filled(line, side) for name, line in COMMANDS for who, side in sides.items()}
        took = _medians(lines, environ)
    return [_row(name, took.get((name, "now")), took.get((name, "before"))) for name, _ in (*YARDSTICKS, *COMMANDS)]


def _row(name: str, now: float | None, before: float | None) -> Row:
    ratio = round(now / before, 2) if now and before else None
    return {"name": name, "unit": "ms", "now": now, "before": before, "ratio": ratio}


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of jobs that tell a server on this machine, with a database of their own for the rest."""
    for name in ("server", "here"):
        (folder / name).mkdir()
        (folder / name / "jobs.yaml").write_text(JOBS)
    port = pings._free_port()  # noqa: SLF001 - the same server as there
    server = pings._serve(folder / "server", port, "fast", pings.SERVE)  # noqa: SLF001 - the same
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HEARTBEAT_", "PYTHON"))}
    try:
        yield inherited | {
            "HEARTBEAT_URL": f"http://127.0.0.1:{port}",
            "HEARTBEAT_PING_KEY": pings.KEY,
            "HEARTBEAT_DB": str(folder / "here" / "heartbeat.db"),
            "HEARTBEAT_CONFIG": str(folder / "here" / "jobs.yaml"),
        }
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _installed(checkout: Path, folder: Path) -> dict[str, str]:
    """What stands for what in a command's line."""
    home = Path(tempfile.mkdtemp(dir=folder))
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    libraries = f"{checkout}\n{sysconfig.get_path('purelib')}\n"
    (home / "lib" / version / "site-packages" / "bench.pth").write_text(libraries)
    entry = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["scripts"]["heartbeat"]
    module, _, name = entry.partition(":")
    script = home / "bin" / "heartbeat"
    script.write_text(SCRIPT.format(python=python, module=module, name=name))
    script.chmod(0o755)
    return {
        "python": str(python),
        "heartbeat": str(script),
        "checkout": str(checkout),
        "shell": f"sh {checkout}/clients/shell/heartbeat.sh",
        "curl": 'curl -fsS -o /dev/null -X POST "$HEARTBEAT_URL/ping/$HEARTBEAT_PING_KEY/job-0"',
        "offline": "env -u HEARTBEAT_URL",
    }


def _filled(line: str, side: dict[str, str]) -> list[str]:
    for name, value in side.items():
        line = line.replace(f"${name}", value)
    return shlex.split(line)


def _medians(lines: dict[tuple[str, str], list[str]], environ: dict[str, str]) -> dict[tuple[str, str], float]:
    for line in lines.values():  # compiles, and warms the file cache
        subprocess.run(line, env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    turns = [{name: _milliseconds(line, environ) for name, line in lines.items()} for _ in range(RUNS)]
    return {name: round(statistics.median(turn[name] for turn in turns), 1) for name in lines}


def _milliseconds(line: list[str], environ: dict[str, str]) -> float:
    quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in range(3)]
    began = time.perf_counter()
    os.waitpid(os.posix_spawnp(line[0], line, environ, file_actions=quiet), 0)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    for row in run():
        print(f"{row['name']:<28}{row['now']:>8}{row['before'] or '-':>8}{row['ratio'] or '-':>8}")
