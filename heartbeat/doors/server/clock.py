"""The server's clock: one sweep after another, and what each found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heartbeat.errors import StoreGone
from heartbeat.model import SECOND
from heartbeat.telemetry import Happened
from heartbeat.verbs import service_state
from heartbeat.verbs.illness import review
from heartbeat.verbs.rounds import tell_swept
from heartbeat.verbs.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.doors.server.health import Health
    from heartbeat.doors.server.hearing import Hearing
    from heartbeat.doors.server.jobs_file import JobsFile
    from heartbeat.doors.server.scheduler import Scheduler
    from heartbeat.store.protocol import Store
    from heartbeat.telemetry import Log
    from heartbeat.verbs.sweep import Look

SOON = 0.001
"""Seconds to the next sweep when this one left work to do: others get a turn at the store."""

DATABASE = "database"
"""The name of the illness when the server's file was taken away."""


@dataclass(frozen=True, slots=True)
class Clock:
    """every: seconds between sweeps."""

    store: Store
    file: JobsFile
    look: Look
    health: Health
    scheduler: Scheduler
    hearing: Hearing
    log: Log
    every: float

    def step(self, now: Callable[[], int]) -> float:
        """One sweep; returns the seconds until the next."""
        at = now()
        ears = self.hearing.take(at)
        try:
            swept = sweep(self.store, at, service=self.file.service, evidence=self.look, ears=ears)
        except StoreGone as gone:  # there is nowhere to record it
            self.health.unwell(DATABASE, str(gone))
            raise
        self.health.well(DATABASE)
        self.health.writer.file_is_there()
        self.health.swept()
        self.health.known = review(self.store, now(), self.file.service)
        self.health.undelivered = service_state.dead_count(self.store)
        self.scheduler.go_on(swept.starts)
        tell_swept(self.log, swept)
        if swept.moved:
            self.log.tell(Happened.CLOCK_SET, seconds=round(swept.moved / SECOND))
        return SOON if swept.more else self.every
