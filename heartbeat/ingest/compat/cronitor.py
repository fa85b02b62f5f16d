"""Cronitor's telemetry: `/cronitor/p/<ping key>/<name>?state=run` (or `/ping/…`), and `/cronitor/<token>/<state>`.

Source: cronitor.io/docs/telemetry-api, and what its SDKs and CLI send: `series` joins a run, `metric=duration:1.2`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.ingest.compat.request import (
    Words,
    by_key,
    by_token,
    exit_status,
    milliseconds,
    number,
    plain,
    run_of,
    slug_of,
)
from heartbeat.ingest.ping import METRICS_MAX, NOT_FOUND, Refusal
from heartbeat.model import SECOND, Kind
from heartbeat.text.sanitize import sound

if TYPE_CHECKING:
    from heartbeat.ingest.compat.request import CompatRequest, Sealed
    from heartbeat.model import Signal

WRONG_KEY = 404
STATES = {"run": Kind.START, "complete": Kind.SUCCESS, "ok": Kind.SUCCESS, "tick": Kind.SUCCESS, "fail": Kind.FAIL}
METRIC_MAX = 64
refused = plain


def read(request: CompatRequest) -> Sealed | Refusal:
    """See Service."""
    match request.parts:
        case ("p" | "ping", key, name):
            slug, state = slug_of(name, request.option("env")), request.option("state") or "tick"
        case (token,) | (token, ("run" | "complete" | "ok" | "tick" | "fail")):
            key, slug, state = "", token, request.parts[1] if request.parts[1:] else request.option("state") or "tick"
        case _:
            return NOT_FOUND
    if state not in STATES:
        return Refusal(status=400, text=f"state {state[:40]!r} is none of {', '.join(STATES)}")
    signal = _signal(request, slug, STATES[state])
    return by_key(key, slug, signal) if key else by_token(slug, signal)


def _signal(request: CompatRequest, name: str, kind: Kind) -> Signal:
    metrics = _metrics(request)
    stamp = number(request.option("stamp"))
    signal = request.signal("", kind, request.option("message", "msg") or request.note)
    return replace(
        signal,
        at=round(stamp * SECOND) if stamp is not None and 0 <= stamp <= signal.at / SECOND else signal.at,
        run_id=run_of(name, request.option("series")),
        exit_status=exit_status(request.option("status_code")),
        duration=milliseconds(metrics.pop("duration", request.option("duration"))),
        metrics=tuple(metrics.items()),
    )


def _metrics(request: CompatRequest) -> dict[str, float]:
    """`metric=name:number`, any number of times."""
    pairs = (text.partition(":") for text in request.query.get("metric", ())[:METRICS_MAX])
    found = ((sound(name[:METRIC_MAX]), number(value)) for name, _, value in pairs)
    return {name: value for name, value in found if name and value is not None}


def done(_: CompatRequest) -> Words:
    """See Service."""
    return Words(status=200, text="OK")
