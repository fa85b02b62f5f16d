"""Better Stack's heartbeats: `/betterstack/api/v1/heartbeat/<token>`, then nothing, `/fail` or `/<exit status>`.

Source: betterstack.com/docs/uptime/cron-and-heartbeat-monitor: a body is the run's output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.ingest.compat.request import Words, by_token, exit_status, plain
from heartbeat.ingest.ping import NOT_FOUND, Refusal
from heartbeat.model import Kind

if TYPE_CHECKING:
    from heartbeat.ingest.compat.request import CompatRequest, Sealed

WRONG_KEY = 404
refused = plain


def read(request: CompatRequest) -> Sealed | Refusal:
    """See Service."""
    match request.parts:
        case ("api", "v1", "heartbeat", token):
            step = "0"
        case ("api", "v1", "heartbeat", token, step):
            pass
        case _:
            return NOT_FOUND
    status = exit_status(step)
    if status is None and step != "fail":
        return Refusal(status=400, text=f"{step[:40]!r} is neither fail nor an exit status from 0 to 255")
    signal = request.signal("", Kind.FAIL if status != 0 else Kind.SUCCESS, request.text)
    return by_token(token, signal if len(request.parts) == 4 else replace(signal, exit_status=status))  # noqa: PLR2004 - the short form names no status


def done(_: CompatRequest) -> Words:
    """See Service."""
    return Words(status=200, text="")
