"""What the oracle says had to be told, and what it keeps in mind for it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Told:
    """step: where in the diary people had to be told; at: the date of the fact."""

    step: int
    slug: str
    event: str
    at: int | None


@dataclass(kw_only=True)
class Incident:
    opened_at: int
    bad_at: int
    told: bool = False
    last_told: int = 0
    acked: bool = False
    ended_at: int | None = None


@dataclass(kw_only=True)
class Situation:
    """What is true around a step: where in the diary, the clock on the wall, who is silenced, when we were blind."""

    step: int
    now: int
    quiet: bool
    blinds: list[tuple[int, int]] = field(default_factory=list)
