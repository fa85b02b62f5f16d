"""`heartbeat exec SLUG -- CMD`: runs a command as a run of a job.

The command comes first: it starts at once and runs whether or not the server is up, and it keeps its streams, its
signals and its exit status. Passing on signals and keeping a tail of the output need Unix; Windows goes without.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import selectors
import signal
import subprocess
import threading
import time
import uuid
from typing import TYPE_CHECKING

from heartbeat import client

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import Self, Unpack

    from heartbeat.client import RunOptions

UNIX = os.name == "posix"
CHUNK = 65_536  # bytes; what a pipe holds on Linux
LEFT_MAX = 64  # chunks still read once the command has ended: two pipes of the largest size an ordinary user can set
STDIN, STDOUT, STDERR = range(3)
FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
NOT_EXECUTABLE, NOT_FOUND, SIGNALLED = 126, 127, 128  # the exit statuses of POSIX's shell


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `heartbeat exec`, under the names by which `run_command` takes them."""
    flag = parser.add_argument
    flag("slug", help="the job's name, its uuid, or its whole ping URL")
    flag("argv", metavar="command", nargs=argparse.PARSER, help="the command and its arguments, after --")
    flag("--no-start", dest="start", action="store_false", help="tell only how it ended")
    flag("--no-output", dest="output", action="store_false", help="do not read the output: no tail, but a terminal")
    flag("--run-id", metavar="UUID", help="the run's id (by default a new one)")
    flag("--for", dest="for_", metavar="SLOT", help="the slot it is for, like 2026-11-22")
    flag("--create", action="store_true", help="have the job made if there is none of this name")


def run_command(
    argv: Sequence[str], *, slug: str, start: bool = True, output: bool = True, **options: Unpack[RunOptions]
) -> int:
    """Run a command as a run of a job, and answer its exit status; 128+n when signal n ended it."""
    told: RunOptions = {**options, "run_id": options.get("run_id") or str(uuid.uuid4()), "raise_errors": False}
    began, began_at = time.monotonic(), time.time()
    starting = threading.Thread(target=lambda: client.start(slug, at=began_at, **told), daemon=True)
    with _Signals() as signals:
        status, tail = _run(argv[1:] if argv[0] == "--" else argv, signals, output, starting if start else None)
        duration, ended_at = round(time.monotonic() - began, 3), time.time()
        if starting.is_alive():  # a start that comes after its end would look like another run
            starting.join(client.TIMEOUT)
        client.ping(slug, tail, exit_status=status, duration=duration, at=ended_at, **told)
    return status


def _run(
    command: Sequence[str], signals: _Signals, output: bool, starting: threading.Thread | None
) -> tuple[int, bytes]:
    """Exit status and tail."""
    pipe = subprocess.PIPE if output and UNIX else None
    try:
        signals.begin()
        # The command is what the user asked to run. It inherits what we did: a lock, a shell's <(process).
        child = subprocess.Popen(command, stdout=pipe, stderr=pipe, bufsize=0, close_fds=False)  # noqa: S603 - see above
    except OSError as problem:
        return _not_started(command[0], problem)
    with child:
        signals.forward_to(child)
        if starting:
            with contextlib.suppress(RuntimeError):  # no more threads: the command goes on without
                starting.start()
        tail = _pass_through(child, signals.woken) if UNIX else b""
        status = child.wait()
    return (status if status >= 0 else SIGNALLED - status), tail


def _not_started(name: str, problem: OSError) -> tuple[int, bytes]:
    said = f"heartbeat exec: {name}: {problem.strerror}\n".encode(errors="backslashreplace")
    _write(STDERR, said)
    return NOT_FOUND if isinstance(problem, FileNotFoundError) else NOT_EXECUTABLE, said


class _Signals:
    """While entered, passes signals on to the command; `woken` is readable when one came, or when the command ended."""

    def __enter__(self) -> Self:
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._begun = False
        self._undo = contextlib.ExitStack()
        if UNIX:
            self._watch()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def begin(self) -> None:
        """The command is about to be there: a key at the terminal reaches it from now on."""
        self._begun = True

    def forward_to(self, child: subprocess.Popen[bytes]) -> None:
        """The command runs now: it gets what came before, and what comes."""
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def _watch(self) -> None:
        self.woken, wake = os.pipe()
        self._undo.callback(os.close, self.woken)
        self._undo.callback(os.close, wake)
        os.set_blocking(wake, False)
        self._undo.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(wake, warn_on_full_buffer=False))
        self._handle(signal.SIGCHLD, lambda *_: None)  # even where it was ignored: that would lose the exit status
        for number in (getattr(signal, name) for name in FORWARDED):
            if signal.getsignal(number) is not signal.SIG_IGN:  # what nohup ignores, the command shall ignore too
                self._handle(number, self._forward)

    def _handle(self, number: int, handler: Callable[[int, FrameType | None], None]) -> None:
        self._undo.callback(signal.signal, number, signal.signal(number, handler) or signal.SIG_DFL)

    def _forward(self, number: int, _: FrameType | None) -> None:
        if self._begun and number in (signal.SIGINT, signal.SIGQUIT) and _at_terminal():
            return
        if self._child is None:
            self._early.append(number)
        else:
            self._child.send_signal(number)


def _at_terminal() -> bool:
    """In a terminal's foreground a key's signal reaches the command too; twice means "at once" to some programs."""
    for stream in (STDIN, STDOUT, STDERR):
        with contextlib.suppress(OSError):
            if os.tcgetpgrp(stream) == os.getpgrp():
                return True
    return False


def _pass_through(child: subprocess.Popen[bytes], woken: int) -> bytes:
    """Pass the command's output on until the command has ended; keep the tail of both streams as they came."""
    tail = bytearray()
    with selectors.DefaultSelector() as streams:
        streams.register(woken, selectors.EVENT_READ)
        for pipe, target in ((child.stdout, STDOUT), (child.stderr, STDERR)):
            if pipe:
                streams.register(pipe, selectors.EVENT_READ, (pipe, target))
        while child.poll() is None:
            _step(streams, tail, None)
        streams.unregister(woken)
        for _ in range(LEFT_MAX):  # what the command itself wrote; who it left behind may write for ever
            if not _step(streams, tail, 0):
                break
    return bytes(tail)


def _step(streams: selectors.BaseSelector, tail: bytearray, timeout: float | None) -> bool:
    """Pass on one chunk of each stream that has one; False when none had."""
    ready = streams.select(timeout)
    for key, _ in ready:
        data = os.read(key.fd, CHUNK)
        if key.data is None:
            continue
        pipe, target = key.data
        tail += data
        del tail[: -client.BODY_MAX]
        if not data or not _write(target, data):
            streams.unregister(pipe)
            pipe.close()
    return bool(ready)


def _write(target: int, data: bytes) -> bool:
    """False when nobody reads any more: then the command shall be told by SIGPIPE, as without us."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(target, rest) :]
        except BlockingIOError:  # whoever shares the stream with us made it non-blocking
            select.select([], [target], [])
        except BrokenPipeError:
            return False
        except OSError:  # a full disk or a lost terminal must not stop the command; the tail goes on
            return True
    return True
