"""Stands for Slack: takes what is posted to its webhook, unless it is down."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        down = self.server.slack.down
        if not down:
            self.server.slack.told.append(json.loads(body)["text"])
        else:
            self.server.slack.turned_away += 1
        text = b"down" if down else b"ok"
        self.send_response(500 if down else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Slack:
    """told: the texts that it took."""

    def __init__(self):
        self.told, self.down, self.turned_away = [], False, 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.slack = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/services/T/B/x"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def about(self, job):
        return [text for text in self.told if job in text]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
