"""What is heard of an event."""

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
    """An object in S3 that is said to be new. What it is worth is seen by looking at the object itself."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What an event says.

    signals: in the order in which they are to be recorded; objects: new in S3; odd: a sentence for each thing that
    could not be read; strangers: how many events and objects are no job's; missing: jobs of the definitions that the
    store does not have yet, whose evidence waits; unread: a sentence for each object that could not be looked at for
    now. With one of the last two, hand the event in again later.
    """

    signals: tuple[Signal, ...] = ()
    objects: tuple[Object, ...] = ()
    odd: tuple[str, ...] = ()
    strangers: int = 0
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """What one event tells of its subject.

    kind: that of the source (`ecs`); facts: what the source's keys are held against, each in every way it may be
    spelled; signals: what follows for a job with that source, without the job's slug.
    """

    kind: str
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    signals: Callable[[Source], Sequence[Signal]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Makes the signals of one event, as yet without the job's slug.

    source: the kind; run: the run's id; now: when we heard of it, started: when the run began, both in milliseconds.
    """

    source: str
    now: int
    run: str = ""
    started: int | None = None

    def start(self) -> list[Signal]:
        """The start of the run, if it began. Every later event of a run repeats it: the first one may be lost."""
        return [] if self.started is None else [self._signal(Kind.START, "start", self.started)]

    def end(self, kind: Kind, state: str, at: int | None) -> Signal:
        """The end of the run. state: tells one end from another of the same run."""
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
