"""The verb `record`: the world spoke. Signals in, one commit, one answer each."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.core.addressing import address, quiet_until
from heartbeat.core.on_signal import has_finished, is_seen, judge, needs_prior
from heartbeat.core.slots import place, schedule_of
from heartbeat.errors import TooBusy, WorldError
from heartbeat.model import Commit, Kind
from heartbeat.verbs import service_state
from heartbeat.verbs.illness import FADES, fall_ill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.model import Change, Entry, Job, Signal, Snapshot, Verdict
    from heartbeat.store.protocol import Store

ATTEMPTS_MAX = 20
"""Times that a lost race is decided again before the sender is asked to come back."""
ENDS_MAX = 500
"""Lines of history searched for the end of a run whose start comes late."""
NAMES_MAX = 5
"""Jobs that an illness names."""
KNOWN_MAX = 50_000
"""Snapshots kept between calls, in about 200 MB; the oldest give way. A stale one is refused and read again."""


class Recorded(StrEnum):
    """What became of a signal."""

    STORED = "stored"
    SEEN = "seen"
    UNKNOWN = "unknown"


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


class Recorder:
    """Records batches of signals. Keeps what it last knew of each job, so that a usual ping needs no read.

    For one thread at a time. Other writers (the sweep, the CLI) are noticed by the store's refusal.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[str, Snapshot] = OrderedDict()
        self._past = _Memory(store)

    def record(self, signals: Sequence[Signal]) -> list[Recorded]:
        """One answer a signal, durable when this returns. Raises TooBusy, StoreUnavailable: then send them again."""
        try:
            return self._record(signals)
        except BaseException:
            self._forget_all()  # what we hold was decided but never stored
            raise

    def _record(self, signals: Sequence[Signal]) -> list[Recorded]:
        answers: dict[int, Recorded] = {}
        waiting = list(range(len(signals)))
        for _ in range(ATTEMPTS_MAX):
            waiting = self._attempt(signals, waiting, answers)
            if not waiting:
                while len(self._known) > KNOWN_MAX:
                    self._forget(next(iter(self._known)))
                return [answers[i] for i in range(len(signals))]
        self._despair({signals[i].slug for i in waiting}, max(signals[i].received for i in waiting))
        raise TooBusy(f"{len(waiting)} signals lost {ATTEMPTS_MAX} races in a row; send them again")

    def _despair(self, slugs: set[str], now: int) -> None:
        # This many lost races in a row are not races: the service is ill, and whoever sweeps tells people.
        names = ", ".join(sorted(slugs)[:NAMES_MAX])
        text = f"signals are refused {ATTEMPTS_MAX} times in a row and answered 503, of the jobs {names}. Report it"
        with suppress(WorldError):
            fall_ill(self._store, "record/refused", text, now, None, fades=FADES)

    def _attempt(self, signals: Sequence[Signal], waiting: list[int], answers: dict[int, Recorded]) -> list[int]:
        self._learn({signals[i].slug for i in waiting})
        decided = self._past.unstored = []
        for i in waiting:
            change = self._decide(signals[i])
            if isinstance(change, Recorded):
                answers[i] = change
            else:
                decided.append((i, change))
        return self._commit(signals, decided, answers)

    def _learn(self, slugs: set[str]) -> None:
        missing = [slug for slug in slugs if slug not in self._known]
        if missing:
            self._known.update(self._store.load(missing))

    def _decide(self, signal: Signal) -> Change | Recorded:
        snapshot = self._known.get(signal.slug)
        if snapshot is None:
            return Recorded.UNKNOWN
        if is_seen(snapshot, signal):
            return Recorded.SEEN
        change = weigh(self._store, self._past, snapshot, signal)
        self._known[signal.slug] = _after(snapshot, change)
        self._past.latest[signal.slug] = change.entries[-1].slot, change.entries[-1].verdict
        return change

    def _commit(
        self, signals: Sequence[Signal], decided: list[tuple[int, Change]], answers: dict[int, Recorded]
    ) -> list[int]:
        if not decided:
            return []
        outcomes = self._store.commit([change for _, change in decided])
        self._past.unstored = []
        stale = []
        for (i, _), outcome in zip(decided, outcomes, strict=True):
            if outcome is Commit.STORED:
                answers[i] = Recorded.STORED
            else:
                self._forget(signals[i].slug)
                stale.append(i)
        return stale

    def _forget(self, slug: str) -> None:
        self._known.pop(slug, None)
        self._past.latest.pop(slug, None)

    def _forget_all(self) -> None:
        self._known.clear()
        self._past.latest.clear()
        self._past.unstored = []


class _Memory(Past):
    """The history, with the lines that are decided and not stored yet.

    latest: the slot and the verdict of each job's newest line; unstored: the changes of this batch.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.latest: dict[str, tuple[int | None, Verdict | None]] = {}
        self.unstored: list[tuple[int, Change]] = []

    def verdict(self, job: Job, slot: int | None) -> Verdict | None:
        """See Past.verdict."""
        latest = self.latest.get(job.slug)
        return latest[1] if latest is not None and latest[0] == slot else super().verdict(job, slot)

    def lines(self, slug: str, limit: int, slot: int | None, since: int | None) -> list[Entry]:
        """See Past.lines."""
        lines = [entry for _, change in self.unstored if change.slug == slug for entry in change.entries]
        new = [entry for entry in reversed(lines) if slot is None or entry.slot == slot]
        return [*new, *super().lines(slug, limit, slot, since)][:limit]


def _after(snapshot: Snapshot, change: Change) -> Snapshot:
    """What the job will be once the change is in."""
    state = change.state or snapshot.state
    due = snapshot.due if change.look is None else change.look
    return replace(snapshot, state=state, due=due if change.due is None else change.due)
