"""Evidence: a dated object that proves a run. Which object belongs to which slot, and what it says as a signal.

`look(bucket)` is what the sweep asks before it calls a slot missed. Where objects lie is a `Bucket`: here a folder on
one machine. What cannot be read never stops the sweep: it becomes a line in the job's history.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from dataclasses import dataclass, replace
from datetime import datetime
from mimetypes import MimeTypes
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from heartbeat import slots
from heartbeat.errors import BadSignal, HeartbeatError
from heartbeat.model import BODY_MAX, SECOND, Job, Kind, Signal, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Look = Callable[[Snapshot, Sequence[int], int], Sequence[Signal]]
    """What `sweep` takes as its `evidence`."""

JSON_MAX = 64_000
"""Bytes of an object that is read as JSON; a larger one proves the run by being there."""
METRICS_MAX = 20
NUMBER_MAX = 1e15
_PART = re.compile(r"\{\{|\}\}|\{date:([^{}]*)\}")
_FAILED = frozenset({"fail", "failed", "failure", "error"})
_SUCCEEDED = frozenset({"success", "succeeded", "ok"})
_EXIT_STATUS_MAX = 255
_SIGNALLED = 128
_TYPES = MimeTypes()
_PACKED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An object that is there. size: bytes; modified: milliseconds since the epoch; content_type "" when unknown."""

    size: int
    modified: int
    content_type: str = ""


class Bucket(Protocol):
    """Where evidence lies. Raises OSError, BadSignal (a key that cannot be one) or WorldError."""

    def head(self, key: str) -> Found | None:
        """The object of this key, or None when there is none."""

    def read(self, key: str, limit: int) -> bytes:
        """The first `limit` bytes of an object."""

    def named(self, name: str) -> Bucket:
        """The bucket that a job names; "" is this one."""


class FolderBucket:
    """A folder as a bucket: a key is a file's path below it. Nothing outside of it is ever looked at."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def head(self, key: str) -> Found | None:
        """See Bucket.head: regular files only."""
        try:
            status = self._path(key).stat(follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return Found(size=status.st_size, modified=status.st_mtime_ns // 1_000_000, content_type=_type_of(key))

    def read(self, key: str, limit: int) -> bytes:
        """See Bucket.read."""
        with os.fdopen(os.open(self._path(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return file.read(limit)

    def named(self, name: str) -> FolderBucket:
        """See Bucket.named: the folder of that name inside this one."""
        return FolderBucket(self._path(name)) if name else self

    def _path(self, key: str) -> Path:
        parts = PurePosixPath(key).parts
        if not parts or key.startswith("/") or ".." in parts or not key.isprintable():
            raise BadSignal(
                f"{key!r} is no key: write a path below the evidence folder, without .. and without / first"
            )
        root = self._folder.resolve()
        try:
            path = root.joinpath(*parts).resolve()  # links inside are followed, and must stay inside
        except RuntimeError:
            raise BadSignal(f"{key!r} is a link that leads to itself; put the file itself there") from None
        if not path.is_relative_to(root):
            raise BadSignal(f"{key!r} is a link that leaves the evidence folder; put the file itself there")
        return path


def _type_of(key: str) -> str:
    kind, packed = _TYPES.guess_type(key)
    return _PACKED.get(packed, "application/octet-stream") if packed else kind or ""


def key_of(job: Job, slot: int) -> str:
    """The key of a slot's evidence: `{date:…}` is the slot's date in the job's zone; `{{` and `}}` are braces."""
    if job.evidence is None:
        return ""
    local = _local(job, slot)
    return _PART.sub(lambda part: part[0][0] if part[1] is None else local.strftime(part[1]), job.evidence.key)


def look(bucket: Bucket) -> Look:
    """What the sweep asks for: (job, slots at stake, now) -> the signals that the evidence itself gives for them."""

    def signals(snapshot: Snapshot, at_stake: Sequence[int], now: int) -> Sequence[Signal]:
        if snapshot.job.evidence is None:
            return ()
        found = [signal for slot in at_stake for signal in _proof(bucket, snapshot, slot, now)]
        return tuple({signal.id: signal for signal in found}.values())

    return signals


def _proof(bucket: Bucket, snapshot: Snapshot, slot: int, now: int) -> Iterator[Signal]:
    for key in _keys(snapshot.job, slot, now):
        try:
            yield from _at(bucket, snapshot, slot, key, now)
        except (OSError, HeartbeatError) as problem:
            told = problem.strerror if isinstance(problem, OSError) else str(problem)
            note = Signal(slug=snapshot.job.slug, kind=Kind.LOG, at=now, received=now, source="evidence")
            yield replace(note, id=f"evidence:{key}:{slot}?", body=f"the evidence {key} cannot be read: {told}")


