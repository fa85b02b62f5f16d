"""A function as Lambda runs it: the real runtime interface (awslambdaric) in a process that asks this one for work.

Source of the API: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes" (2018-06-01).
"""

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

DEADLINE_SECONDS = 60
PREFIX = "/2018-06-01/runtime/"


class FunctionFailed(Exception):
    """kind: the error's type as the runtime tells it; "Exit" when the process ended."""

    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer takes 40 ms more

    def do_GET(self):
        box = self.server.box
        box.ready.put(time.perf_counter())
        event = box.events.get()
        if event is None:
            self.close_connection = True
            return
        deadline = round((time.time() + DEADLINE_SECONDS) * 1000)
        self.answer(
            200,
            event,
            {
                "Lambda-Runtime-Aws-Request-Id": str(uuid4()),
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:000000000000:function:hb-test",
                "Content-Type": "application/json",
            },
        )

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
        what = "response" if self.path.endswith("/response") else "error"
        self.server.box.answers.put((what, body))
        self.answer(202, b"{}", {})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Sandbox:
    """One instance of a function. For use in `with`.

    folder: what the function holds; python: the interpreter of an environment with awslambdaric and boto3, and nothing
    else: only that and the folder can be imported. environ: what the stack sets. Raises FunctionFailed when it does not
    come up. init_ms: from the start of the process until it asks for its first event.
    """

    def __init__(self, folder, handler, python, **environ):
        self.ready, self.events, self.answers = queue.Queue(), queue.Queue(), queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.box = self
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        given = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",  # without one, boto3 finds the settings of who runs the tests
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_address[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": "hb-test",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "LAMBDA_TASK_ROOT": str(folder),
            "PYTHONPATH": str(folder),
            "PYTHONNOUSERSITE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "_HANDLER": handler,
        }
        begun = time.perf_counter()
        command = [str(python), "-m", "awslambdaric", handler]
        self.process = subprocess.Popen(command, cwd=folder, env=given | environ, stdout=self._log, stderr=self._log)
        try:
            self.init_ms = (self._wait(self.ready) - begun) * 1000
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def invoke(self, event):
        """The function's answer. Raises FunctionFailed."""
        self.events.put(json.dumps(event).encode())
        what, body = self._wait(self.answers)
        if what == "error":
            raise FunctionFailed(body["errorType"], body["errorMessage"])
        self._wait(self.ready)
        return body

    @property
    def log(self):
        """What it has written so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def cpu_seconds(self):
        """Of the process, so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _wait(self, source):
        """The next thing of a queue. Raises FunctionFailed when the function says or does something else instead."""
        end = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < end:
            try:
                return source.get(timeout=0.05)
            except queue.Empty:
                if source is self.ready and not self.answers.empty():
                    _, body = self.answers.get()
                    raise FunctionFailed(body["errorType"], body["errorMessage"]) from None
                if self.process.poll() is not None and source.empty():
                    raise FunctionFailed("Exit", f"status {self.process.returncode}: {self.log[-2000:]}") from None
        raise FunctionFailed("Timeout", self.log[-2000:])

    def close(self):
        self.events.put(None)
        self.process.kill()
        self.process.wait()
        self._server.shutdown()
        self._server.server_close()
        self._log.close()
