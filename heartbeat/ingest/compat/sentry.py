"""Sentry's check-ins: envelopes from the SDKs and sentry-cli, and the URL form for curl.

A DSN like `https://<ping key>@host/sentry/42` makes `/sentry/api/42/envelope/`; `/sentry/api/42/cron/<slug>/<ping
key>/` is the URL form. Below `/sentry/create/` a check-in's monitor_config makes the job, and changes it.
Everything else that an SDK sends (errors, sessions) is accepted and dropped.
Source: develop.sentry.dev, "Envelopes" and "Check-Ins"; getsentry/relay, monitor.rs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from heartbeat.ingest.compat.checkin import BadCheckIn, ping_of
from heartbeat.ingest.compat.envelope import BadEnvelope, check_ins, header, unpacked
from heartbeat.ingest.compat.request import CompatPings, Sealed, Words, word
from heartbeat.ingest.ping import NOT_FOUND, Refusal
from heartbeat.ingest.written import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from heartbeat.ingest.compat.request import CompatRequest

WRONG_KEY = 403
NO_KEY = "?"
"""Not a key that anybody has."""
QUERY = ("status", "check_in_id", "environment", "duration")


def read(request: CompatRequest) -> Sealed | Refusal:
    """See Service."""
    match request.parts[request.parts[:1] == ("create",) :]:
        case ("api", _, "envelope"):
            try:
                key = _key(request) or _of_dsn(request)
            except BadEnvelope as problem:
                return _refusal(problem)
            return Sealed(key=key, told=lambda: _told(request, lambda: check_ins(unpacked(request))))
        case ("api", _, "store"):  # events from old SDKs
            return Sealed(key=_key(request) or NO_KEY, told=lambda: CompatPings(pings=()))
        case ("api", _, "cron", name, *keys) if len(keys) <= 1:
            key = keys[0] if keys else _key(request) or NO_KEY
            return Sealed(key=key, told=lambda: _told(request, lambda: [_by_url(request) | {"monitor_slug": name}]))
    return NOT_FOUND


def _told(request: CompatRequest, values: Callable[[], Sequence[dict[str, Any]]]) -> CompatPings | Refusal:
    remarks: list[str] = []
    may_create = request.parts[0] == "create"
    try:
        pings = tuple(ping_of(request, value, may_create, remarks) for value in values())
    except (BadEnvelope, BadCheckIn) as problem:
        return _refusal(problem)
    return CompatPings(pings=pings, remark="; ".join(dict.fromkeys(remarks)))


def _refusal(problem: BadEnvelope | BadCheckIn) -> Refusal:
    return Refusal(status=problem.status, text=str(problem))


def _by_url(request: CompatRequest) -> dict[str, Any]:
    if request.headers.get("content-type", "").lower().startswith("application/json") and request.body:
        try:
            value = parsed(unpacked(request))
        except ValueError:
            raise BadCheckIn('the body is no JSON; give it the form {"status": "ok"}') from None
        if isinstance(value, dict):
            return value
    return {name: request.option(name) for name in QUERY if request.option(name)}


def _key(request: CompatRequest) -> str:
    """From the query, or the header X-Sentry-Auth."""
    return next(filter(None, (request.option("sentry_key"), *_of_header(request))), "")


def _of_dsn(request: CompatRequest) -> str:
    """From the envelope's own DSN. Raises BadEnvelope."""
    user, at, _ = word(header(request).get("dsn")).partition("://")[2].partition("@")
    return (user.partition(":")[0] if at else "") or NO_KEY


def _of_header(request: CompatRequest) -> Iterator[str]:
    word, _, pairs = request.headers.get("x-sentry-auth", "").partition(" ")
    if word.lower() == "sentry":
        yield from (
            value.strip()
            for name, _, value in (pair.partition("=") for pair in pairs.split(","))
            if name.strip() == "sentry_key"
        )


def done(request: CompatRequest) -> Words:
    """See Service. The URL form gets 202 and no body."""
    return Words(status=202, text="") if "cron" in request.parts else Words(status=200, text="{}", json=True)


def refused(status: int, text: str) -> Words:
    """See Service."""
    return Words(status=status, text=json.dumps({"detail": text}), json=True)
