"""A receiver of pings on a real socket, which answers as it is told to."""

import contextlib
import http.server
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@dataclass(frozen=True, kw_only=True)
class Received:
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]

    @property
    def kind(self) -> str:
        """What stands after /ping/<key>/<slug>."""
        return "/".join(self.path.split("/")[4:])


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    body: bytes = b"OK"
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False


class Handler(http.server.BaseHTTPRequestHandler):
    server: Any

    def do_POST(self):
        self.server.receiver.take(self)

    def log_message(self, *_):
        pass


class Receiver:
    def __init__(self):
        self.pings: list[Received] = []
        self.answers: list[Answer] = []
        self.closing = threading.Event()
        self.arrived = threading.Condition()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.receiver = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def answer(self, *answers):
        """What to say to the next pings; after these, 200 OK."""
        self.answers += answers

    def take(self, request):
        url = urlsplit(request.path)
        length = int(request.headers["Content-Length"])
        ping = Received(
            method=request.command,
            path=url.path,
            query=dict(parse_qsl(url.query)),
            body=request.rfile.read(length),
            headers=dict(request.headers),
        )
        with self.arrived:
            self.pings.append(ping)
            answer = self.answers.pop(0) if self.answers else Answer()
            self.arrived.notify_all()
        if answer.hang:
            self.closing.wait(30)
            return
        with contextlib.suppress(OSError):  # the client has gone
            self._say(request, answer)

    @staticmethod
    def _say(request, answer):
        request.send_response(answer.status)
        for name, value in answer.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(answer.body)))
        request.end_headers()
        request.wfile.write(answer.body)

    def wait_for(self, count):
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.pings) >= count, timeout=10)
        return self.pings

    def kinds(self):
        return [ping.kind for ping in self.pings]

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver(monkeypatch):
    """A server for the pings, and the environment that points to it; a second there is a long time."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    receiver = Receiver()
    monkeypatch.setenv("HEARTBEAT_URL", receiver.url)
    monkeypatch.setenv("HEARTBEAT_PING_KEY", "the-key")
    monkeypatch.setenv("HEARTBEAT_TIMEOUT", "1")
    monkeypatch.delenv("HEARTBEAT_RAISE", raising=False)
    yield receiver
    receiver.close()


@pytest.fixture
def saying():
    return Answer


@pytest.fixture
def nobody(receiver, monkeypatch):
    """A server that is down: nothing listens where HEARTBEAT_URL points."""
    assert receiver.pings == []
    url = "http://127.0.0.1:9"  # discard: a privileged port, and nobody offers the service any more
    monkeypatch.setenv("HEARTBEAT_URL", url)
    return url
