"""What a server may answer, to the byte: the client reads HTTP itself."""

import contextlib
import socket
import threading

import pytest

import heartbeat

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


@pytest.fixture
def answering(monkeypatch):
    """A server that answers every request with these bytes, and says what it was asked."""
    asked, done = [], []

    def serve(listener, answer):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    asked.append(connection.recv(65_536))
                    connection.sendall(answer)

    def start(answer, family=socket.AF_INET, host="127.0.0.1"):
        listener = socket.create_server((host, 0), family=family)
        thread = threading.Thread(target=serve, args=(listener, answer))
        thread.start()
        done.append((listener, thread))
        shown = f"[{host}]" if ":" in host else host
        monkeypatch.setenv("HEARTBEAT_URL", f"http://{shown}:{listener.getsockname()[1]}")
        monkeypatch.setenv("HEARTBEAT_PING_KEY", "the-ping-key")
        return asked

    yield start
    for listener, thread in done:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 201 Created\nX: \xff\n\nCreated",
    ],
)
def test_what_is_taken(answering, answer):
    asked = answering(answer)
    assert heartbeat.ping("j", "3 rows", raise_errors=True)
    head, _, body = asked[0].partition(b"\r\n\r\n")
    assert body == b"3 rows"
    assert head.startswith(b"POST /ping/the-ping-key/j?at=")
    assert {b"Connection: close", b"Content-Length: 6"} <= set(head.split(b"\r\n"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nnonsense", "answered 404 'non'; check the job's name"),
        (b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nwrong\r\n0\r\n\r\n", "answered 400 'wrong'"),
        (b"HTTP/1.1 409 X\r\nHEARTBEAT-hint:  which one? \r\n\r\n", "answered 409 ''; which one?"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "answered 302 ''; redirects are not followed"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 9999\r\n\r\n" + b"x" * 9_999, f"answered 403 '{'x' * 200}'; "),
        (b"", "cannot be reached (no answer in HTTP)"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be reached (no answer in HTTP)"),
        (b"HTTP/1.1 many\r\n\r\n", "cannot be reached (invalid literal"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 400, "answered 100 "),
    ],
)
def test_what_is_not(answering, capsys, answer, said):
    answering(answer)
    assert heartbeat.ping("j", timeout=0.2) is False
    assert said in capsys.readouterr().err


def test_ipv6(answering):
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    asked = answering(OK, socket.AF_INET6, "::1")
    assert heartbeat.ping("j", raise_errors=True)
    assert b"\r\nHost: [::1]:" in asked[0]


@pytest.mark.parametrize("slug", ["http://127.0.0.1:1/ping/a\r\nX-Other:1", "http://127.0.0.1:1/ping/a\tb"])
def test_a_line_end_in_a_url_is_no_second_header(capsys, slug):
    assert heartbeat.ping(slug) is False
    assert "control character" in capsys.readouterr().err
