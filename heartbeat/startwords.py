"""How a run was started, as far as an alert knows, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.timewords import and_ago, moment

if TYPE_CHECKING:
    from heartbeat.model import Alert

ANSWER_SHOWN = 200
"""Characters of a target's answer within a sentence; the facts below it have more."""


def when_triggered(alert: Alert, now: int) -> str:
    """` at 09:00:01 (answer of the target: 202 Accepted)`, behind `triggered`; "" when nothing is known."""
    at = moment(alert.triggered_at, now, alert.timezone, zone_too=False)
    answer = f" (answer of the target: {_short(alert.answer)})" if alert.answer else ""
    return f" at {at}{answer}" if at else answer


def what_it_said(alert: Alert) -> str:
    """`: RESOURCE:CPU`, behind `could not be started`."""
    return f": {_short(alert.answer)}" if alert.answer else ""


def start_row(alert: Alert, now: int) -> str:
    """All that is known, among the facts below the sentence."""
    often = f"{alert.attempts} attempts" if alert.attempts > 1 else ""
    answer = f"answer of the target: {alert.answer}" if alert.answer else ""
    return ", ".join(filter(None, (and_ago(alert.triggered_at, now, alert.timezone), often, answer)))


def _short(text: str) -> str:
    return text if len(text) <= ANSWER_SHOWN else f"{text[:ANSWER_SHOWN]}…"
