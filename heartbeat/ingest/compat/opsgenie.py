"""OpsGenie's heartbeats: `/opsgenie/v2/heartbeats/<name>/ping`, with `Authorization: GenieKey <ping key>`.

Source: docs.opsgenie.com/docs/heartbeat-api: 202 and PONG. OpsGenie answers 202 for unknown names too; we answer 404.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from heartbeat.ingest.compat.request import Words, by_key, run_of, slug_of
from heartbeat.ingest.ping import NOT_FOUND
from heartbeat.model import Kind

if TYPE_CHECKING:
    from heartbeat.ingest.compat.request import CompatRequest, Sealed
    from heartbeat.ingest.ping import Refusal

WRONG_KEY = 403
TOOK = 0.001
"""Seconds. Clients only display it."""


def read(request: CompatRequest) -> Sealed | Refusal:
    """See Service."""
    match request.parts:
        case ("v2", "heartbeats", name, "ping"):
            word, _, key = request.headers.get("authorization", "").partition(" ")
            slug = slug_of(name)
            return by_key(key.strip() if word == "GenieKey" else "?", slug, request.signal(slug, Kind.SUCCESS, ""))
        case _:
            return NOT_FOUND


def done(request: CompatRequest) -> Words:
    """See Service."""
    number = run_of("request", str(request.received))
    answer = {"result": "PONG - Heartbeat received", "took": TOOK, "requestId": number}
    return Words(status=202, text=json.dumps(answer), json=True)


def refused(status: int, text: str) -> Words:
    """See Service."""
    return Words(status=status, text=json.dumps({"message": text, "took": TOOK, "requestId": ""}), json=True)
