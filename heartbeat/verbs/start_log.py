"""The log line about an order to start a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.model import Phase
from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    from heartbeat.telemetry import Log
    from heartbeat.verbs.trigger import Started


def tell(started: Started, log: Log) -> None:
    """Log what became of it, unless nobody need know."""
    if started.is_news:
        happened = Happened.RUN_STARTED if started.phase is Phase.STARTED else Happened.RUN_NOT_STARTED
        facts = {"run": started.run_id, "phase": started.phase, "held": started.held, "said": started.text or None}
        log.tell(happened, job=started.slug, **facts)
