"""The JSON document that SNS and webhooks carry. Its names are a promise: later versions add, they do not rename.

    {"schema_version": 1,
     "key": "…",                the same for every attempt at this message
     "event": "missed",         missed failed timeout late unknown reminder recovered blind undelivered test,
                                or "several" when the alerts differ
     "severity": "critical",    critical warning info: the worst of the alerts
     "summary": "MISSED daily-report (prod): expected 09:00 JST, nothing by 09:10, …",
     "count": 1,                how many alerts this message tells
     "omitted": 0,              how many of them are left out because the message would be too long
     "alerts": [{"id", "event", "severity", "headline", "incident", "job", "description", "environment", "owner",
                 "runbook", "tags", "timezone", "schedule", "verdict", "reason", "at", "expected", "deadline",
                 "opened_at", "last_success", "last_signal", "next_expected", "consecutive", "reminders",
                 "exit_status", "run_id", "output", "hint", "text", "jobs", "silent_all",
                 "triggered_at", "attempts", "answer", "phase",   for a run that Heartbeat started
                 "log_url"}]}                                     where a person finds the run's log

Instants are ISO 8601 in UTC ("2026-11-22T00:00:00Z"); unknown values are null, or "" for a text.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from heartbeat.model import Alert, Event, Verdict
from heartbeat.text.alert_text import headline, some
from heartbeat.text.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.text.alert_text import Message

SCHEMA_VERSION = 1
SEVERITIES = ("critical", "warning", "info")
_MILD = frozenset({Verdict.LATE, Verdict.UNKNOWN, Verdict.EXCUSED, Verdict.ON_TIME})


def event(alert: Alert) -> str:
    """What to filter by."""
    if alert.event is not Event.OPENED or alert.verdict is None:
        return str(alert.event)
    return "timeout" if alert.verdict is Verdict.TIMED_OUT else str(alert.verdict)


def severity(alert: Alert) -> str:
    """How bad it is."""
    if alert.event in {Event.RECOVERED, Event.CLOSED, Event.WELL, Event.TEST}:
        return "info"
    if alert.event is Event.BLIND or (alert.event is Event.OPENED and alert.verdict in _MILD):
        return "warning"
    return "critical"


def worst(message: Message) -> str:
    """The severity of the worst alert."""
    return min((severity(alert) for alert in message.alerts), key=SEVERITIES.index)


def common_event(message: Message) -> str:
    """The event of all the alerts, or "several"."""
    events = {event(alert) for alert in message.alerts}
    return events.pop() if len(events) == 1 else "several"


def document(message: Message, key: str, limit: int | None = None) -> str:
    """The message as JSON, at most `limit` bytes: outputs are dropped first, then alerts from the end of the list."""
    rows = [facts(alert, message.now) for alert in message.alerts]
    for outputs, count in _smaller(len(rows)):
        alerts = rows[:count] if outputs else [row | {"output": ""} for row in rows[:count]]
        whole = _envelope(message, key) | {"omitted": len(message.alerts) - count, "alerts": alerts}
        text = json.dumps(whole, ensure_ascii=False)
        if limit is None or len(text.encode()) <= limit:
            break
    return text


def facts(alert: Alert, now: int) -> dict[str, Any]:
    """One alert as JSON-able facts."""
    return {
        "id": alert.id,
        "event": event(alert),
        "severity": severity(alert),
        "headline": headline(alert, now),
        "incident": alert.incident,
        "job": alert.slug,
        "verdict": alert.verdict,
        "reason": alert.reason,
        "at": iso(alert.at),
        "expected": iso(alert.expected),
        "deadline": iso(alert.deadline),
        "opened_at": iso(alert.opened_at),
        "last_success": iso(alert.last_success),
        "last_signal": iso(alert.last_signal),
        "next_expected": iso(alert.next_slot),
        "consecutive": alert.bad,
        "reminders": alert.reminders,
        "exit_status": alert.exit_status,
        "run_id": alert.run_id,
        "output": alert.output,
        "jobs": list(alert.jobs),
        "silent_all": alert.silent_all,
        "triggered_at": iso(alert.triggered_at),
        "attempts": alert.attempts,
        "answer": alert.answer,
        "phase": alert.phase,
        "log_url": alert.log_url,
        **_about(alert),
    }


def texts(message: Message, key: str) -> dict[str, str]:
    """A template's fields: `${job}`, `${headline}`, … For several alerts: what they share, or a list of names."""
    rows = [facts(alert, message.now) for alert in message.alerts]
    several = {name: _shared([_text(row[name]) for row in rows]) for name in rows[0]}
    envelope = {name: str(value) for name, value in _envelope(message, key).items()}
    return several | envelope | {"headline": message.headline, "subject": message.subject, "message": message.text}


def _envelope(message: Message, key: str) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "key": key,
        "event": common_event(message),
        "severity": worst(message),
        "summary": message.summary,
        "count": len(message.alerts),
    }


def _about(alert: Alert) -> dict[str, Any]:
    names = ("description", "environment", "owner", "runbook", "timezone", "schedule", "hint", "text")
    return {name: getattr(alert, name) for name in names} | {"tags": list(alert.tags)}


def _smaller(count: int) -> Iterator[tuple[bool, int]]:
    yield True, count
    while count:
        yield False, count
        count //= 2
    yield False, 0


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)


def _shared(values: list[str]) -> str:
    return some(list(dict.fromkeys(filter(None, values))))
