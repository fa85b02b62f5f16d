"""Events in, signals out, looking at objects on the way: the work of a function that receives events."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from heartbeat.errors import HeartbeatError, WorldError
from heartbeat.ingest import evidence
from heartbeat.ingest.bucket import Once
from heartbeat.ingest.events import Matcher, read
from heartbeat.ingest.events.shape import quoted
from heartbeat.ingest.keys import Keys, candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from heartbeat.ingest.bucket import Bucket
    from heartbeat.ingest.events import Heard, Object
    from heartbeat.model import Job, Signal, Snapshot

    Load = Callable[[Sequence[str]], Mapping[str, Snapshot]]
    """Like Store.load."""


@dataclass(slots=True)
class _Trouble:
    """odd: what can never be read; unread: what may be readable later."""

    odd: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


class Intake:
    """Made once from the definitions. bucket: the service's own, which leads to others; own: its name, "" for none."""

    def __init__(self, jobs: Collection[Job], bucket: Bucket, own: str) -> None:
        self._matcher = Matcher(jobs)
        self._keys = Keys(jobs, own)
        self._bucket = bucket

    def hear(self, event: object, load: Load, now: int) -> Heard:
        """What an event says, having looked at the objects it reports. Raises only what `load` raises.

        A duplicate event, or a sweep that looks at the same object, gives signals with the same ids.
        """
        heard = read(event, self._matcher, now)
        if not heard.objects:
            return heard
        wanted = [(found, job) for found in heard.objects for job in self._keys.jobs(found)]
        known = load(sorted({job.slug for _, job in wanted})) if wanted else {}
        trouble = _Trouble()
        signals = [each for found, job in wanted for each in self._look(found, known.get(job.slug), now, trouble)]
        return replace(
            heard,
            signals=(*heard.signals, *signals),
            odd=(*heard.odd, *trouble.odd),
            strangers=heard.strangers + len(set(heard.objects) - {found for found, _ in wanted}),
            missing=tuple(sorted({job.slug for _, job in wanted} - known.keys())),
            unread=tuple(trouble.unread),
        )

    def _look(self, found: Object, snapshot: Snapshot | None, now: int, trouble: _Trouble) -> Sequence[Signal]:
        if snapshot is None or snapshot.job.evidence is None:
            return ()
        bucket = Once(self._bucket)
        try:
            there = bucket.named(snapshot.job.evidence.bucket).head(found.key)
        except (OSError, HeartbeatError) as problem:
            told = trouble.unread if isinstance(problem, OSError | WorldError) else trouble.odd
            told.append(f"the evidence {quoted(found.key)} of {snapshot.job.slug} cannot be read: {problem}")
            return ()
        if there is None:
            return ()
        slots = candidates(snapshot, found.key, min(there.modified, now), now)
        return evidence.proof(bucket, snapshot, [(slot, found.key) for slot in slots], now)
