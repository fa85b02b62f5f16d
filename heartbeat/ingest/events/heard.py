"""What an event tells us."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.ingest.ping import short
from heartbeat.model import Kind, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from heartbeat.model import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """An S3 object reported as new. Only looking at the object itself shows what it is worth."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What an event says.

    signals: in the order to record them; objects: new in S3; odd: a sentence for each thing that
    could not be read; strangers: how many events and objects belong to no job; missing: declared jobs that the
    store does not have yet, whose evidence waits; unread: a sentence for each object that cannot be looked at for
    now. If there are any of the last two, pass the event in again later.
    """

    signals: tuple[Signal, ...] = ()
    objects: tuple[Object, ...] = ()
    odd: tuple[str, ...] = ()
    strangers: int = 0
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """What one event says about its subject.

    kind: of source (`ecs`); facts: what the source's keys are matched against, each in every way it may be
    spelled; signals: what it means for a job with that source, without the job's slug.
    """

    kind: str
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    signals: Callable[[Source], Sequence[Signal]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Makes one event's signals, still without the job's slug.

    source: the kind; run: the run's id; now: when we heard of it; started: when the run began, both in milliseconds.
    """

    source: str
    now: int
    run: str = ""
    started: int | None = None

    def start(self) -> list[Signal]:
        """The start of the run, if it began. Every later event repeats it, because the first one may be lost."""
        return [] if self.started is None else [self._signal(Kind.START, "start", self.started)]

    def end(self, kind: Kind, state: str, at: int | None) -> Signal:
        """The end of the run. state: distinguishes several ends of the same run."""
        signal = self._signal(kind, state, self.now if at is None else at)
        known = self.started is not None and self.started <= signal.at
        return replace(signal, duration=signal.at - (self.started or 0) if known else None)

    def _signal(self, kind: Kind, state: str, at: int) -> Signal:
        return Signal(
            slug="",
            kind=kind,
            at=min(at, self.now),
            received=self.now,
            id=short(f"{self.source}:{self.run or at}:{state}"),
            run_id=self.run,
            source=self.source,
        )
