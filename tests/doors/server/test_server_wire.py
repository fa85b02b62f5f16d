"""What travels on the connection: pipelines, bodies of all kinds and sizes, half requests, garbage."""

import contextlib
import random
import socket
import time
import uuid
from pathlib import Path

import pytest
from served import KEY, Wire

MB = 1 << 20


@pytest.fixture
def job(shared):
    slug = f"job-{uuid.uuid4().hex[:12]}"
    assert shared.ping(f"{slug}/log?create=1").said == (201, "Created")
    return slug


def test_a_connection_is_kept(shared, job):
    with Wire(shared) as wire:
        for _ in range(5):
            wire.ping(job)
            assert wire.answer().said == (200, "OK")
    assert len(shared.history(job)) == 6


@pytest.mark.parametrize("headers", ["Connection: close\r\n", "Connection: Close\r\nX: y\r\n"])
def test_a_connection_is_closed_when_asked(shared, job, headers):
    with Wire(shared) as wire:
        wire.ping(job, headers=headers)
        answer = wire.answer()
        assert (answer.said, answer.headers["connection"]) == ((200, "OK"), "close")
        assert wire.answer() is None


def test_http_1_0(shared, job):
    with Wire(shared) as wire:
        wire.send(f"GET /ping/{KEY}/{job} HTTP/1.0\r\n\r\n".encode())
        assert wire.answer().said == (200, "OK")
        assert wire.answer() is None


