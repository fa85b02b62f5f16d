"""Sentry's check-ins: envelopes from the SDKs and sentry-cli, and the URL form for curl.

A DSN like `https://<ping key>@host/sentry/42` makes `/sentry/api/42/envelope/`; `/sentry/api/42/cron/<slug>/<ping
key>/` is the URL form. Below `/sentry/create/` a check-in's monitor_config makes the job, and changes it.
Everything else that an SDK sends (errors, sessions) is taken and dropped.
Source: develop.sentry.dev, "Envelopes" and "Check-Ins"; getsentry/relay, monitor.rs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from heartbeat.ingest.compat.checkin import BadCheckIn, ping_of
from heartbeat.ingest.compat.envelope import BadEnvelope, check_ins, unpacked
from heartbeat.ingest.compat.request import Told, Words
from heartbeat.ingest.ping import NOT_FOUND, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heartbeat.ingest.compat.request import Request

WRONG_KEY = 403
QUERY = ("status", "check_in_id", "environment", "duration")


def read(request: Request) -> Told | Refusal:
    """See Service."""
    may_create, parts = request.parts[:1] == ("create",), request.parts[request.parts[:1] == ("create",) :]
    try:
        match parts:
            case ("api", _, "envelope"):
                header, values = check_ins(unpacked(request))
                return _told(request, _key(request, header), values, may_create)
            case ("api", _, "store"):  # the events of old SDKs
                return Told(key=_key(request, {}), pings=())
            case ("api", _, "cron", name, key):
                return _told(request, key, [_by_url(request) | {"monitor_slug": name}], may_create)
            case ("api", _, "cron", name):
                return _told(request, _key(request, {}), [_by_url(request) | {"monitor_slug": name}], may_create)
    except (BadEnvelope, BadCheckIn) as problem:
        return Refusal(status=problem.status, text=str(problem))
    return NOT_FOUND


def _told(request: Request, key: str, values: Sequence[dict[str, Any]], may_create: bool) -> Told:
    remarks: list[str] = []
    pings = tuple(ping_of(request, value, may_create, remarks) for value in values)
    return Told(key=key, pings=pings, remark="; ".join(dict.fromkeys(remarks)))


def _by_url(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").startswith("application/json") and request.body:
        try:
            value = json.loads(unpacked(request))
        except (ValueError, RecursionError):
            raise BadCheckIn('the body is no JSON; give it the form {"status": "ok"}') from None
        if isinstance(value, dict):
            return value
    return {name: request.option(name) for name in QUERY if request.option(name)}


def _key(request: Request, header: dict[str, Any]) -> str:
    """From the query, the header X-Sentry-Auth, or the envelope's own DSN."""
    dsn = str(header.get("dsn", "")).partition("://")[2].partition("@")
    places = (request.option("sentry_key"), *_of_header(request), dsn[0].partition(":")[0] if dsn[1] else "")
    return next(filter(None, places), "?")


def _of_header(request: Request) -> Iterator[str]:
    word, _, pairs = request.headers.get("x-sentry-auth", "").partition(" ")
    if word.lower() == "sentry":
        yield from (
            value.strip()
            for name, _, value in (pair.partition("=") for pair in pairs.split(","))
            if name.strip() == "sentry_key"
        )


def done(request: Request) -> Words:
    """See Service. The URL form has 202 and no body."""
    return Words(status=202, text="") if "cron" in request.parts else Words(status=200, text="{}", json=True)


def refused(status: int, text: str) -> Words:
    """See Service."""
    return Words(status=status, text=json.dumps({"detail": text}), json=True)
