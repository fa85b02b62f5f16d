"""Prometheus Alertmanager's webhook: `/alertmanager/<token>`, for the Watchdog that always fires.

Firing means alive, resolved is a failure. If several Prometheus share one Alertmanager, the query names labels
that an alert must have: `/alertmanager/<token>?cluster=eu`. Source: prometheus.io, "Webhook receiver", version 4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from heartbeat.ingest.compat.request import CompatPings, Words, by_token, plain, word
from heartbeat.ingest.ping import NOT_FOUND, Refusal
from heartbeat.ingest.written import loaded
from heartbeat.model import Kind

if TYPE_CHECKING:
    from heartbeat.ingest.compat.request import CompatRequest, Sealed

WRONG_KEY = 404
UNKNOWN_MAX = 250_000
"""Bytes of a body sent with a uuid, which may come from anybody: no key proves otherwise."""
SHOWN_MAX = 20
"""Alerts listed in the signal's body."""
refused = plain


def read(request: CompatRequest) -> Sealed | Refusal:
    """See Service."""
    if len(request.parts) != 1:
        return NOT_FOUND
    sealed = by_token(request.parts[0], request.signal("", Kind.LOG, ""))
    if isinstance(sealed, Refusal):
        return sealed
    if sealed.key is None and len(request.body) > UNKNOWN_MAX:
        return Refusal(status=413, text=f"more than {UNKNOWN_MAX} bytes are for <ping key>.<job> only, not for a uuid")
    return replace(sealed, told=lambda: _told(request))


def _told(request: CompatRequest) -> CompatPings | Refusal:
    try:
        alerts = [alert for alert in loaded(request.body)["alerts"] if isinstance(alert["labels"], dict)]
    except (ValueError, TypeError, KeyError):
        return Refusal(status=400, text="the body is no webhook of Alertmanager: give it JSON with alerts and labels")
    wanted = {name: values[-1] for name, values in request.query.items() if name}
    ours = [alert for alert in alerts if all(word(alert["labels"].get(name)) == each for name, each in wanted.items())]
    firing = any(alert.get("status") == "firing" for alert in ours)
    if not ours:  # somebody else's alerts: nothing is wrong, but nothing was said about this job
        return CompatPings(pings=())
    signal = request.signal("", Kind.SUCCESS if firing else Kind.FAIL, "\n".join(map(_line, ours[:SHOWN_MAX])))
    sealed = by_token(request.parts[0], signal)
    return sealed if isinstance(sealed, Refusal) else sealed.told()


def _line(alert: dict[str, Any]) -> str:
    labels = {name: word(value) for name, value in alert["labels"].items()}
    name = labels.pop("alertname", "an alert without a name")
    inside = ", ".join(f"{label}={value}" for label, value in sorted(labels.items()))
    return f"{name} is {word(alert.get('status')) or 'in no known state'}" + (f" ({inside})" if inside else "")


def done(_: CompatRequest) -> Words:
    """See Service."""
    return Words(status=200, text="OK")
