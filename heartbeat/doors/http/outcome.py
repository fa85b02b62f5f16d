"""What became of a ping, for every HTTP door."""

from __future__ import annotations

from enum import StrEnum


class PingOutcome(StrEnum):
    """What became of a ping."""

    STORED = "stored"
    CREATED = "created"
    UNKNOWN = "unknown"
    BUSY = "busy"
    BROKEN = "broken"


Reply = tuple[PingOutcome, str]
"""What became of a ping; for an unknown one the name that is most like its own, "" when none is."""
BROKEN: Reply = (PingOutcome.BROKEN, "")
