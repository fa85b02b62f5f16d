"""One signal against what is known of its job: what it changes, and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.core.addressing import address, quiet_until
from heartbeat.core.on_signal import has_finished, judge, needs_prior
from heartbeat.core.slots import place, schedule_of
from heartbeat.model import Kind
from heartbeat.verbs import service_state

if TYPE_CHECKING:
    from heartbeat.model import Change, Entry, Job, Signal, Snapshot, Verdict
    from heartbeat.store.protocol import Store

ENDS_MAX = 500
"""Lines of history searched for the end of a run whose start comes late."""


class Past:
    """What the history in the store says of jobs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def lines(self, slug: str, limit: int, slot: int | None, since: int | None) -> list[Entry]:
        """See Store.history."""
        return self._store.history(slug, limit, slot, since)

    def verdict(self, job: Job, slot: int | None) -> Verdict | None:
        """The verdict that a slot has so far. Nothing is heard for a slot before it can be met."""
        early = max(job.early, schedule_of(job).interval_ms or 0)
        found = self.lines(job.slug, 1, slot, None if slot is None else slot - early)
        return found[0].verdict if found else None


def weigh(store: Store, past: Past, snapshot: Snapshot, signal: Signal) -> Change:
    """What a signal changes, and who is told."""
    where = place(snapshot, signal)
    prior = past.verdict(snapshot.job, where.slot) if needs_prior(snapshot, where) else None
    ended = signal.kind is Kind.START and _ended_before(past, snapshot, signal)
    change = judge(snapshot, signal, where, prior, None, ended=ended)
    incident = change.state.incident if change.state else None
    if incident is None and not change.alerts:
        return change
    quiet = quiet_until(snapshot, service_state.silences(store), signal.received)
    if quiet is not None:
        change = judge(snapshot, signal, where, prior, quiet, ended=ended)
    return address(change, snapshot.job.notify, signal.received)


def _ended_before(past: Past, snapshot: Snapshot, signal: Signal) -> bool:
    """Whether the end of this run was heard before its start, which comes late.

    The job remembers the latest runs that ended; after a storm of signals, only the history knows.
    """
    state = snapshot.state
    late = signal.run_id and state.finished_at is not None and signal.at <= state.finished_at
    if not late or has_finished(state, signal.run_id):
        return False
    for entry in past.lines(signal.slug, ENDS_MAX, None, signal.at):
        heard = entry.signal
        if heard is not None and heard.received < signal.at:
            return False  # no end is heard before its run has begun
        if heard is not None and heard.run_id == signal.run_id and heard.kind in {Kind.SUCCESS, Kind.FAIL}:
            return True
    return False
