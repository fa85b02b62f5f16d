"""A local HTTP server that keeps what it is sent and answers what it is told to."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def form(self):
        """What an SDK sent as JSON or as a form."""
        return self.json if self.body.startswith(b"{") else dict(parse_qsl(self.body.decode()))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_request(self):
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, self.rfile.read(length))
        self.server.asked.append(asked)
        status, headers, body = self.server.answer(asked)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_GET = handle_request  # noqa: N815  (the names that http.server looks for)

    def log_message(self, *_):
        pass


class Receiver(ThreadingHTTPServer):
    """asked: what came in; answer: a function from what was asked to (status, headers, body)."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, host="127.0.0.1"):
        super().__init__((host, 0), Handler)
        self.asked = []
        self.script = []
        self.otherwise = (200, {}, b"ok")

    def answer(self, _asked):
        return self.script.pop(0) if self.script else self.otherwise

    def handle_error(self, *_):
        pass  # a client that hangs up is what some tests are about

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def listening(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
