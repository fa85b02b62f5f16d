"""How a ping ended, for every HTTP door."""

from __future__ import annotations

from enum import StrEnum


class PingOutcome(StrEnum):
    """How a ping ended."""

    STORED = "stored"
    CREATED = "created"
    UNKNOWN = "unknown"
    BUSY = "busy"
    BROKEN = "broken"


Reply = tuple[PingOutcome, str]
"""How a ping ended; for an unknown job also the most similar name, "" if there is none."""
BROKEN: Reply = (PingOutcome.BROKEN, "")
