"""Evidence: a dated object that proves a run. Which object belongs to which slot, and what signal it gives.

The sweep asks `look(bucket)` before it calls a slot missed. What cannot be read never stops the sweep: it
becomes a line in the job's history.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from heartbeat.core import slots
from heartbeat.errors import HeartbeatError
from heartbeat.ingest import report
from heartbeat.ingest.bucket import Bucket, FolderBucket, Once, StoredObject
from heartbeat.ingest.ping import short
from heartbeat.ingest.written import parsed
from heartbeat.model import SECOND, Job, Kind, Signal, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Look = Callable[[Snapshot, Sequence[int], int], Sequence[Signal]]
    """What `sweep` takes as its `evidence`."""

__all__ = ["Bucket", "FolderBucket", "StoredObject", "belongs", "key_of", "keys", "look", "proof"]

JSON_MAX = 64_000
"""Bytes of an object that we read as JSON; a larger one proves the run by existing."""
PART = re.compile(r"\{\{|\}\}|\{date:([^{}]*)\}")


def key_of(job: Job, slot: int) -> str:
    """The key of a slot's evidence: `{date:…}` is the slot's date in the job's zone; `{{` and `}}` are braces."""
    if job.evidence is None:
        return ""
    local = _local(job, slot)
    return PART.sub(lambda part: part[0][0] if part[1] is None else local.strftime(part[1]), job.evidence.key)


def look(bucket: Bucket) -> Look:
    """The sweep's question: (job, slots at stake, now) -> the signals that evidence gives for them."""

    def signals(snapshot: Snapshot, at_stake: Sequence[int], now: int) -> Sequence[Signal]:
        job = snapshot.job
        if job.evidence is None:
            return ()
        return proof(Once(bucket), snapshot, [(slot, key) for slot in at_stake for key in keys(job, slot, now)], now)

    return signals


def proof(bucket: Bucket, snapshot: Snapshot, places: Iterable[tuple[int, str]], now: int) -> tuple[Signal, ...]:
    """What the objects under these keys say about these slots, each once; always the same signals, however found."""
    found = [signal for slot, key in places for signal in _proof(bucket, snapshot, slot, key, now)]
    return tuple({signal.id: signal for signal in found}.values())


def _proof(bucket: Bucket, snapshot: Snapshot, slot: int, key: str, now: int) -> Iterator[Signal]:
    try:
        yield from _at(bucket, snapshot, slot, key, now)
    except (OSError, HeartbeatError) as problem:
        told = problem.strerror if isinstance(problem, OSError) else str(problem)
        note = Signal(slug=snapshot.job.slug, kind=Kind.LOG, at=now, received=now, source="evidence")
        yield replace(note, id=short(f"evidence:{key}:{slot}?"), body=f"the evidence {key} cannot be read: {told}")


def keys(job: Job, slot: int, now: int) -> list[str]:
    """The keys under which this slot's evidence may be.

    `every` counts from the last heartbeat: a run that drifts past midnight, or before it, has another day's key.
    """
    interval = slots.schedule_of(job).interval_ms
    instants = [slot] if interval is None else [slot, now, slot - interval]
    return list(dict.fromkeys(key_of(job, instant) for instant in instants))


def _at(bucket: Bucket, snapshot: Snapshot, slot: int, key: str, now: int) -> Iterator[Signal]:
    job = snapshot.job
    place = bucket.named(job.evidence.bucket if job.evidence else "")
    found = place.head(key)
    if found is None or not belongs(snapshot, slot, min(found.modified, now)):
        return
    signal = _signal(job, slot, key, found, now)
    if found.content_type.lower().startswith("application/json") or key.endswith(".json"):
        signal = _read(signal, place, key, found)
    yield signal


def _signal(job: Job, slot: int, key: str, found: StoredObject, now: int) -> Signal:
    every = slots.schedule_of(job).interval_ms is not None
    return Signal(
        slug=job.slug,
        kind=Kind.SUCCESS,
        at=min(found.modified, now),
        received=now,
        id=short(f"evidence:{key}:{found.modified}"),
        named="" if every else _local(job, slot).isoformat(timespec="minutes"),
        size=found.size,
        content_type=found.content_type,
        source="evidence",
    )


def belongs(snapshot: Snapshot, slot: int, modified: int) -> bool:
    """Whether an object under this slot's key, last modified then, belongs to this slot and no other.

    If slots share a key, it belongs to the latest one that had begun (an hourly job with a daily key, a key without a
    date). A key that the previous slot does not share is unambiguous: anything since that slot counts.
    """
    job, schedule = snapshot.job, slots.schedule_of(snapshot.job)
    if schedule.interval_ms is not None:
        return modified > slots.heartbeat_cursor(snapshot.state)
    key, previous, following = key_of(job, slot), schedule.previous_ms(slot), schedule.next_ms(slot)
    own = previous is not None and key_of(job, previous) != key
    if modified < (previous if own and previous is not None else _begin(job, slot)):
        return False
    if following is not None and key_of(job, following) == key and modified >= _begin(job, following):
        return False
    other = slots.by_time(job, snapshot.state, modified)
    return other is None or other <= slot or key_of(job, other) != key


def _begin(job: Job, slot: int) -> int:
    """From when a signal can belong to this slot (DESIGN.md, "Slot matching", rule 3)."""
    previous = slots.schedule_of(job).previous_ms(slot)
    return slot - (job.early if previous is None else min(job.early, (slot - previous) // 2))


def _local(job: Job, instant: int) -> datetime:
    return datetime.fromtimestamp(instant / SECOND, ZoneInfo(job.timezone))


def _read(signal: Signal, place: Bucket, key: str, found: StoredObject) -> Signal:
    if found.size > JSON_MAX:
        return replace(signal, body=f"{key} has more than {JSON_MAX} bytes, it was not read as JSON")
    try:
        value = parsed(place.read(key, JSON_MAX))
    except (ValueError, OSError, HeartbeatError) as problem:
        return replace(signal, body=f"{key} cannot be read as JSON ({problem}); taken as a success")
    told = report.told(signal, value)
    if told.kind is Kind.START:  # S3 reports whole seconds: an end written within the same second is another signal
        return replace(told, id=short(f"evidence:{key}:{found.modified}:started"))
    return told
