"""`make demo`: a job pings, another one goes missing, the alert arrives, the recovery follows. About half a minute.

Everything is real: the server (`heartbeat serve`) is a process of its own, the jobs are shell loops with curl, the
alerts go to an HTTP receiver on this machine and to the server's console. `--keep` keeps it all running afterwards.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HEARTBEAT = str(Path(sys.executable).with_name("heartbeat"))
KEY = "demo-ping-key"
PATIENCE = 30
MENDING = 5
DIM, CYAN, BOLD = 2, 36, 1
JOBS = """\
defaults: {{timezone: UTC, notify: [screen, receiver]}}
channels:
  screen:   {{console: {{}}}}
  receiver: {{webhook: {{url: "http://127.0.0.1:{port}/alerts", allow_private: true}}}}
jobs:
  clock-sync:
    description: pings every three seconds and never stops
    schedule: every 3s
    grace: 2s
  daily-report:
    description: the one that will go missing
    schedule: every 3s
    grace: 2s
"""
LOOP = 'for i in $(seq {times}); do curl -fsS -m 5 -o /dev/null "{url}"; sleep 3; done'


def styled(text: str, style: int) -> str:
    return f"\033[{style}m{text}\033[0m" if sys.stdout.isatty() else text


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--keep", action="store_true", help="keep everything running until Ctrl-C")
    keep = options.parse_args().keep
    if shutil.which("curl") is None:
        sys.stderr.write("demo: curl is needed; install it (Debian: apt-get install curl) and run make demo again\n")
        return 2
    with ExitStack() as cleanup:
        return Demo(cleanup).play(keep=keep)


class Demo:
    def __init__(self, cleanup: ExitStack) -> None:
        self.cleanup = cleanup
        self.began = time.monotonic()
        self.folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="heartbeat-demo-")))
        self.alerts: list[tuple[float, dict[str, object]]] = []
        self.arrived = threading.Condition()

    def play(self, *, keep: bool) -> int:
        port = self.receive()
        url = self.serve(port)
        self.job(url, "clock-sync", 10_000)
        self.say("clock-sync and daily-report ping every 3 seconds, by curl in a shell loop")
        report = self.job(url, "daily-report", 4)
        report.wait()
        stopped = self.say("daily-report has stopped, and nobody has said so. Heartbeat gives it 3 s + 2 s of grace …")
        missed = self.wait_for("missed")
        self.say("somebody mends it …")
        time.sleep(MENDING)
        back = self.say("daily-report runs again …")
        self.job(url, "daily-report", 10_000 if keep else 3)
        recovered = self.wait_for("recovered")
        self.show("status")
        self.show("explain", "daily-report")
        return self.summary(url, stopped, missed, back, recovered, keep=keep)

    def receive(self) -> int:
        demo = self

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()
                demo.take(body)

            def log_message(self, *_: object) -> None:
                return

        receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        self.cleanup.callback(receiver.shutdown)
        return receiver.server_address[1]

    def take(self, body: dict[str, object]) -> None:
        at = self.say(f"{styled('the receiver got:', BOLD)} {body['summary']}")
        with self.arrived:
            self.alerts.append((at, body))
            self.arrived.notify_all()

    def serve(self, receiver: int) -> str:
        config = self.folder / "jobs.yaml"
        config.write_text(JOBS.format(port=receiver))
        command = [
            HEARTBEAT,
            "serve",
            "--config",
            str(config),
            "--db",
            str(self.folder / "heartbeat.db"),
            "--port",
            "0",
        ]
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={"HEARTBEAT_PING_KEY": KEY, "PATH": ""}
        )
        self.cleanup.callback(self.stop, server)
        url = ""
        for line in server.stdout or ():
            self.server_says(line)
            if "listening on" in line:
                url = line.split()[-1]
                break
        if not url:
            sys.exit("demo: FAILED: the server did not start; it says why above")
        threading.Thread(target=lambda: [self.server_says(line) for line in server.stdout or ()], daemon=True).start()
        self.healthy(url)
        return url

    def server_says(self, line: str) -> None:
        sys.stdout.write(styled(f"          server │ {line.rstrip()}", DIM) + "\n")
        sys.stdout.flush()

    def healthy(self, url: str) -> None:
        for _ in range(PATIENCE * 10):
            try:
                with urllib.request.urlopen(f"{url}/healthz", timeout=5):
                    return
            except urllib.error.URLError:
                time.sleep(0.1)
        sys.exit(f"demo: the server at {url or '(no address)'} did not become healthy within {PATIENCE} s")

    def job(self, url: str, slug: str, times: int) -> subprocess.Popen[bytes]:
        loop = subprocess.Popen(["sh", "-c", LOOP.format(times=times, url=f"{url}/ping/{KEY}/{slug}")])
        self.cleanup.callback(self.stop, loop)
        return loop

    def stop(self, process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
        process.terminate()
        process.wait(30)

    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def say(self, text: str) -> float:
        now = self.elapsed()
        sys.stdout.write(f"{styled(f'{now:6.1f} s', CYAN)}  {text}\n")
        sys.stdout.flush()
        return now

    def wait_for(self, event: str) -> float:
        def found() -> float | None:
            return next((at for at, body in self.alerts if body["event"] == event), None)

        with self.arrived:
            self.arrived.wait_for(lambda: found() is not None, PATIENCE)
            at = found()
        if at is None:
            sys.exit(f"demo: FAILED: no {event!r} alert about daily-report within {PATIENCE} s")
        return at

    def show(self, *command: str) -> None:
        sys.stdout.write(f"\n$ heartbeat {' '.join(command)}\n")
        sys.stdout.flush()
        subprocess.run([HEARTBEAT, *command, "--db", str(self.folder / "heartbeat.db")], check=False)
        sys.stdout.write("\n")

    def summary(self, url: str, stopped: float, missed: float, back: float, recovered: float, *, keep: bool) -> int:
        self.say(f"{styled('Done.', BOLD)} The miss was told {missed - stopped:.1f} s after the job stopped,")
        self.say(
            f"the recovery {recovered - back:.1f} s after it ran again; clock-sync, which ran, was never mentioned."
        )
        wrong = [body["summary"] for _, body in self.alerts if "clock-sync" in str(body)]
        if wrong:
            self.say(f"FAILED: alerts about other jobs arrived: {wrong}")
            return 1
        if not keep:
            self.say('Go on: `make demo ARGS=--keep` keeps it running; then README, "Watch your own jobs".')
            return 0
        self.say(f"Still running at {url}: try `curl {url}/ping/{KEY}/daily-report/fail`. Ctrl-C stops it.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
        return 0


if __name__ == "__main__":
    sys.exit(main())
