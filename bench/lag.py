"""How late a triggered run starts on one machine: from its slot to its request at the target, through the real server.

All jobs have the same schedule, so that they are due at the same instant; the app, in this process, answers at once.
Each figure is the median of several rounds, each with a server of its own.
"""

import http.server
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

SECONDS = 21
ROUNDS = 3
CASES = {1: "*", 20: "00/2", 100: "00/5"}
"""How many jobs are due at once, and in which seconds."""
SERVE = "from heartbeat import settings; from heartbeat.doors.server.wiring import serve; exit(serve(settings.read()))"
KEY = "bench-ping-key-000000"


class App(http.server.BaseHTTPRequestHandler):
    """Writes down how late each call is, in milliseconds."""

    protocol_version = "HTTP/1.1"
    lags: list[float] = []  # noqa: RUF012 - of this process, which makes one app

    def do_POST(self) -> None:
        """Answers 202."""
        now = time.time()
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        App.lags.append(1000 * (now - datetime.fromisoformat(told["slot"]).timestamp()))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: lines on the terminal take time."""


class Server(http.server.ThreadingHTTPServer):
    """Takes many callers at once."""

    request_queue_size = 512


def measure(jobs: int, port: int) -> list[float]:
    """Milliseconds late, of every start while a server runs."""
    with tempfile.TemporaryDirectory() as folder:
        trigger = f'trigger: {{http: {{url: "http://127.0.0.1:{port}/"}}}}'
        schedule = f'schedule: "*-*-* *:*:{CASES[jobs]}", grace: 30s, max_runtime: 1m'
        lines = [f"  job-{n}: {{{schedule}, {trigger}}}" for n in range(jobs)]
        Path(folder, "jobs.yaml").write_text("\n".join(["defaults: {timezone: UTC}", "jobs:", *lines]) + "\n")
        App.lags = []
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            cwd=folder,
            env=os.environ | {"HEARTBEAT_PING_KEY": KEY, "HEARTBEAT_PORT": "0"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(SECONDS)
        process.terminate()
        process.wait(30)
        return App.lags[jobs:]  # the first slot is the one that was caught up with


def row(jobs: int, port: int) -> dict[str, str | float]:
    """Medians of the rounds."""
    rounds = [sorted(measure(jobs, port)) for _ in range(ROUNDS)]
    return {
        "name": f"lag of a start, {jobs} at once",
        "starts": sum(map(len, rounds)),
        "p50_ms": round(statistics.median(map(statistics.median, rounds)), 1),
        "p99_ms": round(statistics.median(lags[math.ceil(len(lags) * 0.99) - 1] for lags in rounds), 1),
        "max_ms": round(max(lags[-1] for lags in rounds), 1),
    }


def run() -> list[dict[str, str | float]]:
    with Server(("127.0.0.1", 0), App) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        rows = [row(jobs, server.server_port) for jobs in CASES]
        server.shutdown()
    return rows


if __name__ == "__main__":
    for each in run():
        print(each)
