"""The worker: takes messages from an SQS queue, and works on each as a run of its job.

A message is deleted only when its work is done. What failed comes back, later each time, until the queue's
own redrive policy moves it to the dead letters.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from heartbeat.client import BUSY, warn
from heartbeat.errors import BadSetting, StartFailed
from heartbeat.worker import run_claims
from heartbeat.worker.execution import Ended, Function, WorkCommand, WorkEnd, tell_start
from heartbeat.worker.messages import QueueMessage, run_of, slot_of
from heartbeat.worker.queue import WAIT_MAX, Hold, Inbox, again
from heartbeat.worker.run_claims import Memory, RunStanding
from heartbeat.worker.stopping import Stopped, Stops, watch_spot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TRIES = 5
"""Failed looks in a row before a worker that should end by itself gives up."""
PAUSE_MAX = 60.0
EMPTY = 2
"""Empty looks in a row after which a queue counts as empty. SQS: one look may miss a message."""
NOT_READ = 2
"""The exit status for a message whose job nobody knows."""


class Labour(Protocol):
    """What is done with a message. told: Heartbeat already knows that it begins."""

    def __call__(self, message: QueueMessage, *, told: bool) -> Ended:
        """Never raises because the work went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a worker works.

    once: one message; until_empty: until nothing is left; visibility: seconds to hide a message at a time;
    wait: seconds per look; backoff: seconds until a failed message comes back the first time; job: for
    messages that name none; spot: hand the work back when the spot instance is reclaimed.
    """

    once: bool = False
    until_empty: bool = False
    visibility: float = 300.0
    wait: int = WAIT_MAX
    backoff: float = 30.0
    job: str = ""
    spot: bool = False
    limit: float | None = None


class Worker:
    """ask: a run's standing elsewhere; None: nobody to ask."""

    def __init__(
        self,
        inbox: Inbox,
        labour: Labour,
        stops: Stops,
        terms: Terms,
        ask: Callable[[QueueMessage], RunStanding] | None,
    ) -> None:
        self._inbox, self._labour, self._stops, self._terms, self._ask = inbox, labour, stops, terms, ask

    def run(self) -> int:
        """Work until told to stop, or as the terms say.

        Returns the exit status of the last work that failed, else 0. Raises StartFailed when SQS cannot be used and the
        worker should end by itself.
        """
        run_claims.forget(time.time())
        status = empty = 0
        with suppress(Stopped):
            while not self._stops.number:
                message = self._next()
                empty = 0 if message else empty + 1
                if message is not None:
                    status = self.take(message) or status
                if self._terms.once or (self._terms.until_empty and empty == EMPTY):
                    break
        return status

    def _next(self) -> QueueMessage | None:
        """Raises Stopped."""
        tries, failed, said = (TRIES if self._terms.once or self._terms.until_empty else 0), 0, ""
        while True:
            try:
                with self._stops.interrupting():
                    return self._inbox.receive()
            except StartFailed as problem:
                failed += 1
                if failed == tries:
                    raise
                if str(problem) != said:
                    warn(f"{problem}; trying again")
                said = str(problem)
            self._stops.sleep(min(2.0 ** (failed - 1), PAUSE_MAX))

    def take(self, message: QueueMessage) -> int:
        """Work on one message, from asking whether it is done to deleting it; returns the exit status."""
        if not message.job:
            warn(f"message {message.id} names no job; give one for such messages: --job NAME")
            self._inbox.give_back(message, again(message.count, self._terms.backoff))
            return NOT_READ
        with ExitStack() as held:
            memory = Memory(message)
            with Hold(self._inbox, message):
                standing = self._standing(message, memory.claim(held))
                ended = self._begin(message, standing)
                if ended.end is WorkEnd.DONE:
                    memory.done()
            self._settle(message, ended)
        return ended.status

    def _standing(self, message: QueueMessage, here: RunStanding) -> RunStanding:
        """The run's standing; if it is free, it is ours from now on."""
        if self._ask is None or here in {RunStanding.DONE, RunStanding.ELSEWHERE}:
            return here
        there = self._ask(message)
        if there in {RunStanding.DONE, RunStanding.ELSEWHERE}:
            return there
        tell_start(message)
        return self._ask(message) if there is RunStanding.FREE else there

    def _begin(self, message: QueueMessage, standing: RunStanding) -> Ended:
        if standing is RunStanding.DONE:
            warn(f"message {message.id}: run {message.run_id} of {message.job} is already done; deleted without work")
            return Ended(WorkEnd.DONE, 0)
        if standing is RunStanding.ELSEWHERE:
            warn(f"message {message.id}: run {message.run_id} of {message.job} is under way elsewhere; left alone")
            return Ended(WorkEnd.LATER, BUSY)
        if self._stops.number:
            return Ended(WorkEnd.HANDED_BACK, 0)
        return self._labour(message, told=self._ask is not None)

    def _settle(self, message: QueueMessage, ended: Ended) -> None:
        if ended.end is WorkEnd.DONE:
            self._inbox.delete(message)
        else:
            later = 0 if ended.end is WorkEnd.HANDED_BACK else again(message.count, self._terms.backoff)
            self._inbox.give_back(message, later)


