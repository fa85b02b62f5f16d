"""Is this slot still expected? One rule, for those who judge (`on_clock.py`) and those who start (`starting.py`). Pure.

A slot is expected from the moment its schedule holds until it is met, judged or excused. What people have done since
then counts when the question is asked: no slot is started that nobody would miss, and none is missed that nobody would
have started.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from heartbeat.core import slots
from heartbeat.model import Status

if TYPE_CHECKING:
    from heartbeat.model import Job, State


class Unexpected(StrEnum):
    """Why nobody expects a slot."""

    DISABLED = "disabled"
    PAUSED = "paused"
    CLOSED = "closed"
    """It was met, judged or excused, or came before the job or its schedule."""
    NO_SLOT = "no slot"
    """The schedule, as it stands now, does not have it."""


def why_not(job: Job, state: State, slot: int, now: int) -> Unexpected | None:
    """Why nobody expects this slot; None: it is expected, until `slots.due`."""
    if not job.enabled:
        return Unexpected.DISABLED
    if _is_paused(state, slot, now):
        return Unexpected.PAUSED
    if slots.is_met(job, state, slot):
        return Unexpected.CLOSED
    return None if slots.is_slot(job, slot) else Unexpected.NO_SLOT


def _is_paused(state: State, slot: int, now: int) -> bool:
    # A pause that is over but that no sweep has ended yet still holds for the slots within it, and for no later one.
    until = state.paused_until
    return state.status is Status.PAUSED and (until is None or now < until or slot <= until)
