"""A folder with somebody's project in it, and what a real server was told by what runs there."""

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from served import KEY, Served
from snippets import ROOT, Block

from heartbeat.store.sqlite.store import SQLiteStore

APPS = Path(__file__).parent / "apps"
TOOLS = ROOT / ".tools" / "frameworks" / "bin"
"""Made by the Makefile. What is missing there fails its test."""
CLIENTS = {
    "python": (ROOT / "heartbeat" / "client.py", "heartbeat.py"),
    "ruby": (ROOT / "clients" / "ruby" / "heartbeat.rb", "lib/heartbeat.rb"),
    "php": (ROOT / "clients" / "php" / "Heartbeat.php", "lib/Heartbeat.php"),
    "shell": (ROOT / "clients" / "shell" / "heartbeat.sh", "bin/heartbeat.sh"),
}
"""One file each, and where the page says that it goes."""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Project:
    def __init__(self, folder: Path, server: Served) -> None:
        self.folder, self.base = folder, f"http://127.0.0.1:{server.port}"
        self.bin = folder / "bin"
        self.told = {"HEARTBEAT_URL": self.base, "HEARTBEAT_PING_KEY": KEY}
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}

    def make(self, app: str, *clients: str) -> "Project":
        """What surrounds the snippet: the project's own files and the clients it has copied."""
        if app:
            shutil.copytree(APPS / app, self.folder, dirs_exist_ok=True)
        for source, place in (CLIENTS[client] for client in clients):
            self.write(place, source.read_text(encoding="utf-8"), 0o755)
        return self

    def put(self, block: Block) -> str:
        """The block, in the file that it says it is: its path."""
        self.write(block.path, block.text)
        return block.path

    def write(self, path: str, text: str, mode: int = 0o644) -> Path:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        place.chmod(mode)
        return place

    def program(self, name: str, text: str) -> Path:
        """A job of somebody's, in bin/."""
        return self.write(f"bin/{name}", f"#!/bin/sh\n{text}\n", 0o755)

    def outcomes(self, *words: str) -> None:
        """How the next calls of the job's own work end: `ok`, or the name of an exception."""
        self.write("outcomes", "\n".join(words))

    def run(self, *command: str, seconds: float = 30, **environ: str) -> subprocess.CompletedProcess[str]:
        """With the two variables that the page asks for."""
        return self.bare(*command, seconds=seconds, **self.told, **environ)

    def bare(self, *command: str, seconds: float = 30, **environ: str) -> subprocess.CompletedProcess[str]:
        """With no variable but these (and PATH, HOME, LANG, if they are not among them)."""
        given = self.environ | environ
        return subprocess.run(
            command, cwd=self.folder, env=given, capture_output=True, text=True, timeout=seconds, check=False
        )

    def begin(self, *command: str) -> subprocess.Popen[bytes]:
        """Something that runs until it is ended; what it says goes into the file `said`."""
        with (self.folder / "said").open("ab") as said:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environ | self.told,
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
            )

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text(errors="replace")


class Heard:
    """What the server was told of one job since this was made, in the order in which it came."""

    def __init__(self, server: Served, slug: str) -> None:
        self.server, self.slug = server, slug
        self.before = len(server.history(slug))

    def signals(self) -> list:
        found = self.server.history(self.slug)
        return found[: len(found) - self.before][::-1]

    def kinds(self) -> list[str]:
        return [str(signal.kind) for signal in self.signals()]

    def told(self) -> list[str]:
        """Kind, exit status if there is one, and body."""
        parts = ((one.kind, "" if one.exit_status is None else one.exit_status, one.body) for one in self.signals())
        return [" ".join(str(part).strip() for part in each if part != "") for each in parts]

    def run(self) -> list:
        """All signals, which must be those of one run."""
        signals = self.signals()
        assert len({signal.run_id for signal in signals}) == 1, [signal.run_id for signal in signals]
        assert UUID.fullmatch(signals[0].run_id)
        return signals

    def incident(self):
        """The job's open one, None while there is none."""
        with contextlib.closing(SQLiteStore(self.server.db)) as store:
            return store.load([self.slug])[self.slug].state.incident

    def wait(self, enough: Callable[[list], bool], seconds: float = 30) -> list:
        """All signals, once they are enough (or when the patience is over: the test's own assertions say of what)."""
        end = time.monotonic() + seconds
        while not enough(self.signals()) and time.monotonic() < end:
            time.sleep(0.1)
        return self.signals()


def runs_of(signals: list) -> list[list]:
    """Signals by their run, in the order in which the runs began."""
    runs: dict[str, list] = {}
    for signal in signals:
        runs.setdefault(signal.run_id, []).append(signal)
    return list(runs.values())