def test_a_pipeline_is_answered_in_order(shared, job):
    with Wire(shared) as wire:
        for i in range(50):
            wire.ping(job, body=b"%d" % i)
            wire.ping("no-such-job-here")
            wire.ping("Wrong")
            wire.send(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            wire.ping(f"{job}/start", method="POST", body=b"x" * 300)
        said = [wire.answer().said for _ in range(250)]
    block = [(200, "OK"), (404, "not found"), (400, "invalid url format"), (404, "not found"), (200, "OK")]
    assert said == block * 50
    bodies = [signal.body for signal in shared.history(job) if len(signal.body) < 300]
    assert bodies[:-1] == [str(i) for i in range(49, -1, -1)]


def test_a_pipeline_in_one_packet_with_pages_between(shared, job):
    ping = f"GET /ping/{KEY}/{job} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    page = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with Wire(shared) as wire:
        wire.send((ping + page + page + ping + ping + page) * 5)
        lengths = [len(wire.answer().body) for _ in range(30)]
    assert [length > 2 for length in lengths] == [False, True, True, False, False, True] * 5


def test_nothing_is_done_after_a_request_that_closes(shared, job):
    with Wire(shared) as wire:
        one = f"GET /ping/{KEY}/{job} HTTP/1.1\r\nHost: x\r\n"
        wire.send(f"{one}Connection: close\r\n\r\n{one}\r\n".encode())
        assert wire.answer().said == (200, "OK")
        with contextlib.suppress(ConnectionResetError):
            assert wire.answer() is None
    assert len(shared.history(job)) <= 3


def test_byte_by_byte(shared, job):
    with Wire(shared) as wire:
        for byte in f"POST /ping/{KEY}/{job} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc".encode():
            wire.send(bytes([byte]))
        assert wire.answer().said == (200, "OK")
    assert shared.history(job)[0].body == "abc"


def test_chunked_bodies(shared, job):
    with Wire(shared) as wire:
        for _ in range(2):
            wire.send(f"POST /ping/{KEY}/{job} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
            wire.send(b"5;ext=1\r\nhello\r\n")
            wire.send(b"1\r\n,\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n")
            assert wire.answer().said == (200, "OK")
    assert [signal.body for signal in shared.history(job)][:2] == ["hello, world"] * 2


def test_expect_100_continue(shared, job):
    with Wire(shared) as wire:
        wire.ping(job)
        head = f"POST /ping/{KEY}/{job} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        wire.send(head.encode())
        assert wire.answer().said == (200, "OK")
        assert wire.answer().status == 100
        wire.send(b"hello")
        assert wire.answer().said == (200, "OK")
    assert shared.history(job)[0].body == "hello"


def test_an_upgrade_is_not_taken_up(shared, job):
    with Wire(shared) as wire:
        wire.ping(job, headers="Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n")
        assert wire.answer().said == (200, "OK")


def test_ten_megabytes_are_read_and_cut(shared, job):
    before = peak_memory(shared)
    with Wire(shared) as wire:
        for _ in range(3):
            wire.ping(job, method="POST", body=b"0123456789" * MB)
            assert wire.answer().said == (200, "OK")
    assert shared.history(job)[0].body == "0123456789" * 1_000
    assert peak_memory(shared) - before < 20 * 1024


@pytest.mark.parametrize("chunked", [False, True])
def test_more_than_sixteen_megabytes_are_refused(shared, job, chunked):
    with Wire(shared) as wire:
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {20 * MB}"
        wire.send(f"POST /ping/{KEY}/{job} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            for _ in range(20):
                wire.send(b"%x\r\n" % MB + bytes(MB) + b"\r\n" if chunked else bytes(MB))
        answer = wire.answer()
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert len(shared.history(job)) == 1


def test_half_requests_hold_up_nobody(shared, job):
    halves = [b"", b"GET ", f"GET /ping/{KEY}/{job} HTTP/1.1\r\nHost".encode(), b"POST /x HTTP/1.1\r\n"]
    halves.append(f"POST /ping/{KEY}/{job} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc".encode())
    with contextlib.ExitStack() as stack:
        for i in range(300):
            wire = stack.enter_context(Wire(shared))
            wire.send(halves[i % len(halves)])
        started = time.monotonic()
        for _ in range(20):
            assert shared.ping(job).said == (200, "OK")
        assert time.monotonic() - started < 5
    assert len(shared.history(job)) == 21


def test_a_body_that_breaks_off_is_no_ping(shared, job):
    with Wire(shared) as wire:
        wire.send(f"POST /ping/{KEY}/{job} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc".encode())
    with Wire(shared) as wire:
        wire.send(f"POST /ping/{KEY}/{job} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode())
        assert wire.answer().status == 400
    assert shared.ping(job).said == (200, "OK")
    assert len(shared.history(job)) == 2


def test_a_sender_who_does_not_wait_is_recorded(shared, job):
    with Wire(shared) as wire:
        wire.ping(job)
    for _ in range(50):
        if len(shared.history(job)) == 2:
            break
        time.sleep(0.05)
    assert len(shared.history(job)) == 2


@pytest.mark.parametrize("seed", range(4))
def test_garbage(shared, job, seed):
    """Whatever comes: no 5xx, and the next one is served."""
    dice = random.Random(seed)  # noqa: S311 - rolls dice, makes no secrets
    for _ in range(60):
        with Wire(shared, 0.05) as wire, contextlib.suppress(OSError, ValueError, IndexError):
            wire.send(garbage(dice, job))
            wire.socket.shutdown(socket.SHUT_WR)
            while (answer := wire.answer()) is not None:
                assert answer.status < 500
    assert shared.ping(job).said == (200, "OK")


@pytest.mark.parametrize("seed", range(4))
def test_garbage_in_paths_and_options(shared, job, seed):
    dice = random.Random(seed)  # noqa: S311 - rolls dice, makes no secrets
    for _ in range(100):
        with Wire(shared) as wire:
            wire.send(b"GET %s HTTP/1.1\r\nHost: x\r\nHeartbeat-Id: %s\r\n\r\n" % (odd_path(dice, job), odd(dice)))
            assert wire.answer().status in {200, 201, 400, 404}
    assert shared.ping(job).said == (200, "OK")


def garbage(dice, job):
    whole = f"POST /ping/{KEY}/{job} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello".encode() * 3
    kind = dice.randrange(4)
    if kind == 0:
        return dice.randbytes(dice.randrange(1, 2_000))
    place, length = dice.randrange(len(whole)), dice.randrange(1, 20)
    if kind == 1:
        return whole[:place] + dice.randbytes(length) + whole[place:]
    if kind == 2:
        return whole[:place] + whole[place + length :]
    return whole[:place] + dice.choice([b"\r\n", b"\0", b" ", b":", b"%", b"\r\n\r\n", b"-1"]) + whole[place + 1 :]


def odd(dice):
    letters = b"abcXYZ019-_./:%+&=;,~!$'()*@[]{}|^`\"<>\x80\xff"
    return bytes(dice.choice(letters) for _ in range(dice.randrange(1, 30)))


def odd_path(dice, job):
    parts = [KEY.encode(), job.encode(), b"start", b"255", b"256", b"%2e%2e", b"%ff", b"%", odd(dice), odd(dice)]
    path = b"/ping/" + b"/".join(dice.choice(parts) for _ in range(dice.randrange(1, 5)))
    names = [b"rid", b"at", b"for", b"duration", b"metric", b"create", odd(dice)]
    query = b"&".join(dice.choice(names) + b"=" + odd(dice) for _ in range(dice.randrange(4)))
    return path + b"?" + query


def peak_memory(server):
    """In KiB."""
    status = Path(f"/proc/{server.front}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
