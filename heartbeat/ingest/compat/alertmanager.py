"""Prometheus Alertmanager's webhook: `/alertmanager/<token>`, for the Watchdog that always fires.

Firing is alive, resolved is a failure. Where several Prometheus stand behind one Alertmanager, the query names labels
that an alert must have: `/alertmanager/<token>?cluster=eu`. Source: prometheus.io, "Webhook receiver", version 4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from heartbeat.ingest.compat.request import Told, Words, by_token, plain, word
from heartbeat.ingest.ping import NOT_FOUND, Refusal
from heartbeat.ingest.written import parsed
from heartbeat.model import Kind

if TYPE_CHECKING:
    from heartbeat.ingest.compat.request import Request, Sealed

WRONG_KEY = 404
SHOWN_MAX = 20
"""Alerts that are written into the body."""
refused = plain


def read(request: Request) -> Sealed | Refusal:
    """See Service."""
    if len(request.parts) != 1:
        return NOT_FOUND
    sealed = by_token(request.parts[0], request.signal("", Kind.LOG, ""))
    return sealed if isinstance(sealed, Refusal) else replace(sealed, told=lambda: _told(request))


def _told(request: Request) -> Told | Refusal:
    try:
        alerts = [alert for alert in parsed(request.body)["alerts"] if isinstance(alert["labels"], dict)]  # type: ignore[index]  # it raises TypeError
    except (ValueError, TypeError, KeyError):
        return Refusal(status=400, text="the body is no webhook of Alertmanager: give it JSON with alerts and labels")
    wanted = {name: values[-1] for name, values in request.query.items() if name}
    ours = [alert for alert in alerts if wanted.items() <= _labels(alert).items()]
    firing = any(alert.get("status") == "firing" for alert in ours)
    if not ours:  # alerts of somebody else: nothing is wrong, and nothing was said of this job
        return Told(pings=())
    signal = request.signal("", Kind.SUCCESS if firing else Kind.FAIL, "\n".join(map(_line, ours[:SHOWN_MAX])))
    sealed = by_token(request.parts[0], signal)
    return sealed if isinstance(sealed, Refusal) else sealed.told()


def _labels(alert: dict[str, Any]) -> dict[str, str]:
    return {name: word(value) for name, value in alert["labels"].items()}


def _line(alert: dict[str, Any]) -> str:
    labels = _labels(alert)
    name = labels.pop("alertname", "an alert without a name")
    inside = ", ".join(f"{label}={value}" for label, value in sorted(labels.items()))
    return f"{name} is {word(alert.get('status')) or 'in no known state'}" + (f" ({inside})" if inside else "")


def done(_: Request) -> Words:
    """See Service."""
    return Words(status=200, text="OK")
