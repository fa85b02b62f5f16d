"""The link between front and core without either: frames, batches, order, bounds."""

import asyncio
import contextlib
import io
import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from heartbeat.doors.http.ping_gate import PingOutcome
from heartbeat.doors.server.core_link import Link, PendingPing
from heartbeat.doors.server.ipc import ANSWERS, PINGS, Frames, first, frame
from heartbeat.ingest import ping
from heartbeat.settings import Settings
from heartbeat.telemetry import Happened, Log

T0 = 1_795_350_000_000
STORED = (PingOutcome.STORED, "")


def read(path, query=b"", body=b""):
    return ping.read(ping.target(path), query, ident=b"some-id", body=body, received=T0)


class Note(PendingPing):
    __slots__ = ("answers",)

    def __init__(self):
        super().__init__()
        self.answers = 0

    def done(self):
        self.answers += 1


class Core:
    """The other end of a link, byte by byte, and the loop that the link lives on."""

    def __init__(self, **given):
        self.log = Log(lambda: 0.0, stream=io.StringIO())
        self.link = Link(self.log, **given)
        self.loop = asyncio.new_event_loop()
        ours, self.socket = socket.socketpair()
        self.socket.settimeout(5)
        self.loop.run_until_complete(self.link.connect(ours))
        assert self.heard() == [[]], "the first word says that a front is attached"

    def take(self, count):
        notes = [Note() for _ in range(count)]
        self.taken = [self.link.take(note, read(b"/ping/k/job-%d" % i)) for i, note in enumerate(notes)]
        return notes

    def turn(self):
        """A few turns of the loop."""
        self.loop.run_until_complete(asyncio.sleep(0.01))

    def say(self, value):
        self.socket.sendall(frame(value))
        self.turn()

    def heard(self):
        return [[ping.signal.slug for ping in value] for value in Frames(PINGS).feed(self.socket.recv(1 << 20))]

    def close(self):
        closing = self.loop.create_task(self.link.close())
        self.turn()
        self.socket.shutdown(socket.SHUT_WR)
        self.loop.run_until_complete(closing)
        self.socket.close()
        self.loop.close()


@pytest.fixture
def core():
    core = Core(waiting_max=100)
    with contextlib.closing(core):
        yield core


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        (b"/ping/k/job", b"", b""),
        (b"/ping/k/job/7", b"create=1&duration=1.5&metric=rows:2&for=2026-11-22", b"\xff\x00 half"),
        (
            b"/ping/00000000-0000-0000-0000-000000000001/start",
            b"rid=0b9d1f0e-7c5e-4a52-8d5b-6f1f6f0e8a11",
            b"x" * 20_000,
        ),
    ],
)
def test_a_ping_arrives_as_it_was(path, query, body):
    sent = read(path, query, body)
    assert Frames(PINGS).feed(frame([sent])) == [[sent]]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
def test_frames_in_pieces(size):
    values = [[], [(PingOutcome.UNKNOWN, "x" * 100)], {"ok": True}, [STORED] * 9]
    stream, frames = b"".join(map(frame, values)), Frames(ANSWERS)
    pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
    assert [value for piece in pieces for value in frames.feed(piece)] == values


def test_the_first_value_takes_no_byte_beyond_it():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        settings = Settings(ping_keys=("k",), db=Path("/a/b.db"), evidence=Path("there"))
        ours.sendall(frame(settings) + b"more")
        assert first(theirs, Settings) == settings
        assert theirs.recv(10) == b"more"


def test_what_comes_in_one_turn_of_the_loop_is_one_frame(core):
    notes = core.take(50)
    core.turn()
    assert core.heard() == [[f"job-{i}" for i in range(50)]]
    assert [note.answers for note in notes] == [0] * 50
    core.say([STORED] * 50)
    assert [note.answers for note in notes] == [1] * 50


