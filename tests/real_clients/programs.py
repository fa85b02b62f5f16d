"""Other people's programs, run as their users run them, and the jobs of ours that they tell about."""

import contextlib
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from served import KEY, Served

from heartbeat.store.sqlite.store import SQLiteStore

TOOLS = Path(__file__).parents[2] / ".tools" / "real_clients"
"""Made by the Makefile. A program that is missing there fails its test."""
INHERITED = ("HOME", "LANG", "PATH", "TMPDIR")


class Programs:
    """Runs them in a folder of their own, with nothing in the environment that they were not given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self.environ["PATH"] = f"{folder}:{TOOLS / 'bin'}:{os.environ['PATH']}"

    def __call__(self, *command: str, seconds: float = 40, **environ: str) -> subprocess.CompletedProcess[str]:
        environ = self.environ | environ
        return subprocess.run(
            command, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=seconds, check=False
        )

    def python(self, script: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """The Python that has the clients."""
        return self(str(TOOLS / "bin" / "python"), "-c", script, *arguments, **environ)

    def node(self, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """CommonJS: `require` finds what npm put there, and nothing else."""
        return self(str(TOOLS / "bin" / "node"), "-e", script, NODE_PATH=str(TOOLS / "node_modules"), **environ)

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return path


@dataclass(frozen=True)
class Job:
    """One of ours, and where its clients find it."""

    server: Served
    slug: str
    uuid: str

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def url(self) -> str:
        return f"{self.base}/ping/{KEY}/{self.slug}"

    @property
    def token(self) -> str:
        return f"{KEY}.{self.slug}"

    @property
    def dsn(self) -> str:
        """Sentry's address of a project."""
        return f"http://{KEY}@127.0.0.1:{self.server.port}/sentry/42"

    def signals(self) -> list:
        """In the order in which they came."""
        return self.server.history(self.slug)[::-1]

    def told(self) -> list[str]:
        return [f"{signal.kind} {signal.body}".rstrip() for signal in self.signals()]

    def state(self):
        with contextlib.closing(SQLiteStore(self.server.db)) as store:
            return store.load([self.slug])[self.slug].state


def jobs_of(server: Served, slugs: list[str]) -> list[Job]:
    with contextlib.closing(SQLiteStore(server.db)) as store:
        return [Job(server, slug, snapshot.uuid) for slug, snapshot in sorted(store.load(slugs).items())]


def everything(server: Served) -> dict[str, int]:
    """Every job there is, with how many lines its history has."""
    with contextlib.closing(SQLiteStore(server.db)) as store:
        return {one.job.slug: len(store.history(one.job.slug, 10_000)) for one in store.page("", 500)}


def closed_port() -> int:
    """One that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
