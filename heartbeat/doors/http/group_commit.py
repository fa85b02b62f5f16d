"""The group commit: all waiting pings are recorded in one commit, and only then answered.

There is one batch at a time and no timer: while the disk syncs, the next batch forms by itself.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.core.definition import by_ping
from heartbeat.doors.http.lately import Lately
from heartbeat.doors.http.ping_gate import PingOutcome
from heartbeat.errors import StoreGone, StoreUnavailable, WorldError
from heartbeat.telemetry import Happened
from heartbeat.verbs.record import Recorded, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heartbeat.doors.http.ping_gate import Reply
    from heartbeat.ingest.ping import Ping
    from heartbeat.model import Job, Signal
    from heartbeat.store.protocol import Store
    from heartbeat.telemetry import Log
    from heartbeat.verbs.unknown_pings import Strays

UUIDS_MAX = 100_000
DEFINED_MAX = 10_000
STUCK_AFTER = 20.0
"""Seconds for one batch after which the writer counts as stuck."""
STORED: Reply = (PingOutcome.STORED, "")


class StoreRecords:
    """The store as the writer needs it. service: who hears about the service; it is asked when a job is made."""

    def __init__(self, store: Store, service: Callable[[], Sequence[str]]) -> None:
        self._store, self._service = store, service
        self.record = Recorder(store).record
        self.slug_of = store.slug_of

    def define(self, job: Job, now: int) -> None:
        """Make the job that a sender asks for, or change it if the same sender defined it.

        Those who hear about the service hear about it.
        """
        from heartbeat.verbs.apply import define  # noqa: PLC0415 - a usual ping need not load it

        define(self._store, replace(job, notify=tuple(self._service())), now)


class Writer:
    """Writes batches of pings, in one thread. Others may ask how it is."""

    def __init__(self, records: StoreRecords, strays: Strays, log: Log, *, stuck_after: float = STUCK_AFTER) -> None:
        self._records, self._strays, self._log = records, strays, log
        self._stuck_after = stuck_after
        self.forget_jobs()
        self._busy_since: float | None = None
        self.away = False
        """Whether the store failed to answer last time."""
        self._gone = False

    def write(self, pings: Sequence[Ping]) -> list[Reply]:
        """One reply each, whatever happens."""
        self._busy_since = time.monotonic()
        replies = self._write(pings)
        self._busy_since = None
        return replies

    def trouble(self) -> str:
        """What is wrong with the writer, "" if nothing is."""
        since = self._busy_since
        if since is not None and time.monotonic() - since > self._stuck_after:
            return "the writer is stuck"
        return "the store does not answer" if self.away else ""

    def file_is_there(self) -> None:
        """The store's file is in its place: if it was away at the last ping, the next one will be taken."""
        if self._gone:
            self._is_away(None)

    def forget_jobs(self) -> None:
        """Jobs may have been removed or recreated: ask the store again."""
        self._slugs: Lately[str, str] = Lately(UUIDS_MAX)
        self._defined: Lately[str, Job] = Lately(DEFINED_MAX)

    def _write(self, pings: Sequence[Ping]) -> list[Reply]:
        try:
            replies = self._record(pings)
        except StoreUnavailable as problem:
            self._is_away(problem)
            return [(PingOutcome.BUSY, "")] * len(pings)
        except Exception as problem:  # noqa: BLE001 - a door: one bad ping must not cost the others theirs
            if len(pings) > 1:  # halving takes few commits, even for the many that have nothing to do with it
                half = len(pings) // 2
                return [*self._write(pings[:half]), *self._write(pings[half:])]
            self._log.crash("writer", problem)
            return [(PingOutcome.BUSY if isinstance(problem, WorldError) else PingOutcome.BROKEN, "")]
        self._is_away(None)
        return replies

    def _is_away(self, problem: StoreUnavailable | None) -> None:
        """Say once that the store went away, and once that it is back."""
        if problem is not None and not self.away:
            self._log.tell(Happened.STORE_AWAY, error=problem)
        elif problem is None and self.away:
            self._log.tell(Happened.STORE_BACK)
        self.away, self._gone = problem is not None, isinstance(problem, StoreGone)

    def _record(self, pings: Sequence[Ping]) -> list[Reply]:
        for ping in pings:
            if ping.job is not None:
                self._define(ping.job, ping.signal.received)
        signals = [self._addressed(ping) for ping in pings]
        told = zip(pings, signals, self._records.record(signals), strict=True)
        return [STORED if kept is not Recorded.UNKNOWN else self._unknown(ping, signal) for ping, signal, kept in told]

    def _unknown(self, ping: Ping, signal: Signal) -> Reply:
        if ping.create:
            self._records.define(ping.job or by_ping(signal.slug), signal.received)
            if self._records.record([signal])[0] is not Recorded.UNKNOWN:
                return PingOutcome.CREATED, ""
        return PingOutcome.UNKNOWN, "" if ping.uuid else self._strays.count(signal.slug, signal.received)

    def _define(self, job: Job, now: int) -> None:
        """A sender's every ping carries the definition; look at it only when it differs."""
        if self._defined.get(job.slug) != job:
            self._records.define(job, now)
            self._defined.keep(job.slug, job)

    def _addressed(self, ping: Ping) -> Signal:
        """The signal, with the slug of the job that the ping names by uuid; "", which no job is called, if unknown."""
        return replace(ping.signal, slug=self._slug_of(ping.uuid) or "") if ping.uuid else ping.signal

    def _slug_of(self, uuid: str) -> str | None:
        slug = self._slugs.get(uuid)
        if slug is None:
            slug = self._records.slug_of(uuid)
            if slug is not None:
                self._slugs.keep(uuid, slug)
        return slug
