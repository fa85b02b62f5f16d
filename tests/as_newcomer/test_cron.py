"""The real cron daemon runs a crontab line that pings every minute; the line is removed; the alert comes in time."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

HEARTBEAT = Path(sys.executable).with_name("heartbeat")
GRACE = 5
PATIENCE = 150
KEY = "cron-test-key"
TABLE = Path("/etc/cron.d/heartbeat-test")
CONFIG = """
defaults: {{timezone: UTC, grace: {grace}s, notify: [hook]}}
channels:
  hook: {{webhook: {{url: "http://127.0.0.1:{port}/", allow_private: true}}}}
jobs:
  minutely: {{schedule: "* * * * *"}}
"""

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        shutil.which("cron") is None and "CI" not in os.environ, reason="needs Debian's cron: apt-get install cron"
    ),
    pytest.mark.skipif(os.geteuid() != 0 and "CI" not in os.environ, reason="only root may start a cron daemon"),
]


@pytest.fixture
def alerts():
    """A real HTTP receiver: (port, what arrived as (seconds since the epoch, body))."""
    got = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()
            got.append((time.time(), body))

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1], got
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def server(tmp_path, alerts):
    """A running `heartbeat serve` that watches the job `minutely`: its address. Its folder is tmp_path."""
    (tmp_path / "jobs.yaml").write_text(CONFIG.format(port=alerts[0], grace=GRACE))
    environ = os.environ | {"HEARTBEAT_PING_KEY": KEY}
    command = [HEARTBEAT, "serve", "--config", "jobs.yaml", "--db", "heartbeat.db", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as process:
        line = next(line for line in process.stdout if "listening on" in line)
        yield line.split()[-1]
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def crontab(server):
    """A line in /etc/cron.d that pings every minute, carried out by a cron daemon: ours, unless one runs already."""
    pid = Path("/run/crond.pid")
    runs = pid.exists() and Path(f"/proc/{pid.read_text().strip()}").exists()
    daemon = None if runs else subprocess.Popen(["cron", "-f"])
    TABLE.write_text(f"* * * * * root curl -fsS -m 10 -o /dev/null {server}/ping/{KEY}/minutely\n")
    TABLE.chmod(0o644)
    yield TABLE
    TABLE.unlink(missing_ok=True)
    if daemon is not None:
        daemon.terminate()
        daemon.wait(10)


def wait_until(true, seconds):
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.1)
    return true()


def status(folder):
    command = [HEARTBEAT, "status", "minutely", "--db", "heartbeat.db", "--json"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    return json.loads(found.stdout)["jobs"][0]["status"]


def test_the_alert_comes_within_grace_and_five_seconds_after_cron_stops(tmp_path, alerts, crontab):
    got = alerts[1]
    assert wait_until(lambda: status(tmp_path) == "up", PATIENCE), "cron never pinged"
    crontab.unlink()
    before = len(got)  # a first slot that went by while cron was reading its table
    assert wait_until(lambda: len(got) > before, PATIENCE), "no alert came"
    at, body = got[before]
    assert (body["event"], body["alerts"][0]["job"]) == ("missed", "minutely")
    slot = datetime.fromisoformat(body["alerts"][0]["expected"]).timestamp()
    assert slot + GRACE <= at <= slot + GRACE + 5, f"the alert came {at - slot:.1f} s after the slot"