def test_replies_are_for_those_who_asked_first(core):
    notes = core.take(3)
    core.say([STORED, (PingOutcome.UNKNOWN, "job-7")])
    core.say([(PingOutcome.BUSY, "")])
    assert [(note.outcome, note.nearest) for note in notes] == [
        STORED,
        (PingOutcome.UNKNOWN, "job-7"),
        (PingOutcome.BUSY, ""),
    ]


def test_a_full_link_takes_no_more_until_some_are_answered(core):
    core.take(101)
    assert core.taken == [True] * 100 + [False]
    assert core.link.report()["pings_waiting"] == 100
    core.say([STORED])
    assert core.link.take(Note(), read(b"/ping/k/job"))


def test_closing_sends_what_waits(core):
    core.take(70)
    closing = core.loop.create_task(core.link.close())
    core.turn()
    assert sum(map(len, core.heard())) == 70
    assert core.socket.recv(1) == b""
    core.close = lambda: None
    core.socket.close()
    core.loop.run_until_complete(closing)
    core.loop.close()


def test_a_core_that_says_nothing_is_not_well(core, monkeypatch):
    assert not core.link.report()["ok"]
    core.say({"ok": True, "crashes": 2})
    core.log.tell(Happened.CRASHED)
    assert core.link.report() == {"ok": True, "crashes": 3, "pings_waiting": 0}
    monkeypatch.setattr("heartbeat.doors.server.core_link.SILENT_MAX", 0.0)
    silent = core.link.report()
    assert (silent["ok"], silent["writer"]) == (False, "the core does not answer")


def halved(slug):
    """A ping that no frame can hold."""
    return replace(read(b"/ping/k/" + slug), signal=replace(read(b"/ping/k/" + slug).signal, body="\ud800"))


def test_what_cannot_be_sent_costs_the_others_nothing(core):
    notes = [Note() for _ in range(4)]
    pings = [read(b"/ping/k/a"), halved(b"b"), read(b"/ping/k/c"), halved(b"d")]
    for note, ping_ in zip(notes, pings, strict=True):
        assert core.link.take(note, ping_)
    core.turn()
    assert core.heard() == [["a", "c"]]
    assert [(note.answers, note.outcome) for note in (notes[1], notes[3])] == [(1, PingOutcome.BROKEN)] * 2
    core.take(1)
    core.turn()
    assert core.heard() == [["job-0"]]
    core.say([STORED, (PingOutcome.UNKNOWN, "")])
    assert [note.outcome for note in notes] == [
        PingOutcome.STORED,
        PingOutcome.BROKEN,
        PingOutcome.UNKNOWN,
        PingOutcome.BROKEN,
    ]
    assert core.log.counts[Happened.CRASHED] == 2


def test_a_letter_that_cannot_be_told_keeps_no_reply_from_the_others(core):
    class Torn(Note):
        def done(self):
            raise ZeroDivisionError

    torn, note = Torn(), Note()
    core.link.take(torn, read(b"/ping/k/a"))
    core.link.take(note, read(b"/ping/k/b"))
    core.say([STORED, STORED])
    assert (note.answers, note.outcome) == (1, PingOutcome.STORED)


def test_what_the_core_cannot_read_stands_as_none_between_the_others():
    good, other = read(b"/ping/k/a"), read(b"/ping/k/b")
    odd = replace(good, signal=replace(good.signal, duration="long"))
    assert Frames(PINGS).feed(frame([good, odd, other])) == [[good, None, other]]


def test_a_ping_that_waits_too_long_is_an_illness(core, monkeypatch):
    core.say({"ok": True, "writer": "running"})
    core.take(1)
    assert core.link.report()["ok"]
    monkeypatch.setattr("heartbeat.doors.server.core_link.LATE_MAX", 0.0)
    late = core.link.report()
    assert (late["ok"], late["writer"]) == (False, "pings wait too long for their answer")
    core.say([STORED])
    assert core.link.report()["ok"]
