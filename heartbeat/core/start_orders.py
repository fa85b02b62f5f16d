"""The nouns of starting a run: an order, what it comes to, and what became of the call. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from heartbeat.model import Change, Phase, Signal, Snapshot, Start


class Held(StrEnum):
    """Why nothing was called."""

    DONE = "done"
    BUSY = "busy"
    LATER = "later"
    GIVEN_UP = "given up"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    QUEUED = "queued"
    PAUSED = "paused"
    DISABLED = "disabled"
    NO_TRIGGER = "no trigger"
    NO_SLOT = "no slot"
    CLOSED = "closed"
    DROPPED = "dropped"
    TOO_EARLY = "too early"
    TOO_LATE = "too late"
    OVERTAKEN = "overtaken"


class Order(Struct, frozen=True, kw_only=True):
    """A wish to start a run.

    slot: None for a run without one; run_id: "" for the id under which the schedule starts the slot; by: who wishes it,
    "" for the schedule; input: JSON, "" for none.
    """

    slug: str
    slot: int | None
    run_id: str = ""
    by: str = ""
    input: str = ""


class Called(Struct, frozen=True, kw_only=True):
    """What became of a call: started, again (refused for now), failed or unknown. wait: milliseconds, as asked for."""

    phase: Phase
    text: str
    wait: int = 0


class Claim(Struct, frozen=True, kw_only=True):
    """What an order comes to: a start to carry out, or why not, and what must be committed first, if anything.

    said: for a start that ends without a call, the job that remembers it and the signal that tells it.
    """

    start: Start | None
    held: Held | None = None
    change: Change | None = None
    said: tuple[Snapshot, Signal] | None = None
