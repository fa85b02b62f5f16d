"""The core's side of the HTTP server: starts the front, records what it sends, and replaces it when it ends.

The front is a process of its own because HTTP and judging take about the same work, and one Python process does only
one thing at a time. Everything that touches the store stays here. The listening socket is made here and inherited, so
no caller is refused while one front takes over from another.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from heartbeat.doors.http.ping_gate import BROKEN
from heartbeat.doors.server.ipc import KEYS, PINGS, Frames, frame
from heartbeat.errors import BadSetting, FrontLost
from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.doors.http.group_commit import Writer
    from heartbeat.doors.server.health import Health
    from heartbeat.doors.server.hearing import Hearing
    from heartbeat.ingest.ping import Ping
    from heartbeat.settings import Settings
    from heartbeat.telemetry import Log

BACKLOG = 2048
BATCH_MAX = 512
READ_MAX = 1 << 18
STARTS_MAX = 5
STARTS_WITHIN = 60.0
"""With more than STARTS_MAX starts within these seconds, starting another will not help."""
STOP_SECONDS = 15
"""For the front to end when told to; it takes at most ten for requests under way."""
REPORT_EVERY = 1.0
PROGRAM = ("-P", "-m", "heartbeat.doors.server.http_process")


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to this address but not yet listening: until everything is ready, callers are refused."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
    except OSError as error:
        raise BadSetting(f"host {host!r} is no address of this machine ({error}); try 127.0.0.1") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise BadSetting(f"cannot listen on {host} port {port} ({error.strerror}); {_cure(error.errno)}") from None
    return listener


def _cure(number: int | None) -> str:
    match number:
        case errno.EADDRNOTAVAIL:
            return "no address of this machine is called so: choose one with --host or HEARTBEAT_HOST, 0.0.0.0 for all"
        case errno.EACCES:
            return "ports below 1024 are the system's: choose another with --port or HEARTBEAT_PORT"
    return "stop the program that does, or choose another with --port or HEARTBEAT_PORT"


def settle_in() -> None:
    """Tune the interpreter, in front or core, for what follows: a few threads, and many small objects."""
    gc.collect()
    gc.freeze()  # what is loaded by now stays: the collector need not look at it again
    # Pings leave no cycles, and collecting all jobs' snapshots takes tens of milliseconds.
    gc.set_threshold(20_000, 50, 100)
    sys.setswitchinterval(0.001)  # at the default 5 ms, pings wait too long for the sweep


class Fronts:
    """One front after another. settings: with the ping keys in force."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a front needs, and who is told of it
        self, settings: Settings, listener: socket.socket, writer: Writer, health: Health, hearing: Hearing, log: Log
    ) -> None:
        self._settings, self._listener, self._writer = settings, listener, writer
        self._health, self._hearing, self._log = health, hearing, log
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._sending = threading.Lock()
        self._stopping = False

    def run(self) -> None:
        """Record what fronts send, until `stop`. Raises FrontLost when no front keeps running."""
        signal.signal(signal.SIGALRM, lambda *_: self._kill())
        starts: deque[float] = deque(maxlen=STARTS_MAX)
        while not self._stopping:
            if len(starts) == STARTS_MAX and time.monotonic() - starts[0] < STARTS_WITHIN:
                raise FrontLost(f"the HTTP process ended {STARTS_MAX} times within {STARTS_WITHIN:g} s; see the log")
            starts.append(time.monotonic())
            status = self._serve()
            if not self._stopping:
                self._log.tell(Happened.FRONT_ENDED, status=status)

    def stop(self) -> None:
        """Refuse new callers, let the front finish its answers; then `run` returns. Safe in a signal handler."""
        self._stopping = True
        if self._process is not None:  # otherwise it is about to start: see `_serve`
            self._listener.close()
            self._process.terminate()
            signal.alarm(STOP_SECONDS)

    def report(self) -> float:
        """Tell the front how the core is; returns the seconds until the next report."""
        self._send(self._health.report())
        return REPORT_EVERY

    def rekey(self, keys: tuple[str, ...]) -> None:
        """From now on these ping keys are taken, by this front and by those after it."""
        with self._sending:
            self._settings = replace(self._settings, ping_keys=keys)
        self._send({KEYS: keys})

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _serve(self) -> int:
        """One front from start to end; returns its exit status."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = self._process = self._start(theirs)
            if self._stopping:
                self.stop()
            with self._sending, suppress(ConnectionError):  # the settings are the first word
                ours.sendall(frame(self._settings))
                self._link = ours
            self.report()
            for pings in _batches(ours):
                if pings:
                    self._write(pings)
                else:  # its first word: it is attached
                    self._hearing.open()
            with self._sending:
                self._link = None
        status = process.wait()
        self._hearing.shut()
        self._process = None
        return status

    def _write(self, pings: list[Ping | None]) -> None:
        away = self._writer.away
        told = iter(self._writer.write([ping for ping in pings if ping is not None]))
        replies = [BROKEN if ping is None else next(told) for ping in pings]
        if self._writer.away != away:
            self.report()  # before the replies, so /healthz agrees with what senders are told
        self._send(replies)

    def _start(self, link: socket.socket) -> subprocess.Popen[bytes]:
        files = (self._listener.fileno(), link.fileno())
        environ = os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
        command = [sys.executable, *PROGRAM, *map(str, files)]
        return subprocess.Popen(command, pass_fds=files, stdin=subprocess.DEVNULL, env=environ)  # noqa: S603 - ourselves

    def _send(self, value: object) -> None:
        with self._sending, suppress(ConnectionError):  # a dead front has nobody left to answer
            if self._link is not None:
                self._link.sendall(frame(value))


def _batches(link: socket.socket) -> Iterator[list[Ping | None]]:
    """Whatever waits, batch by batch, until the front ends; None in place of a broken ping."""
    frames: Frames[list[Ping | None]] = Frames(PINGS)
    with suppress(ConnectionError):
        while data := link.recv(READ_MAX):
            pings = [ping for value in frames.feed(data) for ping in value]
            for start in range(0, len(pings) or 1, BATCH_MAX):
                yield pings[start : start + BATCH_MAX]
