"""Dead Man's Snitch: `/snitch/<token>?m=3 rows&s=0`. Source: deadmanssnitch/snitcher; s is an exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.ingest.compat.request import Words, by_token, exit_status, plain
from heartbeat.ingest.ping import NOT_FOUND
from heartbeat.model import Kind

if TYPE_CHECKING:
    from heartbeat.ingest.compat.request import CompatRequest, Sealed
    from heartbeat.ingest.ping import Refusal

WRONG_KEY = 404
refused = plain


def read(request: CompatRequest) -> Sealed | Refusal:
    """See Service."""
    if len(request.parts) != 1:
        return NOT_FOUND
    text = request.option("s").strip()
    status = exit_status(text)
    failed = status != 0 if status is not None else bool(text)
    signal = request.signal("", Kind.FAIL if failed else Kind.SUCCESS, request.option("m") or request.note)
    return by_token(request.parts[0], replace(signal, exit_status=status))


def done(_: CompatRequest) -> Words:
    """See Service."""
    return Words(status=200, text="Got it, thanks!")
