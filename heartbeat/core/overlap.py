"""Whether another run of the job is in the way of a start, and what becomes of the start then (`overlap`). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.core.on_signal import has_finished
from heartbeat.core.remembered_starts import counted_from, queue
from heartbeat.core.start_orders import Held
from heartbeat.model import Overlap, Phase

if TYPE_CHECKING:
    from heartbeat.model import Job, Snapshot, Start, State

QUEUE_MAX = 8
"""Runs that may wait for another to end. Beyond that, people are told: those runs never ran."""
FULL = f"{QUEUE_MAX} runs wait already for the one before them to end (overlap: queue)"


def in_the_way(snapshot: Snapshot, now: int) -> Held | None:
    """What becomes of a new start: queued, skipped, or None when it may go on."""
    overlap, waiting = snapshot.job.overlap, len(queue(snapshot.state.starts))
    if overlap is Overlap.ALLOW or not (is_busy(snapshot, now) or (waiting and overlap is Overlap.QUEUE)):
        return None
    return Held.QUEUED if overlap is Overlap.QUEUE and waiting < QUEUE_MAX else Held.SKIPPED


def must_wait(snapshot: Snapshot, start: Start, now: int) -> bool:
    """Whether a queued start must go on waiting: it is not the first, or another run is under way."""
    if snapshot.job.overlap is Overlap.ALLOW:
        return False
    return queue(snapshot.state.starts)[0].run_id != start.run_id or is_busy(snapshot, now)


def is_busy(snapshot: Snapshot, now: int) -> bool:
    """Whether a run of the job is under way, or about to be."""
    job, state = snapshot.job, snapshot.state
    if any(not run.expired for run in state.runs):
        return True
    return any(_is_under_way(job, state, start, now) for start in state.starts)


def _is_under_way(job: Job, state: State, start: Start, now: int) -> bool:
    if start.phase is Phase.CLAIMED or start.phase is Phase.AGAIN:
        return True
    # It was started and has not checked in. If it has not by its deadline, it will not.
    silent = start.phase in {Phase.STARTED, Phase.UNKNOWN} and now < counted_from(start) + job.grace
    return silent and not is_heard(state, start.run_id)


def is_heard(state: State, run_id: str) -> bool:
    """Whether the run itself has checked in."""
    return has_finished(state, run_id) or any(run.id == run_id for run in state.runs)
