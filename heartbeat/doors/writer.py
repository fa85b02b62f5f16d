"""The group commit: one thread takes every ping that waits and records them in one commit; only then are they answered.

There is one batch in flight and no timer: while the disk syncs, the next batch forms by itself. The event loop is woken
once a batch, not once a ping.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from enum import StrEnum
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from heartbeat.errors import StoreUnavailable, WorldError
from heartbeat.record import Recorded
from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from heartbeat.ingest.ping import Ping
    from heartbeat.model import Signal
    from heartbeat.telemetry import Log

BATCH_MAX = 512
WAITING_MAX = 20_000
"""Pings that may wait for their commit; more are told to come back (503)."""
UUIDS_MAX = 100_000
STUCK_AFTER = 20.0
"""Seconds of one batch, after which the writer counts as stuck."""


class Outcome(StrEnum):
    """What became of a ping."""

    STORED = "stored"
    CREATED = "created"
    UNKNOWN = "unknown"
    BUSY = "busy"
    BROKEN = "broken"


class Records(Protocol):
    """What the writer needs of the world behind it."""

    def record(self, signals: Sequence[Signal]) -> list[Recorded]:
        """Record signals in one commit; one answer each."""

    def slug_of(self, uuid: str) -> str | None:
        """The slug of the job with this uuid."""

    def create(self, slug: str, now: int) -> None:
        """Make a job of this name, unless somebody just did."""


class Letter:
    """A ping on its way. `done` is called on the event loop once the outcome is certain."""

    __slots__ = ("outcome", "ping")
    ping: Ping

    def __init__(self) -> None:
        self.outcome = Outcome.BROKEN

    def done(self) -> None:
        """Whoever waits for the answer says here what to do with it."""
        raise NotImplementedError


class Writer:
    """Takes letters on the event loop, writes them in its own thread, answers on the loop."""

    def __init__(
        self, records: Records, log: Log, *, waiting_max: int = WAITING_MAX, stuck_after: float = STUCK_AFTER
    ) -> None:
        self._records, self._log = records, log
        self._waiting_max, self._stuck_after = waiting_max, stuck_after
        self._queue: SimpleQueue[Letter | None] = SimpleQueue()
        self._slugs: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._busy_since: float | None = None
        self.away = False
        """The store did not answer the last time."""
        self.waiting = 0
        """Letters that were taken and not answered; counted on the loop only."""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to write; answers are given on this loop."""
        self._post = loop.call_soon_threadsafe
        self._thread.start()

    def take(self, letter: Letter) -> bool:
        """Take a letter, unless too many wait. Call on the loop."""
        if self.waiting >= self._waiting_max:
            return False
        self.waiting += 1
        self._queue.put(letter)
        return True

    def close(self) -> None:
        """Write what waits, then stop. Letters still in the queue are recorded; nobody waits for their answer."""
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def trouble(self) -> str:
        """What is wrong with the writer, "" when nothing is."""
        since = self._busy_since
        if not self._thread.is_alive():
            return "the writer has stopped"
        if since is not None and time.monotonic() - since > self._stuck_after:
            return "the writer is stuck"
        return "the store does not answer" if self.away else ""

    def forget_uuids(self) -> None:
        """Jobs may have been removed or made anew: ask the store again."""
        self._slugs = {}

    def _run(self) -> None:
        while batch := self._next_batch():
            self._busy_since = time.monotonic()
            self._write(batch)
            self._busy_since = None
            try:
                self._post(self._answer, batch)
            except RuntimeError:  # the loop is closed: this batch was flushed after the last connection went
                continue

    def _next_batch(self) -> list[Letter]:
        """At least one letter and all that wait with it; empty when the writer shall stop."""
        first = self._queue.get()
        batch = [] if first is None else [first]
        while batch and len(batch) < BATCH_MAX:
            try:
                letter = self._queue.get_nowait()
            except Empty:
                break
            if letter is None:
                self._queue.put(None)
                break
            batch.append(letter)
        return batch

    def _answer(self, batch: list[Letter]) -> None:
        self.waiting -= len(batch)
        for letter in batch:
            letter.done()

    def _write(self, batch: list[Letter]) -> None:
        """Give every letter its outcome, whatever happens."""
        try:
            self._record(batch)
        except StoreUnavailable as problem:
            self._settle(batch, Outcome.BUSY, problem)
        except Exception as problem:  # noqa: BLE001 - a door: one bad letter must not cost the others theirs
            if len(batch) > 1:
                for letter in batch:
                    self._write([letter])
                return
            self._log.crash("writer", problem)
            self._settle(batch, Outcome.BUSY if isinstance(problem, WorldError) else Outcome.BROKEN)
        else:
            self._is_away(None)

    def _settle(self, batch: list[Letter], outcome: Outcome, away: StoreUnavailable | None = None) -> None:
        for letter in batch:
            letter.outcome = outcome
        if away is not None:
            self._is_away(away)

    def _is_away(self, problem: StoreUnavailable | None) -> None:
        """Say once that the store went away, and once that it is back."""
        if problem is not None and not self.away:
            self._log.tell(Happened.STORE_AWAY, error=problem)
        elif problem is None and self.away:
            self._log.tell(Happened.STORE_BACK)
        self.away = problem is not None

    def _record(self, batch: list[Letter]) -> None:
        known = [letter for letter in batch if self._address(letter)]
        outcomes = self._records.record([letter.ping.signal for letter in known]) if known else []
        for letter, recorded in zip(known, outcomes, strict=True):
            letter.outcome = Outcome.UNKNOWN if recorded is Recorded.UNKNOWN else Outcome.STORED
            if recorded is Recorded.UNKNOWN and letter.ping.create:
                self._create(letter)

    def _create(self, letter: Letter) -> None:
        signal = letter.ping.signal
        self._records.create(signal.slug, signal.received)
        recorded = self._records.record([signal])[0]
        letter.outcome = Outcome.UNKNOWN if recorded is Recorded.UNKNOWN else Outcome.CREATED

    def _address(self, letter: Letter) -> bool:
        """Write the slug on a letter that names its job by uuid; False when there is no such job."""
        ping = letter.ping
        if not ping.uuid or ping.signal.slug:
            return True
        slug = self._slug_of(ping.uuid)
        letter.outcome = Outcome.UNKNOWN
        letter.ping = replace(ping, signal=replace(ping.signal, slug=slug or ""))
        return slug is not None

    def _slug_of(self, uuid: str) -> str | None:
        slug = self._slugs.get(uuid) or self._records.slug_of(uuid)
        if slug is not None and len(self._slugs) < UUIDS_MAX:
            self._slugs[uuid] = slug
        return slug
