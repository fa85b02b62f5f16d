"""The work itself, a command or a function, as a message's run: reported to Heartbeat at its start and end."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from heartbeat import client
from heartbeat.client import BODY_MAX, BUSY, TIMEOUT, Signals, run_child
from heartbeat.worker.run_claims import claim
from heartbeat.worker.stopping import Stopped, Stops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from heartbeat.client import Kind, Options
    from heartbeat.worker.messages import QueueMessage

STOPPED = 143
"""The exit status of work ended by a signal: 128 plus SIGTERM."""


class Later(Exception):
    """Raised by a function: not now, try again later. Like a command's exit status 75, not reported as a failure."""


class WorkEnd(Enum):
    """How the work on a message ended."""

    DONE = auto()
    FAILED = auto()
    LATER = auto()
    HANDED_BACK = auto()


@dataclass(frozen=True, slots=True)
class Ended:
    """status: as in a shell, 0 only with DONE."""

    end: WorkEnd
    status: int


def tell(message: QueueMessage, kind: Kind, body: str | bytes | None = None, **options: object) -> None:
    """Tell Heartbeat about this run. Never raises."""
    slot = message.slot or None
    if slot and os.environ.get("HEARTBEAT_URL", "").startswith("s3://"):
        slot = slot[:10]  # evidence is named after the day
    told: Options = {"run_id": message.run_id, "for_": slot, "raise_errors": False, **options}  # type: ignore[typeddict-item]  # they are of Options
    client.ping(message.job, body, kind=kind, **told)


def tell_start(message: QueueMessage) -> None:
    """Report that it begins, and for which message."""
    tell(message, "start", claim(message))


class WorkCommand:
    """argv: run for each message, with its body on standard input; limit: seconds until it is stopped."""

    def __init__(self, argv: Sequence[str], stops: Stops, limit: float | None = None) -> None:
        self._argv, self._stops, self._limit = argv, stops, limit

    def __call__(self, message: QueueMessage, *, told: bool) -> Ended:
        """told: Heartbeat already knows that it begins."""
        began, at = time.monotonic(), time.time()
        starting = threading.Thread(
            target=tell, args=(message, "start", claim(message)), kwargs={"at": at}, daemon=True
        )
        with _stdin(message.body), _environment(message.environment), _Watched(self._stops) as signals:
            status, kept = run_child(self._argv, signals, starting, {"start": not told, "limit": self._limit})
        duration, at = round(time.monotonic() - began, 3), time.time()
        if starting.is_alive():  # a start that arrives after its end would look like another run
            starting.join(TIMEOUT)
        end = _end_of(status, self._stops)
        if end in {WorkEnd.DONE, WorkEnd.FAILED}:
            tell(message, "success", kept, exit_status=status, duration=duration, at=at)
        else:
            head = f"{_why(end)}\n".encode()
            tell(message, "log", head + kept[len(head) - BODY_MAX :], at=at)
        return Ended(end, status)


def _end_of(status: int, stops: Stops) -> WorkEnd:
    if status == 0:
        return WorkEnd.DONE
    if stops.number:
        return WorkEnd.HANDED_BACK
    return WorkEnd.LATER if status == BUSY else WorkEnd.FAILED


def _why(end: WorkEnd) -> str:
    return "the worker was stopped: handed back" if end is WorkEnd.HANDED_BACK else "not now: it is tried again later"


class Function:
    """handle: called with each message; an exception is its failure."""

    def __init__(self, handle: Callable[[QueueMessage], object], stops: Stops) -> None:
        self._handle, self._stops = handle, stops

    def __call__(self, message: QueueMessage, *, told: bool) -> Ended:
        """told: Heartbeat already knows that it begins."""
        if not told:
            tell_start(message)
        began = time.monotonic()
        try:
            with self._stops.interrupting():
                self._handle(message)
        except Stopped:
            tell(message, "log", _why(WorkEnd.HANDED_BACK))
            return Ended(WorkEnd.HANDED_BACK, STOPPED)
        except Later as later:
            tell(message, "log", f"{_why(WorkEnd.LATER)}: {later}")
            return Ended(WorkEnd.LATER, BUSY)
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is how this run failed
            took = round(time.monotonic() - began, 3)
            tell(message, "fail", "".join(traceback.format_exception(problem)), duration=took)
            return Ended(WorkEnd.FAILED, 1)
        tell(message, "success", duration=round(time.monotonic() - began, 3))
        return Ended(WorkEnd.DONE, 0)


class _Watched(Signals):
    """Passes signals on to the command, and tells the worker to stop."""

    def __init__(self, stops: Stops) -> None:
        self._stops = stops

    def begin(self) -> None:
        """See Signals."""
        if self._stops.number:  # it came before our handlers were installed
            super()._forward(signal.SIGTERM, None)
        super().begin()

    def _forward(self, number: int, frame: FrameType | None) -> None:
        if number in {signal.SIGTERM, signal.SIGINT}:
            self._stops.number = number
        super()._forward(number, frame)


@contextmanager
def _stdin(text: str) -> Iterator[None]:
    """A file, not a pipe: a command that does not read it must not block anybody."""
    with TemporaryFile() as file:
        file.write(text.encode(errors="replace"))
        file.seek(0)
        before = os.dup(0)
        os.dup2(file.fileno(), 0)
        try:
            yield
        finally:
            os.dup2(before, 0)
            os.close(before)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
