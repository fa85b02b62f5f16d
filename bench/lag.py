"""How late a triggered run starts on one machine: from its slot to its request at the target, through the real server.

Every job has a slot each second, so that all of them are due at the same instant; the app answers at once.
"""

import http.server
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

SECONDS = 31
SERVE = "import sys; from heartbeat import settings, wiring; sys.exit(wiring.serve(settings.read()))"
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


def measure(jobs: int, port: int) -> dict[str, str | float]:
    """With so many jobs at once."""
    with tempfile.TemporaryDirectory() as folder:
        trigger = f'trigger: {{http: {{url: "http://127.0.0.1:{port}/"}}}}'
        lines = [
            f'  job-{n}: {{schedule: "*-*-* *:*:00/5", grace: 30s, max_runtime: 1m, {trigger}}}' for n in range(jobs)
        ]
        Path(folder, "jobs.yaml").write_text("\n".join(["defaults: {timezone: UTC}", "jobs:", *lines]) + "\n")
        given = {"HEARTBEAT_PING_KEY": KEY, "HEARTBEAT_PORT": "0"}
        App.lags = []
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            cwd=folder,
            env=os.environ | given,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(SECONDS)
        process.terminate()
        process.wait(30)
        lags = sorted(App.lags[jobs:])  # the first slot is the one that was caught up with
    return {
        "name": f"lag of a start, {jobs} at once",
        "starts": len(lags),
        "p50_ms": round(statistics.median(lags), 1),
        "p99_ms": round(lags[int(len(lags) * 0.99) - 1], 1),
        "max_ms": round(lags[-1], 1),
    }


def run() -> list[dict[str, str | float]]:
    with Server(("127.0.0.1", 0), App) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        rows = [measure(jobs, server.server_port) for jobs in (1, 20, 100)]
        server.shutdown()
    return rows


if __name__ == "__main__":
    for row in run():
        print(row)
