"""Uptime Kuma's push monitors: `/kuma/api/push/<token>?status=up&msg=OK&ping=12`.

Source: louislam/uptime-kuma, server/routers/api-router.js: anything but "up" is down, ping is in milliseconds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.ingest.compat.request import Words, by_token, number
from heartbeat.ingest.ping import NOT_FOUND
from heartbeat.model import Kind

if TYPE_CHECKING:
    from heartbeat.ingest.compat.request import CompatRequest, Sealed
    from heartbeat.ingest.ping import Refusal

WRONG_KEY = 404
PING_MAX = 1e11


def read(request: CompatRequest) -> Sealed | Refusal:
    """See Service."""
    match request.parts:
        case ("api", "push", token):
            kind = Kind.SUCCESS if (request.option("status") or "up") == "up" else Kind.FAIL
            signal = request.signal("", kind, request.option("msg"))
            ping = number(request.option("ping"))
            metrics = (("ping", ping),) if ping is not None and 0 <= ping < PING_MAX else ()
            return by_token(token, replace(signal, metrics=metrics))
        case _:
            return NOT_FOUND


def done(_: CompatRequest) -> Words:
    """See Service."""
    return Words(status=200, text='{"ok":true}', json=True)


def refused(status: int, text: str) -> Words:
    """See Service. Clients read `msg`."""
    said = "Monitor not found or not active." if status == WRONG_KEY else text
    return Words(status=status, text=json.dumps({"ok": False, "msg": said}), json=True)
