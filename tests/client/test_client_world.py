"""The world around a job: TLS, servers that drip, interpreters that end."""

import contextlib
import http.server
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import heartbeat

ROOT = Path(__file__).parents[2]


def python(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )


def test_importing_it_imports_next_to_nothing():
    """Each of these would cost more than the client itself; `heartbeat` must be free to import anywhere."""
    shown = python(
        "import sys; before = set(sys.modules); import heartbeat; print(*sorted(set(sys.modules) - before))"
    ).stdout.split()
    assert set(shown) - {"__future__"} == {"heartbeat", "heartbeat.client"}


def test_the_client_is_one_file_that_can_be_copied(receiver, tmp_path):
    shutil.copy(ROOT / "heartbeat" / "client.py", tmp_path / "heartbeat_client.py")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import heartbeat_client; heartbeat_client.ping('j')"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert receiver.kinds() == [""]


def test_the_file_to_copy_is_this_client():
    copy = ROOT / "clients" / "python" / "heartbeat.py"
    original = ROOT / "heartbeat" / "client.py"
    assert copy.read_text() == original.read_text(), f"cp {original} {copy}"


def test_a_ping_from_atexit_arrives(receiver):
    python("import atexit, heartbeat; atexit.register(heartbeat.ping, 'j')")
    assert receiver.kinds() == [""]


def test_a_ping_arrives_where_no_thread_can_start(receiver):
    python(
        "import threading, heartbeat\n"
        "def start(self): raise RuntimeError('no more threads')\n"
        "threading.Thread.start = start\n"
        "assert heartbeat.ping('j')"
    )
    assert receiver.kinds() == [""]


@pytest.fixture
def drip():
    """A server that sends a byte now and then, so that no single read ever times out."""
    done = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while not done.is_set():
                connection, _ = listener.accept()
                with connection:
                    while not done.wait(0.05):
                        connection.sendall(b"H")

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/ping/00000000-0000-4000-8000-000000000000"
    done.set()
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_a_server_that_drips_cannot_hold_the_job(drip, capsys):
    began = time.monotonic()
    assert heartbeat.ping(drip, timeout=0.2) is False
    assert time.monotonic() - began < 1
    assert "did not answer within 0.2 s" in capsys.readouterr().err


@pytest.fixture
def stranger(tmp_path):
    """An https server whose certificate nobody has signed."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    pem = tmp_path / "stranger.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    subprocess.run([*made.split(), "-keyout", pem, "-out", tmp_path / "cert"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", pem)
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(self.path)

    class Quiet(http.server.HTTPServer):
        def handle_error(self, *_):
            pass

    with Quiet(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://localhost:{server.server_port}", seen
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("receiver")
def test_a_certificate_that_nobody_signed_is_refused(stranger, monkeypatch, capsys):
    url, seen = stranger
    monkeypatch.setenv("HEARTBEAT_URL", url)
    assert heartbeat.ping("j") is False
    assert "CERTIFICATE_VERIFY_FAILED" in capsys.readouterr().err
    assert seen == []
