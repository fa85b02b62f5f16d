"""Stands for Slack: takes what is posted to its webhook, unless it hangs."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 60
"""Seconds for which a call hangs at most."""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        slack = self.server.slack
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if slack.hanging:
            slack.turned_away += 1
            slack.released.wait(PATIENCE)
            self.answer(500, b"down")
        else:
            slack.told.append(json.loads(body))
            self.answer(200, b"ok")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Slack:
    """told: the messages that it took; turned_away: how many it did not take."""

    def __init__(self):
        self.told, self.hanging, self.turned_away = [], False, 0
        self.released = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.slack = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def about(self, job):
        """The messages whose headline names the job."""
        return [message for message in self.told if job in message["text"]]

    def release(self):
        """Nothing hangs any more; what did is refused."""
        self.hanging = False
        self.released.set()

    def close(self):
        self.release()
        self.server.shutdown()
        self.server.server_close()
