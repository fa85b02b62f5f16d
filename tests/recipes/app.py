"""An app on two servers behind a load balancer: the files of a page, run by Ruby, and a balancer of our own."""

import http.client
import json
import os
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pages import ROOT

APPS = Path(__file__).parent / "apps"
SERVERS = ("one", "two")


def until(holds, seconds=30):
    """Wait until this holds; what it gives then."""
    end = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


class Balancer(ThreadingHTTPServer):
    """Hands each call to the next server.

    calls: (server, headers, JSON); away, mute: job -> calls that no server takes, or of which the answer is lost.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ports, self.calls, self.away, self.mute, self._turn, self._lock = {}, [], {}, {}, 0, threading.Lock()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def server_for(self, job):
        """The name of a server, or None."""
        with self._lock:
            if self.away.get(job):
                self.away[job] -= 1
                return None
            self._turn += 1
            return SERVERS[self._turn % len(SERVERS)]

    def close(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        balancer = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = json.loads(body)
        name = balancer.server_for(told["job"])
        balancer.calls.append((name, dict(self.headers.items()), told))
        if name is None:
            self.answer(503, b"no healthy targets")
            return
        connection = http.client.HTTPConnection("127.0.0.1", balancer.ports[name], timeout=20)
        connection.request("POST", self.path, body, dict(self.headers.items()))
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        if balancer.mute.pop(told["job"], 0):
            self.close_connection = True
        else:
            self.answer(response.status, answer)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class App:
    """files: {path: text}. Lives on its servers in `with`, behind a balancer that is there at once."""

    def __init__(self, folder, files, **environ):
        self.folder, self.balancer = folder, Balancer()
        shutil.copytree(APPS / "rails", folder, dirs_exist_ok=True)
        client = (ROOT / "clients" / "ruby" / "heartbeat.rb").read_text(encoding="utf-8")
        for path, text in {"lib/heartbeat.rb": client, **files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **environ}

    def __enter__(self):
        with (self.folder / "said").open("ab") as said:
            self.processes = [
                subprocess.Popen(["ruby", "serve.rb", n], cwd=self.folder, env=self.environ, stdout=said, stderr=said)
                for n in SERVERS
            ]
        places = {name: self.folder / f"port.{name}" for name in SERVERS}
        until(lambda: all(place.exists() for place in places.values()) or any(p.poll() for p in self.processes))
        if not all(place.exists() for place in places.values()):
            self.__exit__()
            raise AssertionError(self.said)
        self.balancer.ports = {name: int(place.read_text()) for name, place in places.items()}
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)
        self.balancer.close()

    @property
    def said(self):
        return (self.folder / "said").read_text(errors="replace")

    @property
    def ran(self):
        """The batches that ran, on whatever server."""
        place = self.folder / "ran"
        return [line.split()[1] for line in place.read_text().splitlines()] if place.exists() else []
