"""A real server in a process of its own, and plain sockets to talk to it."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from heartbeat.model import NEVER
from heartbeat.store.sqlite.store import SQLiteStore

KEY = "testpingkey0000000000"  # letters and digits: @sentry/node takes nothing else
SERVE = "from heartbeat import settings; from heartbeat.doors.server.wiring import serve; exit(serve(settings.read()))"
JOBS = """\
defaults: {timezone: UTC, grace: 10m, notify: [screen]}
channels: {screen: {console: {}}}
jobs:
  daily-report: {schedule: "0 9 * * *"}
  backup: {schedule: "every 1h"}
"""


def until(done, seconds=20):
    """Wait until it is so; it must be within so many seconds."""
    limit = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < limit
        time.sleep(0.02)


class Served:
    """One server; `stop` ends it, and so does leaving the `with`."""

    def __init__(self, folder: Path, *, jobs: str | None = JOBS, **environ: str) -> None:
        self.folder, self.db = folder, folder / "heartbeat.db"
        if jobs is not None:
            (folder / "jobs.yaml").write_text(jobs)
        given = {"HEARTBEAT_PING_KEY": KEY, "HEARTBEAT_PORT": "0", "PYTHONWARNINGS": "error"} | environ
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HEARTBEAT_")}
        with (folder / "errors").open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE], cwd=folder, env=inherited | given, stdout=subprocess.PIPE, stderr=errors
            )
        self.said = self._hear()
        self.port = int(found[1]) if (found := re.search(r"listening on http://\S+:(\d+)", self.said)) else 0

    def _hear(self) -> str:
        """The lines up to the last of the hello, or all there were before it ended. The rest is read and dropped."""
        lines = []
        for line in self.process.stdout:
            lines.append(line.decode())
            if "stop  " in lines[-1]:
                self.drain = threading.Thread(target=self.process.stdout.read)
                self.drain.start()
                break
        return "".join(lines)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)

    @property
    def front(self) -> int:
        """The process that speaks HTTP, 0 while there is none."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    @property
    def log(self) -> str:
        return (self.folder / "errors").read_text()

    def stop(self, number: int = signal.SIGTERM, seconds: float = 20) -> int:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        status = self.process.wait(seconds)
        if hasattr(self, "drain"):
            self.drain.join()
        self.process.stdout.close()
        return status

    def connect(self, seconds: float = 10) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), seconds)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> "Answer":
        """One request on a connection of its own."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()})

    def ping(self, rest: str, method: str = "GET", body: bytes | None = None, **headers: str) -> "Answer":
        return self.ask(method, f"/ping/{KEY}/{rest}", body, **headers)

    def history(self, slug: str, limit: int = 100_000) -> list:
        """The signals of a job, newest first."""
        with contextlib.closing(SQLiteStore(self.db)) as store:
            return [entry.signal for entry in store.history(slug, limit) if entry.signal]

    def errors(self) -> str:
        """Why alerts wait."""
        with contextlib.closing(SQLiteStore(self.db)) as store:
            return "; ".join(row.error for row in store.outbox(NEVER - 1, 10_000))

    def document(self, name: str):
        with contextlib.closing(SQLiteStore(self.db)) as store:
            return store.document(name).value


class Answer:
    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.status, self.body, self.headers = status, body, headers

    @property
    def said(self) -> tuple[int, str]:
        return self.status, self.body.decode()


class Wire:
    """A connection, byte by byte."""

    def __init__(self, server: Served, seconds: float = 10) -> None:
        self.socket = server.connect(seconds)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self, *, head: bool = False) -> Answer | None:
        """The next answer on this connection; None when it was closed."""
        line = self.file.readline()
        if not line:
            return None
        headers = {}
        while (text := self.file.readline().decode().strip()) != "":
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        body = b"" if head else self.file.read(int(headers.get("content-length", 0)))
        return Answer(int(line.split()[1]), body, headers)

    def ping(self, rest: str, *, method: str = "GET", headers: str = "", body: bytes = b"") -> None:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self.send(f"{method} /ping/{KEY}/{rest} HTTP/1.1\r\nHost: x\r\n{headers}{length}\r\n".encode() + body)
