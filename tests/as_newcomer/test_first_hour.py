"""The first hour, with nothing but README.md: every block of "Watch your own jobs" is typed as it stands there.

A fresh checkout, a fresh venv, a home without anything, a sysadmin's crontab of 41 lines. What was typed and what came
is kept in `transcript`, to look at.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from checkout import ROOT, checkout

CRONTAB = Path(__file__).with_name("crontab_of_a_sysadmin")
SECTION = (
    (ROOT / "README.md").read_text(encoding="utf-8").partition("## Watch your own jobs\n")[2].partition("\n## ")[0]
)
YAML, FIRST, SECOND = re.findall(r"^```\w+\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
MINUTE = 60

pytestmark = pytest.mark.timeout(900)


class Newcomer:
    """Somebody at a terminal, in the checkout."""

    def __init__(self, folder):
        self.folder = checkout(folder / "checkout")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        own = folder / "bin"
        own.mkdir()
        (own / "python3").symlink_to(sys.executable)
        (own / "crontab").write_text(f'#!/bin/sh\n[ "$*" = -l ] && cat {CRONTAB}\n')
        (own / "crontab").chmod(0o755)
        proxies = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "http"))}
        self.environ = proxies | {
            "PATH": f"{own}:/usr/bin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "TZ": "Asia/Tokyo",
            "HEARTBEAT_PORT": str(self.port),  # 8000 may be somebody else's
            "PIP_CONSTRAINT": str(self.folder / "requirements.lock"),
        }
        self.transcript, self.screen = folder / "transcript", []

    def type(self, text, *, fine=(0,)):
        """Type it into the shell: what came on standard output, and on standard error."""
        done = subprocess.run(
            ["bash", "-e", "-c", text], cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False
        )
        with self.transcript.open("a") as file:
            file.write(f"$ {text}\n{done.stdout}{done.stderr}\n")
        assert done.returncode in fine, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout, done.stderr

    def serve(self, text):
        """The same with what does not end; its lines come onto `screen`."""
        self.screen = []
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec {text}"], cwd=self.folder, env=self.environ, stdout=subprocess.PIPE, text=True
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        assert self.sees("listening on", 20)

    def _read(self):
        for line in self.process.stdout:
            self.screen.append(line)

    def sees(self, words, seconds):
        """Wait until there is something on the screen of the server: the line."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [line for line in [*self.screen] if words in line]
            if found:
                return found[0]
            time.sleep(0.05)
        return ""

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(30)
        self.reader.join()
        self.process.stdout.close()
        return status

    def ping(self, key, job):
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/ping/{key}/{job}") as answer:
                return answer.status
        except HTTPError as answer:
            with answer:
                return answer.code


@pytest.fixture
def newcomer(tmp_path):
    somebody = Newcomer(tmp_path)
    yield somebody
    if somebody.process.poll() is None:
        somebody.stop()


def command(block, begins):
    """The one line of a block that begins so, without its remark."""
    [line] = [line for line in block.splitlines() if line.startswith(begins)]
    return line.partition("  #")[0].strip()


def test_the_first_hour_as_the_readme_says(newcomer):
    (newcomer.folder / "jobs.yaml").write_text(YAML)
    serve = command(FIRST, "heartbeat serve")
    before = FIRST.partition("heartbeat serve")[0]
    assert "fine, 4 jobs" in newcomer.type(before)[0]
    newcomer.environ["PATH"] = f"{newcomer.folder}/venv/bin:{newcomer.environ['PATH']}"
    newcomer.environ["SLACK_WEBHOOK"] = re.search(r"SLACK_WEBHOOK=(\S+)", FIRST)[1]

    begun = time.monotonic()
    newcomer.serve(serve)
    assert newcomer.sees("MISSED first-alert", MINUTE)
    assert time.monotonic() - begun < MINUTE
    key = re.search(r"/ping/(\w+)/", newcomer.sees("try it", 1))[1]

    for line in SECOND.splitlines():
        newcomer.type(line, fine=(0, 1) if "status" in line else (0,))  # first-alert is down
    assert newcomer.ping(key, "daily-report") == 200
    the_key_was_rotated(newcomer, key)
    the_crontab_was_imported(newcomer)
    the_backup_is_restored(newcomer, serve)
    assert "Traceback" not in newcomer.transcript.read_text()


def the_crontab_was_imported(newcomer):
    assert len(CRONTAB.read_text().splitlines()) == 41
    newcomer.type("crontab -l > crontab && heartbeat import crontab crontab --diff | patch -p1")
    said = newcomer.type("heartbeat import crontab crontab > again.yaml")[1]
    assert said.count("not imported: @reboot") == 1
    newcomer.type("heartbeat check again.yaml")
    lines = (newcomer.folder / "crontab").read_text().splitlines()
    assert len(lines) == 41
    assert sum("heartbeat exec" in line for line in lines) == 28
    key = newcomer.type("heartbeat key show")[0].split()[0]
    as_cron = lines[-1].split(None, 5)[5]
    newcomer.type(f"HEARTBEAT_URL=http://127.0.0.1:{newcomer.port} HEARTBEAT_PING_KEY={key} sh -c '{as_cron}'")
    assert '"standing": "up"' in newcomer.type("heartbeat status date --json")[0]


def the_key_was_rotated(newcomer, old):
    new = newcomer.type("heartbeat key show")[0].split()[0]
    assert new != old
    assert newcomer.sees("listening on", 1)
    deadline = time.monotonic() + 10
    while newcomer.ping(new, "worker") != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [newcomer.ping(new, "worker"), newcomer.ping(old, "worker")] == [200, 200]
    assert "ann: read" in newcomer.type("heartbeat key list")[0]


def the_backup_is_restored(newcomer, serve):
    key = newcomer.type("heartbeat key show")[0].split()[0]
    assert newcomer.stop() == 0
    (newcomer.folder / "heartbeat.db").write_bytes(b"a disk that forgot")
    shutil.copy(newcomer.folder / "copy.db", newcomer.folder / "kept.db")
    restore = re.search(r"heartbeat restore \S+", SECOND)[0]
    newcomer.type(restore)
    newcomer.serve(serve)
    assert newcomer.ping(key, "daily-report") == 200
    assert newcomer.type("heartbeat status --json", fine=(0, 1))[0].count('"job": ') >= 4 + 28
    told = newcomer.type(command(SECOND, "heartbeat doctor"))[0]
    assert ("nothing is wrong" in told, "warning" in told, "problem" in told) == (True, False, False)
