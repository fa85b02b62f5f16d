"""What the client costs a job: importing it, a first ping to a server on the same machine, and every later one.

The first are medians over fresh interpreters, less the median of interpreters that do nothing. Compiled modules
are cached, as Python does unless it is told not to. A later ping stands beside the same POST by http.client.
"""

import contextlib
import http.client
import http.server
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import heartbeat

ROOT = Path(__file__).parents[1]
RUNS = 21
PINGS = 300
NOTHING, IMPORT, PING = "pass", "import heartbeat", "import heartbeat; assert heartbeat.ping('bench')"


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes every ping, and counts."""

    connections = requests = 0

    def setup(self) -> None:
        """A connection."""
        Receiver.connections += 1
        super().setup()

    def do_POST(self) -> None:
        """Answers 200."""
        Receiver.requests += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: lines on the terminal take time."""


def seconds(code: str, environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    return time.perf_counter() - began


def medians(environment: dict[str, str]) -> dict[str, float]:
    """Milliseconds by code; in turns, so that what else the machine does falls on all alike."""
    seconds(PING, environment)  # compiles and warms the file cache
    taken = [{code: seconds(code, environment) for code in (NOTHING, IMPORT, PING)} for _ in range(RUNS)]
    return {code: 1000 * statistics.median(turn[code] for turn in taken) for code in (NOTHING, IMPORT, PING)}


def later(port: int) -> list[dict[str, str | float]]:
    """One process, one ping after another."""
    taken: dict[str, list[float]] = {"ping": [], "bare": []}
    before = Receiver.connections, Receiver.requests
    for _ in range(PINGS):
        began = time.perf_counter()
        heartbeat.ping("bench", timeout=10, raise_errors=True)
        taken["ping"].append(time.perf_counter() - began)
        began = time.perf_counter()
        bare(port)
        taken["bare"].append(time.perf_counter() - began)
    connections, requests = Receiver.connections - before[0] - PINGS, Receiver.requests - before[1] - PINGS
    medians = {name: 1000 * statistics.median(each) for name, each in taken.items()}
    return [
        {"name": "client: a later ping", "value": round(medians["ping"], 2), "unit": "ms"},
        {"name": "the same POST by http.client", "value": round(medians["bare"], 2), "unit": "ms"},
        {"name": "connections a ping", "value": connections / PINGS, "unit": ""},
        {"name": "round trips a ping", "value": requests / PINGS, "unit": ""},
    ]


def bare(port: int) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("POST", "/ping/bench/bench", b"")
        connection.getresponse().read()


def run() -> list[dict[str, str | float]]:
    with tempfile.TemporaryDirectory() as cache, http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        told = {"HEARTBEAT_URL": url, "HEARTBEAT_PING_KEY": "bench", "NO_PROXY": "127.0.0.1"}
        took = medians(os.environ | told | {"PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""})
        os.environ.update(told)
        afterwards = later(server.server_port)
        server.shutdown()
    return [
        {"name": "client: import heartbeat", "value": round(took[IMPORT] - took[NOTHING], 1), "unit": "ms"},
        {"name": "client: import and first ping", "value": round(took[PING] - took[NOTHING], 1), "unit": "ms"},
        *afterwards,
    ]


if __name__ == "__main__":
    for row in run():
        print(f"{row['name']:32}{row['value']:8} {row['unit']}")
