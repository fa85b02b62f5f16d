"""A local AWS: ministack, in a process of its own, on loopback."""

import http.client
import os
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
REGION = "eu-west-1"
STARTS_WITHIN = 60
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def tool(name):
    """The folder of the programs of one tool that the tests need."""
    folder = Path(os.environ.get(f"HEARTBEAT_{name.upper()}") or ROOT / ".tools" / name) / "bin"
    assert folder.exists(), f"there is no {folder}; `make .tools/{name}/ready` installs it"
    return folder


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def ministack(folder, **environ):
    """Its URL, while it runs. What it started is ended with it: the reset before the end sees to that."""
    port = free_port()
    given = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [str(tool("ministack") / "ministack")], env=inherited | given | environ, stdout=log, stderr=log, cwd=folder
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, folder / "ministack.log")
        yield url
    finally:
        with suppress(OSError):
            _ask(url, "POST", "/_ministack/reset")
        process.terminate()
        process.wait(30)


def _ask(url, method, path):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request(method, path)
    connection.getresponse().read()
    connection.close()


def _wait(url, process, log):
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        with suppress(OSError, http.client.HTTPException):
            _ask(url, "GET", "/_ministack/health")
            return
        time.sleep(0.1)
    raise AssertionError(f"ministack does not answer: {log.read_text()[-2000:]}")
