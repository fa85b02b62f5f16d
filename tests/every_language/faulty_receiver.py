"""A receiver on a real socket that answers each job as it is told to, and keeps what it was sent."""

import contextlib
import http.server
import json
import ssl
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, kw_only=True)
class Received:
    method: str
    url: str
    body: bytes
    headers: dict[str, str]
    when: float

    @property
    def path(self) -> list[str]:
        """Decoded, without the first slash: ["ping", key, slug, kind]."""
        return [unquote(part) for part in urlsplit(self.url).path.split("/")[1:]]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query))

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def job(self) -> str:
        """Whom it is about: a ping of its path, evidence of its key."""
        if self.method == "PUT":
            return self.path[-2]
        return self.path[2] if self.path[0] == "ping" and len(self.path) > 2 else ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    body: bytes = b"OK"
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    drip: bool = False
    """Whether the body comes so slowly that it never ends, and never so slowly that a read would time out."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Any
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.receiver.take(self)

    do_PUT = do_GET = do_POST  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a client that gives up is what some tests are about


class Receiver:
    def __init__(self, certificate=None):
        self.seen: list[Received] = []
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self.closing = threading.Event()
        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.receiver = self
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"http{'s' if certificate else ''}://localhost:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def about(self, job):
        """What came for a job."""
        return [one for one in self.seen if one.job == job]

    def take(self, request):
        received = Received(
            method=request.command,
            url=request.path,
            body=request.rfile.read(int(request.headers.get("Content-Length", 0))),
            headers={name.lower(): value for name, value in request.headers.items()},
            when=time.monotonic(),
        )
        self.seen.append(received)
        answers = self.answers[received.job]
        answer = answers.pop(0) if len(answers) > 1 else (answers or [Answer()])[0]
        if answer.hang:
            self.closing.wait(30)
            request.close_connection = True
            return
        with contextlib.suppress(OSError):  # the client has gone
            self._say(request, answer)

    def _say(self, request, answer):
        request.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
            request.send_header(name, value)
        request.end_headers()
        while answer.drip and not self.closing.wait(0.05):
            request.wfile.write(b".")
        request.wfile.write(answer.body)
