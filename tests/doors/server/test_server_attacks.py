"""What a stranger, or a broken client, may send: it is refused, and plain pings beside it are answered."""

import gzip
import json
import socket
from pathlib import Path

import pytest
from load import Sender, jobs_file
from served import KEY, Wire

MB = 1 << 20
UUID = "0f4cbc6e-6c3f-4f0b-9c1d-%012x"
AUTH = {"X_Sentry_Auth": f"Sentry sentry_key={KEY}"}
STRANGER = {"X_Sentry_Auth": "Sentry sentry_key=nobodys-key"}


class Beside:
    """A server, and one who pings it all the time."""

    def __init__(self, server) -> None:
        self.server, self.sender = server, Sender(server, "plain")

    def more(self, count: int = 20) -> None:
        """Back when so many more pings were answered."""
        wanted = len(self.sender.answered) + count
        while len(self.sender.answered) < wanted:
            self.sender.join(0.01)
            assert self.sender.is_alive(), self.sender.ending

    def send(self, data: bytes) -> list[bytes]:
        """What is answered to these bytes, up to the end of the connection, as lines."""
        said = b""
        with self.server.connect() as wire:
            try:
                wire.sendall(data)
                wire.shutdown(socket.SHUT_WR)
                while more := wire.recv(64_000):
                    said += more
            except ConnectionError:
                pass  # refused in the middle: what was said before counts
        return said.splitlines()


@pytest.fixture
def beside(serve, door):
    with serve(jobs=jobs_file(["plain"]), HEARTBEAT_DOOR=door) as server:
        found = Beside(server)
        found.more()
        yield found
        found.more()
        found.sender.stop()
        assert (found.sender.refused, found.sender.ending) == ([], "")
        assert server.ask("GET", "/healthz").status == 200
        assert "unexpected error" not in server.log
        assert server.stop() == 0


def envelope(*check_ins):
    lines = ["{}"]
    for check_in in check_ins:
        lines += ['{"type": "check_in"}', json.dumps({"status": "ok", **check_in})]
    return "\n".join(lines).encode()


def made(slug, **config):
    schedule = {"type": "crontab", "value": "0 9 * * *"}
    return {"monitor_slug": slug, "monitor_config": {"schedule": schedule, **config}}


def test_half_a_character_in_a_definition(beside):
    body = envelope(made("halved", owner="\ud800x\0"))
    assert beside.server.ask("POST", "/sentry/create/api/1/envelope/", body, **AUTH).said == (200, "{}")
    assert beside.server.ping("halved").said == (200, "OK")


def test_zones_that_are_none_without_a_key(beside):
    zones = [made(f"job-{at}", timezone=f"Europa/Berlyn-{at}") for at in range(1000)]
    packed = gzip.compress(envelope(*zones))
    for _ in range(5):
        answer = beside.server.ask(
            "POST", "/sentry/create/api/1/envelope/", packed, Content_Encoding="gzip", **STRANGER
        )
        assert answer.status == 403


def test_zones_that_are_none_with_a_key(beside):
    zones = [made(f"job-{at}", timezone=f"Europa/Berlyn-{at}") for at in range(51)]
    many, some = envelope(*zones), envelope(*zones[:50])
    assert beside.server.ask("POST", "/sentry/create/api/1/envelope/", many, **AUTH).status == 413
    answer = beside.server.ask("POST", "/sentry/create/api/1/envelope/", some, **AUTH)
    assert answer.status == 404
    assert "timezone 'Europa/Berlyn-0' is no time zone" in answer.body.decode()
    assert "Europe/Berlin" not in answer.body.decode()


def test_addresses_of_jobs_that_nobody_has(beside):
    before = memory(beside.server)
    with Wire(beside.server) as wire:
        for at in range(1_000):
            wire.send(f"GET /ping/{UUID % at}/{'0' * 60_000} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert wire.answer().said == (404, "not found")
    assert memory(beside.server) - before < 20 * MB


HEAD = f"GET /ping/{KEY}/plain?x="
ENDLESS = {
    "a request line": b"GET /" + b"x" * 40 * MB,
    "a ping's options": HEAD.encode() + b"x" * 40 * MB,
    "a header": HEAD.encode() + b" HTTP/1.1\r\nX: " + b"x" * 40 * MB,
    "headers": HEAD.encode() + b" HTTP/1.1\r\n" + b"a: b\r\n" * 500_000,
    "lines in front": b"\r\n" * MB,
    "a trailer": b"POST /ping/x/y HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: " + b"x" * 5 * MB,
}


@pytest.mark.parametrize("data", ENDLESS.values(), ids=ENDLESS.keys())
def test_what_has_no_end(beside, data):
    before = memory(beside.server)
    said = beside.send(data)
    assert said[:1] in ([b"HTTP/1.1 431 Request Header Fields Too Large"], [])  # a reset may overtake the answer
    assert memory(beside.server) - before < 20 * MB


def head(path, url, headers):
    """A request with an address and headers of so many bytes."""
    lines = b"".join(b"x%02d: %s\r\n" % (at, b"y" * (size - 3)) for at, size in enumerate(headers))
    return b"GET %s%s HTTP/1.1\r\n%s\r\n" % (path, b"z" * (url - len(path)), lines)


@pytest.mark.parametrize("path", [HEAD.removeprefix("GET ").encode(), b"/healthz?", b"/kuma/api/push/x?"])
@pytest.mark.parametrize(
    ("url", "headers", "fits"),
    [
        (64_000, [], True),
        (64_001, [], False),
        (60_000, [4_000], True),
        (60_000, [4_001], False),
        (100, [100] * 100, True),
        (100, [100] * 101, False),
    ],
)
def test_the_limits_of_a_head(shared, path, url, headers, fits):
    shared.ping("plain?create=1")
    data = head(path, url, headers)
    for size in (len(data), len(data) // 3):
        with Wire(shared) as wire:
            for start in range(0, len(data), size):
                wire.send(data[start : start + size])
            answer = wire.answer()
            assert answer.status in ({200, 404} if fits else {431})
            assert ("connection" in answer.headers) is not fits
            assert fits or wire.answer() is None
    assert shared.ping("plain").said == (200, "OK")


def test_pings_before_a_head_without_end_are_answered(shared):
    shared.ping("plain?create=1")
    with Wire(shared) as wire:
        for _ in range(3):
            wire.ping("plain")
            assert wire.answer().said == (200, "OK")
        wire.send(b"GET /ping/" + b"x" * MB)
        assert wire.answer().status == 431


def memory(server):
    """Bytes that the front has held at most."""
    status = Path(f"/proc/{server.front}/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))
