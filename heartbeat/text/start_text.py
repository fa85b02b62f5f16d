"""How a run was started, as far as an alert knows, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.model import Phase
from heartbeat.text.times import and_ago, moment

if TYPE_CHECKING:
    from heartbeat.model import Alert

UNSURE = frozenset({Phase.UNKNOWN, Phase.CLAIMED})
"""Phases in which the call may have been taken, and the answer is our own words, not the target's."""
ANSWER_SHOWN = 200
"""Characters of a target's answer within a sentence; the facts below it have more."""


def when_triggered(alert: Alert, now: int) -> str:
    """`triggered at 09:00:01 (answer of the target: 202 Accepted)`; `perhaps triggered` when nobody can know."""
    at = moment(alert.triggered_at, now, alert.timezone, zone_too=False)
    word = "perhaps triggered" if alert.phase in UNSURE else "triggered"
    answer = f" ({_answer(alert, _short(alert.answer))})" if alert.answer else ""
    return f"{word} at {at}{answer}" if at else f"{word}{answer}"


def what_it_said(alert: Alert) -> str:
    """`: RESOURCE:CPU`, behind `could not be started`."""
    return f": {_short(alert.answer)}" if alert.answer else ""


def start_row(alert: Alert, now: int) -> str:
    """All that is known, among the facts below the sentence."""
    often = f"{alert.attempts} attempts" if alert.attempts > 1 else ""
    at = and_ago(alert.triggered_at, now, alert.timezone)
    return ", ".join(filter(None, (at, often, _answer(alert, alert.answer))))


def _answer(alert: Alert, text: str) -> str:
    return f"answer of the target: {text}" if text and alert.phase not in UNSURE else text


def _short(text: str) -> str:
    return text if len(text) <= ANSWER_SHOWN else f"{text[:ANSWER_SHOWN]}…"
