"""The instants by which something must be heard of a job, and at which the clock judges that it was not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.core import slots
from heartbeat.core.blind import Limit, judged_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.core.blind import Blind
    from heartbeat.model import Job, Run, State

    Blinds = Sequence[Blind]
    """When nobody listened, in order of time."""


def limit(job: Job, start: int, end: int, blinds: Blinds) -> Limit:
    """Something must be heard of this job from `start` on and before `end`."""
    missed = any(blind.start < end and start < blind.end for blind in blinds)
    return Limit(start=start, end=end, grace=job.grace, rhythm=rhythm(job, start) if missed else None)


def rhythm(job: Job, at: int) -> int | None:
    """The time between the two slots that follow this instant; None when there are not two."""
    interval = slots.schedule_of(job).interval_ms
    if interval is not None:
        return interval
    first = slots.next_slot(job, at - 1)
    second = None if first is None else slots.next_slot(job, first)
    return None if first is None or second is None else second - first


def next_judged(job: Job, state: State, blinds: Blinds) -> int | None:
    """When the clock must judge this job next, if nothing is heard; None: never.

    Whatever ends first is judged first, and everything else waits for it.
    """
    first = slots.first_due(job, state)
    if state.runs:
        ends = [(end, run.started_at) for run, end in open_runs(job, state)]
        first = min([*ends, first] if first else ends, default=None)
    if first is None or not blinds:  # the path of every ping
        return first and first[0]
    return judged_at(limit(job, first[1], first[0], blinds), blinds)


def open_runs(job: Job, state: State) -> list[tuple[Run, int]]:
    """The runs that are open and must end by some instant, and that instant."""
    limits = ((run, slots.run_deadline(job, run)) for run in state.runs if not run.expired)
    return [(run, end) for run, end in limits if end is not None]
