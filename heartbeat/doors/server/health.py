"""What `/healthz` says: is the clock running, is the store there, did anything crash? Anybody may read it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heartbeat.telemetry import Happened, our_version
from heartbeat.text.sanitize import sound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heartbeat.doors.http.group_commit import Writer
    from heartbeat.doors.server.threads import Chore
    from heartbeat.model import Illness
    from heartbeat.telemetry import Log

SWEEP_AGE_MAX = 60.0
"""Seconds since the last sweep after which the service is unhealthy: a miss would be reported late."""


@dataclass(slots=True, kw_only=True)
class Health:
    """Written by the clock, read by the doors. Times are monotonic seconds."""

    log: Log
    writer: Writer
    monotonic: Callable[[], float] = time.monotonic
    swept_at: float = field(init=False)
    chores: Sequence[Chore] = ()
    known: tuple[Illness, ...] = ()
    """What the store says about the service, as the clock last read it."""
    undelivered: int = 0
    """Alerts, of all time, that no channel ever took."""
    _own: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.swept_at = self.monotonic()

    def swept(self) -> None:
        """A sweep succeeded."""
        self.swept_at = self.monotonic()

    def unwell(self, name: str, text: str) -> None:
        """Something is wrong that perhaps cannot even be recorded (see `illness` for what can be)."""
        self._own[name] = sound(text)

    def well(self, name: str) -> None:
        """That is over."""
        self._own.pop(name, None)

    def report(self) -> dict[str, Any]:
        """The facts, and `ok` as their sum."""
        age = self.monotonic() - self.swept_at
        writer = self.writer.trouble()
        ill = {each.name: each.text for each in self.known} | self._own
        hindered = [chore.name for chore in self.chores if chore.trouble]
        return {
            "ok": age <= SWEEP_AGE_MAX and not writer and not ill,
            "last_sweep_seconds": round(age, 1),
            "store": "away" if self.writer.away or "sweep" in hindered else "reachable",
            "writer": writer or "running",
            "illnesses": ill,
            "undelivered": self.undelivered,
            "hindered": hindered,
            "crashes": self.log.counts[Happened.CRASHED],
            "version": our_version(),
        }
