"""The one way out for HTTP, and that everything of ours takes it."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest
from receiver import Receiver, listening
from ways_out import CHANNELS, OPEN, WAYS, slack_bot, slack_webhook, target, watchdog, webhook

from heartbeat.errors import BadSetting, ChannelFailed, SendFailed, StartFailed, WorldError
from heartbeat.outbound.addresses import Guard
from heartbeat.outbound.sender import HttpRequest, Sender

BOT = json.dumps({"ok": True, "channel": "C0123456789", "ts": "1.000001"}).encode()
TAKEN = {webhook: b"", slack_webhook: b"ok", slack_bot: BOT, target: b"", watchdog: b"OK"}
"""What each takes for success."""


@contextmanager
def talking(speak):
    """A server that lets `speak(wire, over)` have each connection; `over` is set at the end."""
    over, threads = threading.Event(), []

    def serve(server):
        while True:
            try:
                wire, _ = server.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=one, args=(wire,)))
            threads[-1].start()

    def one(wire):
        with wire, suppress(OSError):  # the caller has hung up
            speak(wire, over)

    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=serve, args=(server,))
        accepting.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


def drip(head):
    """Says the head, and then a byte now and then: no single read ever takes long."""

    def speak(wire, over):
        wire.recv(65_536)
        wire.sendall(head)
        while not over.wait(0.05):
            wire.sendall(b"x")

    return speak


def silent(_wire, over):
    over.wait(20)


def failure(url, *, guard=OPEN, seconds=0.3, limit=10_000, **request):
    """How a request fails, and that it does so in time."""
    began = time.monotonic()
    with pytest.raises(SendFailed) as failed:
        Sender(guard, seconds=seconds, limit=limit).send(HttpRequest(url=url, **request))
    assert time.monotonic() - began < 5
    return failed.value


# One deadline for everything


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: ",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n",
    ],
)
def test_an_answer_that_comes_byte_by_byte_has_no_more_time_than_another(head):
    with talking(drip(head)) as port:
        failed = failure(f"http://127.0.0.1:{port}/", limit=9000)
    assert (failed.sent, failed.refused) == (True, False)
    assert str(failed) == f"127.0.0.1:{port} did not answer (no complete answer within 0.3 s)"


def test_a_hundred_continues_are_no_answer():
    def speak(wire, over):
        wire.recv(65_536)
        while not over.wait(0.01):
            wire.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    with talking(speak) as port:
        assert failure(f"http://127.0.0.1:{port}/").sent


def test_tls_that_never_comes_to_an_end_has_sent_nothing():
    with talking(silent) as port:
        failed = failure(f"https://127.0.0.1:{port}/")
    assert not failed.sent
    assert str(failed) == "TLS with 127.0.0.1 failed (TimeoutError)"


def test_who_does_not_read_does_not_hold_us():
    with talking(silent) as port:
        assert failure(f"http://127.0.0.1:{port}/", body=b"x" * 20_000_000).sent


def test_a_resolver_that_hangs_does_not_either():
    over = threading.Event()
    failed = failure("http://slow.example/", guard=Guard(resolver=lambda *_: [str(over.wait(20))]))
    over.set()
    assert (failed.sent, str(failed)) == (False, "slow.example:80 cannot be reached (TimeoutError)")


def test_a_target_s_timeout_is_for_the_whole_answer():
    """One second took 6.4 s, and succeeded."""
    with talking(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n")) as port:
        began = time.monotonic()
        with pytest.raises(StartFailed) as failed:
            target(f"http://127.0.0.1:{port}/", timeout=300)
        assert time.monotonic() - began < 2
    assert (failed.value.unknown, failed.value.again) == (True, False)


# What is read of an answer


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n"])
def test_no_more_of_an_answer_is_read_than_was_asked_for(head):
    def speak(wire, over):
        wire.recv(65_536)
        wire.sendall(head)
        while not over.is_set():
            wire.sendall(b"x" * 65_536)

    with talking(speak) as port:
        answer = Sender(OPEN, seconds=10, limit=1000).send(HttpRequest(url=f"http://127.0.0.1:{port}/"))
    assert (answer.status, answer.body) == (200, b"x" * 1000)


@pytest.mark.parametrize("line", [b"X: " + b"y" * 70_000, b"\r\n".join(b"X: y" for _ in range(200))])
def test_headers_without_end_are_no_answer(line):
    def speak(wire, _over):
        wire.recv(65_536)
        wire.sendall(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n")

    with talking(speak) as port:
        assert failure(f"http://127.0.0.1:{port}/", seconds=10).sent


# Every way out


@pytest.mark.parametrize("way", WAYS)
def test_each_is_taken_when_it_is_answered_well(receiver, way):
    receiver.otherwise = (200, {}, TAKEN[way])
    way(f"{receiver.url}/path")
    assert len(receiver.asked) == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_none_follows_a_redirect_or_takes_it_for_success(receiver, way, status):
    with listening(Receiver()) as elsewhere:
        elsewhere.otherwise = (200, {}, TAKEN[way])
        receiver.otherwise = (status, {"Location": f"{elsewhere.url}/taken"}, TAKEN[way])
        with pytest.raises(WorldError, match="redirects are not followed, give the final URL"):
            way(f"{receiver.url}/path")
        assert (len(receiver.asked), elsewhere.asked) == (1, [])


@pytest.mark.parametrize("way", WAYS)
def test_none_takes_a_proxy_from_the_environment(receiver, way, monkeypatch):
    receiver.otherwise = (200, {}, TAKEN[way])
    with listening(Receiver()) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        way(f"{receiver.url}/path")
        assert (len(receiver.asked), proxy.asked) == (1, [])


@pytest.mark.parametrize("way", CHANNELS)
def test_no_alert_goes_to_a_private_address_unless_it_is_allowed(receiver, way):
    with pytest.raises(ChannelFailed, match=r"127\.0\.0\.1, which is not a public address") as failed:
        way(receiver.url, guard=Guard())
    assert (failed.value.refused, receiver.asked) == (True, [])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]"])
def test_none_goes_where_a_machine_s_credentials_are_told(way, host):
    with pytest.raises((WorldError, BadSetting), match="where clouds keep a machine's credentials: it is never called"):
        way(f"http://{host}/latest")


@pytest.mark.parametrize("way", WAYS)
def test_what_fails_shows_nothing_of_a_url_but_its_host(way, caplog):
    caplog.set_level(logging.DEBUG)
    with talking(lambda wire, _over: wire.recv(65_536)) as port, pytest.raises(WorldError) as failed:
        way(f"http://127.0.0.1:{port}/verysecret/path?token=verysecret")
    assert "verysecret" not in f"{failed.value!r}{failed.value.__cause__!r}{caplog.text}"
    how = "(RemoteDisconnected|ConnectionResetError)"  # the latter when it hung up with some of the request unread
    assert re.search(rf"127.0.0.1:{port} did not answer \({how}\)", str(failed.value))


# Slack's body must be ok


@pytest.mark.parametrize("body", [b"", b"OK!", b"<html>Log in</html>", b'{"ok": true}'])
def test_a_200_that_does_not_say_ok_is_not_told(receiver, body):
    receiver.otherwise = (200, {}, body)
    with pytest.raises(ChannelFailed, match="Slack answered 200 with something other than ok") as failed:
        slack_webhook(receiver.url)
    assert not failed.value.final


def test_a_word_of_slack_s_in_a_200_is_said(receiver):
    receiver.otherwise = (200, {}, b"no_text")
    with pytest.raises(ChannelFailed, match=r"^Slack answered 200 no_text$"):
        slack_webhook(receiver.url)


@pytest.mark.parametrize(
    "body",
    [
        b"no team at /services/T0000/B0000/verysecret",
        b"verysecret",
        b"<a href='/services/T0000/B0000/verysecret'>",
        b"T0000/B0000",
    ],
)
@pytest.mark.parametrize("status", [200, 404, 500])
def test_an_answer_that_echoes_the_path_is_not_repeated(receiver, status, body):
    receiver.otherwise = (status, {}, body)
    with pytest.raises(ChannelFailed) as failed:
        slack_webhook(f"{receiver.url}/services/T0000/B0000/verysecret")
    assert str(failed.value).startswith(f"Slack answered {status} with something other")
    assert "B0000" not in str(failed.value)


# Kept connections


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def lines(*scripts):
    """Who speaks on the first connection, on the second, …: what to answer to each request, None: hang up unasked."""
    scripts, met = list(scripts), []

    def speak(wire, _over):
        script = scripts.pop(0)
        met.append(0)
        here = len(met) - 1
        for answer in script:
            while answer is not None and not (asked := wire.recv(65_536)).endswith(b"body"):
                if not asked:
                    return
            met[here] += 1
            wire.sendall(answer or b"")

    return speak, met


def three(port, *, keep=True):
    sender = Sender(OPEN, seconds=5, keep=keep)
    return [sender.send(HttpRequest(url=f"http://127.0.0.1:{port}/", body=b"body")).status for _ in range(3)]


@pytest.mark.parametrize(
    ("scripts", "met"),
    [
        ([[ANSWER] * 4], [3]),
        ([[ANSWER], [ANSWER], [ANSWER]], [1, 1, 1]),
        ([[ANSWER, b""], [ANSWER] * 3], [2, 2]),
        ([[ANSWER + b"more"], [ANSWER], [ANSWER]], [1, 1, 1]),
        ([[ANSWER.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")], [ANSWER] * 3], [1, 2]),
        ([[ANSWER.replace(b"2\r\n\r\n", b"9000\r\n\r\n")], [ANSWER] * 3], [1, 2]),
        ([[ANSWER.replace(b"2\r\n\r\n", b"9\r\n\r\n")], [ANSWER] * 3], [1, 2]),
        ([[ANSWER.replace(b"200 OK", b"503 Later")], [ANSWER] * 3], [1, 2]),
    ],
    ids=["one for all", "closed each time", "hangs up on the second", "says too much", "close", "long", "short", "503"],
)
def test_a_connection_is_kept_as_long_as_it_is_good(scripts, met):
    speak, found = lines(*scripts)
    with talking(speak) as port:
        assert set(three(port)) <= {200, 503}
    assert found == met


def test_a_connection_is_not_kept_unless_it_is_wanted():
    speak, found = lines([ANSWER] * 3, [ANSWER] * 3, [ANSWER] * 3)
    with talking(speak) as port:
        assert three(port, keep=False) == [200] * 3
    assert found == [1, 1, 1]


def test_who_hangs_up_on_a_new_connection_is_not_asked_again():
    speak, found = lines([b""], [ANSWER])
    with talking(speak) as port, pytest.raises(SendFailed) as failed:
        three(port)
    assert (found, failed.value.sent) == ([1], True)
