"""The verb `apply`: the file changed. It carries out the difference, and prunes only what this file owns.

State (pause, silence, incident, history) is never in the file, and applying a file never changes it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.config import Config, Plan, plan
from heartbeat.core.addressing import address, quiet_until
from heartbeat.core.definition import removed
from heartbeat.core.judgment import Judgment
from heartbeat.core.on_clock import excuse
from heartbeat.errors import TooBusy, UnknownJob
from heartbeat.model import Change, Commit, Job, Reason, Snapshot
from heartbeat.verbs.jobs import ATTEMPTS_MAX, amend
from heartbeat.verbs.operate import found
from heartbeat.verbs.service_state import silences
from heartbeat.verbs.sweep import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from heartbeat.model import Silence
    from heartbeat.store.protocol import Store

BATCH = 500
"""Jobs made, changed or removed in one commit."""


def plan_for(store: Store, config: Config) -> Plan:
    """What applying this file would do now."""
    slugs = [job.slug for job in config.jobs]
    there: dict[str, Job] = {}
    for owner in sorted(config.owners):
        there |= store.declared(owner, slugs)
        slugs = [slug for slug in slugs if slug not in there]
    return plan(config, there)


def apply(store: Store, config: Config, now: int, todo: Plan | None = None) -> Plan:
    """Make the jobs what the file says; answers what was done. Doing it twice does nothing the second time.

    todo: what `plan_for` said just now. Nobody is asked whether it is meant: see `apply_agreed`.
    """
    todo = todo or plan_for(store, config)
    for added in _batched(todo.added):
        _add(store, added, now)
    for changed in _batched([changed.new for changed in todo.changed]):
        _together(store, changed, now, redefined, _change)
    for gone in _batched(todo.removed):
        _together(store, gone, now, partial(_removed, silences(store)), _remove)
    return todo


def _together(
    store: Store,
    jobs: Sequence[Job],
    now: int,
    decide: Callable[[Snapshot, Job, int], Change],
    alone: Callable[[Store, Job, int], None],
) -> None:
    """In one commit those of which nothing is due; by themselves the others, and those that move meanwhile."""
    there = store.load([job.slug for job in jobs])
    calm = [job for job in jobs if job.slug in there and there[job.slug].due > now]
    answers = store.commit([decide(there[job.slug], job, now) for job in calm]) if calm else []
    done = {job.slug for job, answer in zip(calm, answers, strict=True) if answer is Commit.STORED}
    for job in jobs:
        if job.slug not in done:
            alone(store, job, now)


def _batched(jobs: Sequence[Job]) -> Iterator[Sequence[Job]]:
    """The jobs in pieces of at most BATCH."""
    return (jobs[start : start + BATCH] for start in range(0, len(jobs), BATCH))


def define(store: Store, job: Job, now: int) -> None:
    """A sender gives its job's definition: make or change the job. One that somebody else owns stays as it is."""
    there = store.load([job.slug]).get(job.slug)
    if there is None:
        found(store, [job], now)
    elif there.job.source == job.source and there.job != job:
        _change(store, job, now)


def _add(store: Store, jobs: Sequence[Job], now: int) -> None:
    for job, answer in zip(jobs, found(store, jobs, now), strict=True):
        if answer is not Commit.STORED:  # somebody made it meanwhile (`?create=1`, another apply): it is ours now
            _change(store, job, now)


def _change(store: Store, job: Job, now: int) -> None:
    for _ in range(ATTEMPTS_MAX):
        there = store.load([job.slug]).get(job.slug)
        if there is not None and there.job == job:  # another apply was faster
            return
        if there is None and found(store, [job], now) == [Commit.STORED]:
            return
        settle(store, job.slug, now)  # what went by before the change is judged by the old definition
        with suppress(UnknownJob):  # removed meanwhile: it is made anew
            amend(store, job.slug, lambda snapshot: redefined(snapshot, job, now))
            return
    raise TooBusy(f"{job.slug} kept changing; apply again")


def redefined(snapshot: Snapshot, job: Job, now: int) -> Change:
    """The change that gives a job a new definition. A new schedule expects its slots from now on."""
    case = Judgment(snapshot, now, None)
    other = _times(job) != _times(snapshot.job)
    if other or (job.enabled and not snapshot.job.enabled):
        excuse(case, now, Reason.SCHEDULE_CHANGED)
    if other:  # the new times have no slots before now, and nothing earlier is to be placed among them
        case.set(born=now)
    case.note(None, now, None, None)
    case.remark("the definition changed")
    case.job = job
    return replace(case.change(), job=job, due=case.next_look())


def _times(job: Job) -> tuple[object, ...]:
    return job.schedule, job.timezone, job.dialect


def _removed(known: Sequence[Silence], snapshot: Snapshot, _job: Job, now: int) -> Change:
    return address(removed(snapshot, now, quiet_until(snapshot, known, now)), snapshot.job.notify, now)


def _remove(store: Store, job: Job, now: int) -> None:
    settle(store, job.slug, now)
    for _ in range(ATTEMPTS_MAX):
        there = store.load([job.slug]).get(job.slug)
        if there is None:
            return
        if store.commit([_removed(silences(store), there, job, now)]) == [Commit.STORED]:
            return
    raise TooBusy(f"{job.slug} kept changing; apply again")
