"""Alerts to send, and instants to read."""

from __future__ import annotations

from datetime import datetime

from heartbeat.model import Alert, Event, Reason, Verdict


def at(text):
    """An ISO instant in milliseconds."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


NOW = at("2026-11-22T09:31:00+09:00")


def alert(slug="daily-report", **changes):
    """A daily report that did not come by 09:10."""
    incident = changes.pop("incident", f"{slug}/1")
    event = changes.get("event", Event.OPENED)
    facts = {
        "id": f"{incident}/{event}",
        "event": event,
        "at": at("2026-11-22T09:10:00+09:00"),
        "incident": incident,
        "slug": slug,
        "environment": "prod",
        "owner": "data team",
        "timezone": "Asia/Tokyo",
        "schedule": "at 09:00 every day, Asia/Tokyo",
        "verdict": Verdict.MISSED,
        "reason": Reason.GRACE_RAN_OUT,
        "expected": at("2026-11-22T09:00:00+09:00"),
        "deadline": at("2026-11-22T09:10:00+09:00"),
        "opened_at": at("2026-11-22T09:10:00+09:00"),
        "last_success": at("2026-11-21T09:02:00+09:00"),
        "last_signal": at("2026-11-21T09:02:00+09:00"),
        "next_slot": at("2026-11-23T09:00:00+09:00"),
        "bad": 1,
    }
    return Alert(**(facts | changes))


def recovered(slug="daily-report", **changes):
    return alert(slug, **({"event": Event.RECOVERED, "at": at("2026-11-22T09:52:00+09:00"), "bad": 3} | changes))
