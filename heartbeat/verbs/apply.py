"""The verb `apply`: the file changed. It carries out the difference, and prunes only what this file owns.

State (pause, silence, incident, history) is never in the file, and applying a file never changes it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.config import Config, Plan, plan
from heartbeat.core.addressing import address, quiet_until
from heartbeat.core.definition import removed
from heartbeat.core.judgment import Judgment
from heartbeat.core.on_clock import excuse
from heartbeat.errors import TooBusy, UnknownJob
from heartbeat.model import Change, Commit, Job, Reason, Snapshot
from heartbeat.verbs.jobs import ATTEMPTS_MAX, amend, everything
from heartbeat.verbs.operate import found
from heartbeat.verbs.service_state import silences
from heartbeat.verbs.sweep import settle

if TYPE_CHECKING:
    from heartbeat.store.protocol import Store

BATCH = 500
"""Jobs made in one commit."""


def plan_for(store: Store, config: Config) -> Plan:
    """What applying this file would do now."""
    return plan(config, {snapshot.job.slug: snapshot.job for snapshot in everything(store)})


def apply(store: Store, config: Config, now: int) -> Plan:
    """Make the jobs what the file says; answers what was done. Doing it twice does nothing the second time."""
    todo = plan_for(store, config)
    for start in range(0, len(todo.added), BATCH):
        _add(store, todo.added[start : start + BATCH], now)
    for changed in todo.changed:
        _change(store, changed.new, now)
    for job in todo.removed:
        _remove(store, job, now)
    return todo


def define(store: Store, job: Job, now: int) -> None:
    """A sender gives its job's definition: make or change the job. One that somebody else owns stays as it is."""
    there = store.load([job.slug]).get(job.slug)
    if there is None:
        found(store, [job], now)
    elif there.job.source == job.source and there.job != job:
        _change(store, job, now)


def _add(store: Store, jobs: tuple[Job, ...], now: int) -> None:
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


def _remove(store: Store, job: Job, now: int) -> None:
    settle(store, job.slug, now)
    for _ in range(ATTEMPTS_MAX):
        there = store.load([job.slug]).get(job.slug)
        if there is None:
            return
        gone = removed(there, now, quiet_until(there, silences(store), now))
        if store.commit([address(gone, there.job.notify, now)]) == [Commit.STORED]:
            return
    raise TooBusy(f"{job.slug} kept changing; apply again")