def work(
    queue: str,
    handle: Callable[[QueueMessage], object],
    terms: Terms = Terms(),
    *,
    ask: Callable[[QueueMessage], RunStanding] | None = None,
) -> int:
    """Call a function with each message of a queue (its URL), as `heartbeat worker` does with a command.

    What `handle` raises is a failure, `Later` is "not now". SIGTERM and SIGINT raise Stopped in it when this is the
    main thread, and hand the message back. ask: who else knows of runs (`ledger.of_store`); by default the API that the
    environment names, if any. Returns what Worker.run does, and raises BadSetting.
    """
    with Stops() as stops:
        return _worker(queue, Function(handle, stops), stops, terms, ask).run()


def work_command(
    queue: str, argv: Sequence[str], terms: Terms, *, ask: Callable[[QueueMessage], RunStanding] | None = None
) -> int:
    """Run a command for each message; otherwise like `work`. Only in the main thread."""
    with Stops() as stops:
        return _worker(queue, WorkCommand(_checked(argv), stops, terms.limit), stops, terms, ask).run()


def run_received(
    argv: Sequence[str],
    *,
    slug: str,
    environ: Mapping[str, str] = os.environ,
    terms: Terms = Terms(),
    ask: Callable[[QueueMessage], RunStanding] | None = None,
) -> int:
    """Run a command for one message that somebody else received: in an ECS task that a launcher started.

    HEARTBEAT_QUEUE, HEARTBEAT_MESSAGE_ID and HEARTBEAT_RECEIPT_HANDLE say which; HEARTBEAT_RUN_ID, HEARTBEAT_SLOT,
    HEARTBEAT_BODY and HEARTBEAT_RECEIVE_COUNT what is known about it; HEARTBEAT_JOB is the job for slug "-". The exit
    status is the command's; 75 if it was not begun, because the message is somebody else's by now or its run is under
    way. Raises BadSetting.
    """
    message = _received(slug, environ)
    with Stops() as stops:
        inbox = Inbox(message.queue, job=message.job, visibility=terms.visibility)
        worker = Worker(
            inbox, WorkCommand(_checked(argv), stops, terms.limit), stops, terms, ask or run_claims.of_environment()
        )
        try:
            inbox.hide(message, terms.visibility)
        except StartFailed as problem:
            warn(f"message {message.id} cannot be held: {problem}")
            if not problem.again and not problem.unknown:
                return BUSY
        return worker.take(message)


def _worker(
    queue: str, labour: Labour, stops: Stops, terms: Terms, ask: Callable[[QueueMessage], RunStanding] | None
) -> Worker:
    inbox = Inbox(queue, job=terms.job, visibility=terms.visibility, wait=terms.wait)
    if terms.spot:
        watch_spot()
    return Worker(inbox, labour, stops, terms, ask or run_claims.of_environment())


def _checked(argv: Sequence[str]) -> Sequence[str]:
    argv = argv[1:] if argv[:1] == ["--"] else argv
    if not argv:
        raise BadSetting("there is no command; write it after --")
    return argv


def _received(slug: str, environ: Mapping[str, str]) -> QueueMessage:
    names = ("HEARTBEAT_QUEUE", "HEARTBEAT_MESSAGE_ID", "HEARTBEAT_RECEIPT_HANDLE")
    queue, ident, receipt = (environ.get(name, "").strip() for name in names)
    if missing := [name for name in names if not environ.get(name, "").strip()]:
        raise BadSetting(f"{' and '.join(missing)} not set; whoever received the message passes these on")
    job = environ.get("HEARTBEAT_JOB", "") if slug == "-" else slug
    if not job:
        raise BadSetting("HEARTBEAT_JOB is not set, which `-` stands for; name the job")
    count = environ.get("HEARTBEAT_RECEIVE_COUNT", "1")
    return QueueMessage(
        id=ident,
        receipt=receipt,
        queue=queue,
        body=environ.get("HEARTBEAT_BODY", ""),
        job=job,
        run_id=run_of(ident, environ.get("HEARTBEAT_RUN_ID", "")),
        slot=slot_of(environ.get("HEARTBEAT_SLOT", "")),
        count=int(count) if count.isdecimal() and count.isascii() and int(count) else 1,
        since=time.monotonic(),
    )
