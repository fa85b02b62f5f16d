"""What a source and a jobs.yaml no longer agree on: pure, and worded for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from heartbeat.schedule import parse
from heartbeat.schedule.zones import Zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.importing.found import ImportedJob
    from heartbeat.model import Job
    from heartbeat.schedule import Schedule


class Drift(NamedTuple):
    """One difference. mark: `+` only in the source, `-` only in jobs.yaml, `~` in both, but not alike."""

    mark: str
    job: str
    text: str


def drift_between(found: Sequence[ImportedJob], declared: Sequence[Job], *, prefix: str = "") -> list[Drift]:
    """Every difference, in the source's order. Jobs that Heartbeat itself starts are in no source.

    prefix: jobs.yaml's jobs without it belong to another source. Grace and words are jobs.yaml's own affair.
    """
    known = {job.slug: job for job in declared}
    there = {job.slug for job in found}
    differences = [each for job in found for each in _compared(job, known.get(job.slug))]
    gone = [
        Drift("-", job.slug, "is in jobs.yaml, and no longer in the source")
        for job in declared
        if job.slug not in there and job.slug.startswith(prefix) and job.trigger is None
    ]
    return differences + gone


def _compared(job: ImportedJob, known: Job | None) -> list[Drift]:
    if known is None:
        return [Drift("+", job.slug, f"{job.where}: is not in jobs.yaml ({_times(job.schedules)}, {job.timezone})")]
    texts = []
    meant = parse(job.schedules, job.timezone, job.dialect or None)
    wanted = parse(known.schedule, known.timezone, known.dialect)
    if not same_times(meant, wanted):
        there, here = _times(job.schedules), _times(known.schedule)
        if there == here:
            there, here = (f"{there} ({zone})" for zone in (job.timezone, known.timezone))
        texts.append(f"{job.where}: the schedule is {there}, in jobs.yaml {here}")
    if job.enabled != known.enabled:
        words = ("not enabled", "enabled")
        texts.append(f"{job.where}: it is {words[job.enabled]}, in jobs.yaml {words[known.enabled]}")
    return [Drift("~", job.slug, text) for text in texts]


def same_times(one: Schedule, other: Schedule) -> bool:
    """Whether both mean the same, however they are written."""
    return _meanings(one) == _meanings(other)


def _meanings(schedule: Schedule) -> list[str]:
    return sorted(repr(_meaning(rule)) for rule in schedule.rules)


def _meaning(value: object) -> object:
    """What a rule says, without what it remembers of earlier questions; a zone is its name."""
    if isinstance(value, Zone):
        return value.name
    if isinstance(value, Struct):
        return [_meaning(getattr(value, name)) for name in value.__struct_fields__ if not name.startswith("_")]
    return [_meaning(each) for each in value] if isinstance(value, tuple | list) else value


def _times(texts: Sequence[str]) -> str:
    return ", ".join(texts)
