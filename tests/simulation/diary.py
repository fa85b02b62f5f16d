"""What really happened in a world, in the order in which it was committed. The oracle reads nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heartbeat.model import Job, Signal, Silence


@dataclass(kw_only=True)
class Born:
    """The job was applied: for the first time, or again."""

    slug: str
    now: int
    job: Job


@dataclass(kw_only=True)
class Redefined:
    """The job has another definition."""

    slug: str
    now: int
    job: Job


@dataclass(kw_only=True)
class Removed:
    """The job is gone."""

    slug: str
    now: int


@dataclass(kw_only=True)
class Heard:
    """A signal is in the store."""

    signal: Signal

    @property
    def slug(self) -> str:
        return self.signal.slug


@dataclass(kw_only=True)
class Swept:
    """A sweep that thinks it is `now` has looked at these jobs here, and did not crash before it said so.

    sure: it changed something, so it did look; else we know only that it came home.
    """

    now: int
    slugs: set[str] = field(default_factory=set)
    sure: bool = True


@dataclass(kw_only=True)
class Alive:
    """A sweep has written down that it lives."""

    now: int


@dataclass(kw_only=True)
class Paused:
    slug: str
    now: int


@dataclass(kw_only=True)
class Resumed:
    slug: str
    now: int


@dataclass(kw_only=True)
class Acknowledged:
    slug: str
    now: int


@dataclass(kw_only=True)
class Silenced:
    silence: Silence


@dataclass(kw_only=True)
class Unsilenced:
    name: str
    now: int


Step = Born | Redefined | Removed | Heard | Swept | Alive | Paused | Resumed | Acknowledged | Silenced | Unsilenced
