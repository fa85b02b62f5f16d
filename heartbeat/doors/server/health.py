"""What `/healthz` says: is the clock running, is the store there, did anything crash? Anybody may read it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heartbeat.doors.api.json_shapes import SWEEP_AGE_MAX, health_facts
from heartbeat.model import SECOND
from heartbeat.telemetry import Happened
from heartbeat.text.sanitize import sound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heartbeat.doors.http.group_commit import Writer
    from heartbeat.doors.server.threads import Chore
    from heartbeat.model import Illness
    from heartbeat.telemetry import Log


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
        age = round((self.monotonic() - self.swept_at) * SECOND)
        writer = self.writer.trouble()
        hindered = [chore.name for chore in self.chores if chore.trouble]
        ill = {each.name: each.text for each in self.known} | self._own
        facts = health_facts(age, SWEEP_AGE_MAX, ill, self.undelivered)
        return facts | {
            "ok": facts["ok"] and not writer,
            "store": "away" if self.writer.away or "sweep" in hindered else "reachable",
            "writer": writer or "running",
            "hindered": hindered,
            "crashes": self.log.counts[Happened.CRASHED],
        }
