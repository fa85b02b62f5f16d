"""The fields of `State`, for type checkers: what `Decision.set` may be given. A test compares the two."""

from __future__ import annotations

from typing import TypedDict

from heartbeat.model.state import Incident, Run, Span, Start
from heartbeat.model.words import Status


class StateFields(TypedDict, total=False):
    """Some fields of a state; what each means is said there."""

    version: int
    born: int
    cursor: int
    status: Status
    since: int
    ahead: tuple[Span, ...]
    runs: tuple[Run, ...]
    streak: int
    bad_slot: int | None
    failed_at: int | None
    finished_at: int | None
    last_signal: int | None
    signals: int
    recent: tuple[int, ...]
    seen: tuple[str, ...]
    incident: Incident | None
    paused_until: int | None
    pause_reason: str
    outage: tuple[int, int] | None
    mends: tuple[tuple[int, int], ...]
    mended_at: int | None
    starts: tuple[Start, ...]
    claimed_slot: int | None
    life: int
    removed_at: int | None
    deaf_before: int
    skew: int
