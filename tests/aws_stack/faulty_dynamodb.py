"""A way to DynamoDB with faults: it passes requests on, or delays or refuses them when told to."""

import http.client
import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

THROTTLED = {
    "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    "message": "The level of configured provisioned throughput for the table was exceeded",
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        faults = self.server.faults
        faults.seen.append(operation)
        if operation in faults.slow:
            time.sleep(faults.delay)
        if faults.refusing > 0:
            faults.refusing -= 1
            faults.refused += 1
            answer = 400, json.dumps(THROTTLED).encode()
        else:
            answer = self.passed_on(body)
        with suppress(ConnectionError):  # whoever asked may have been killed
            self.answer(*answer)

    def passed_on(self, body):
        connection = http.client.HTTPConnection(self.server.faults.target, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection.request("POST", self.path, body, headers)
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Faults:
    """refusing: so many requests are throttled; slow: these operations take `delay` seconds more; seen: all of them."""

    def __init__(self, target):
        self.target = urlsplit(target).netloc
        self.refusing, self.refused, self.slow, self.delay, self.seen = 0, 0, frozenset(), 0.0, []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.faults = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