def _keys(job: Job, slot: int, now: int) -> list[str]:
    # `every` counts from the last heartbeat: a run that drifts over midnight has the other day's key.
    drifts = slots.schedule_of(job).interval_ms is not None
    return list(dict.fromkeys(key_of(job, instant) for instant in ([slot, now] if drifts else [slot])))


def _at(bucket: Bucket, snapshot: Snapshot, slot: int, key: str, now: int) -> Iterator[Signal]:
    job = snapshot.job
    place = bucket.named(job.evidence.bucket if job.evidence else "")
    found = place.head(key)
    if found is None or not belongs(snapshot, slot, min(found.modified, now)):
        return
    signal = _signal(job, slot, key, found, now)
    if found.content_type.startswith("application/json") or key.endswith(".json"):
        signal = _told(signal, place, key, found)
    yield signal


def _signal(job: Job, slot: int, key: str, found: Found, now: int) -> Signal:
    every = slots.schedule_of(job).interval_ms is not None
    return Signal(
        slug=job.slug,
        kind=Kind.SUCCESS,
        at=min(found.modified, now),
        received=now,
        id=f"evidence:{key}:{found.modified}",
        named="" if every else _local(job, slot).isoformat(timespec="minutes"),
        size=found.size,
        content_type=found.content_type,
        source="evidence",
    )


def belongs(snapshot: Snapshot, slot: int, modified: int) -> bool:
    """An object under this slot's key, last modified then, is this slot's and no other's.

    Of slots that share a key, it is the latest one's that had begun (an hourly job with a daily key, a key without a
    date). A key that the slot before does not have says itself whose it is: anything since that slot counts.
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
    """From when a signal can be this slot's (DESIGN.md, "Slot matching", rule 3)."""
    previous = slots.schedule_of(job).previous_ms(slot)
    return slot - (job.early if previous is None else min(job.early, (slot - previous) // 2))


def _local(job: Job, instant: int) -> datetime:
    return datetime.fromtimestamp(instant / SECOND, ZoneInfo(job.timezone))


def _told(signal: Signal, place: Bucket, key: str, found: Found) -> Signal:
    """What a JSON object says of the run. Whatever is wrong with it, it is evidence that something ran."""
    if found.size > JSON_MAX:
        return replace(signal, body=f"{key} has more than {JSON_MAX} bytes, it was not read as JSON")
    try:
        value = json.loads(place.read(key, JSON_MAX))
    except (ValueError, RecursionError, OSError, HeartbeatError) as problem:
        return replace(signal, body=f"{key} cannot be read as JSON ({problem}); taken as a success")
    return _said(signal, value) if isinstance(value, dict) else signal


def _said(signal: Signal, value: dict[str, Any]) -> Signal:
    odd: list[str] = []
    exit_status = _number(value, "exit_status", odd)
    status = str(value.get("status", "success")).lower()
    if status not in _FAILED | _SUCCEEDED:
        odd.append(f"status {value['status']!r} is neither success nor fail")
    duration = _number(value, "duration", odd)
    message = value.get("message")
    return replace(
        signal,
        kind=Kind.FAIL if status in _FAILED or exit_status else Kind.SUCCESS,
        exit_status=None if exit_status is None else _exit_status(exit_status),
        duration=None if duration is None or duration < 0 else round(duration * SECOND),
        metrics=_metrics(value, odd),
        body=_cut("\n".join([*([str(message)] if message else []), *odd])),
    )


def _number(value: dict[str, Any], name: str, odd: list[str]) -> float | None:
    found = value.get(name)
    if found is None:
        return None
    if isinstance(found, int | float) and not isinstance(found, bool) and abs(found) <= NUMBER_MAX:
        return found
    odd.append(f"{name} {str(found)[:40]!r} is no number that can be used")
    return None


def _exit_status(number: float) -> int:
    """As a shell says it: a process that a signal ended (-9) has 137."""
    whole = math.ceil(abs(number))
    return min(whole + _SIGNALLED if number < 0 else whole, _EXIT_STATUS_MAX)


def _metrics(value: dict[str, Any], odd: list[str]) -> tuple[tuple[str, float], ...]:
    given = value.get("metrics") or {}
    if not isinstance(given, dict):
        odd.append("metrics is no mapping of names to numbers")
        return ()
    numbers = ((str(name), _number(given, name, odd)) for name in list(given)[:METRICS_MAX])
    return tuple((name, float(number)) for name, number in numbers if number is not None)


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:BODY_MAX].decode("utf-8", "ignore")
