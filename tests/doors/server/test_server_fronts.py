"""Two processes, one life: whichever dies, and however, nothing answered is lost and nobody stays behind."""

import contextlib
import os
import signal
import socket
from pathlib import Path

import pytest
from load import Sender, jobs_file
from served import Wire, until

NAMES = [f"job-{i}" for i in range(8)]


def loaded(server):
    senders = [Sender(server, name) for name in NAMES]
    until(lambda: all(len(sender.answered) > 20 for sender in senders))
    return senders


def lost(server, senders):
    """What was answered 200 and is not in the database."""
    for sender in senders:
        sender.join()
    kept = {sender.slug: {signal.body for signal in server.history(sender.slug)} for sender in senders}
    return {number for sender in senders for number in set(sender.answered) - kept[sender.slug]}


def is_there(pid):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def is_free(port):
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def answered(server, name):
    """Whether a ping sent now is answered 200. The front that ends may still hang up; nobody may be refused."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError), Wire(server) as wire:
        wire.ping(name)
        answer = wire.answer()
        return answer is not None and answer.said == (200, "OK")
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_front_that_ends_under_load_is_replaced_and_no_caller_is_refused(serve, door, number):
    with serve(jobs=jobs_file(NAMES), HEARTBEAT_DOOR=door) as server:
        senders, before = loaded(server), server.front
        os.kill(before, number)
        until(lambda: answered(server, NAMES[0]))
        until(lambda: server.front not in {0, before})
        assert lost(server, senders) == set()
        assert server.log.count("the HTTP process ended") == 1
        assert server.stop() == 0


def test_a_front_that_never_stays_is_given_up(serve):
    with serve() as server:
        for _ in range(5):
            until(lambda: server.front)
            front = server.front
            os.kill(front, signal.SIGKILL)
            until(lambda gone=front: server.process.poll() is not None or server.front != gone)
        assert server.process.wait(10) == 3
        assert "the HTTP process ended 5 times within 60 s" in server.log
        assert "everything that was answered is in the database" in server.log
        assert "Traceback" not in server.log
        assert is_free(server.port)


@pytest.mark.parametrize("idle", [True, False])
def test_without_its_core_a_front_ends_and_frees_the_port(serve, door, idle):
    with serve(jobs=jobs_file(NAMES), HEARTBEAT_DOOR=door) as server:
        assert server.ping(NAMES[0]).status == 200
        senders, front = [] if idle else loaded(server), server.front
        server.process.kill()
        until(lambda: not is_there(front) and is_free(server.port), seconds=2)
        assert lost(server, senders) == set()


def test_a_front_that_has_not_begun_ends_with_its_core(serve):
    with serve() as server:
        front = server.front
        server.process.kill()
        until(lambda: not is_there(front) and is_free(server.port), seconds=2)


def test_both_told_to_stop_at_once(serve, door):
    """As systemd does: SIGTERM to every process of the service."""
    with serve(jobs=jobs_file(NAMES), HEARTBEAT_DOOR=door) as server:
        senders = loaded(server)
        for pid in (server.front, server.process.pid):
            os.kill(pid, signal.SIGTERM)
        assert server.stop() == 0
        assert lost(server, senders) == set()
        assert [sender.refused for sender in senders] == [[]] * len(NAMES)
        assert "the HTTP process ended" not in server.log


def test_told_to_stop_before_the_front_is_up(serve):
    with serve() as server:
        assert server.stop() == 0
        assert is_free(server.port)
        assert "Traceback" not in server.log
