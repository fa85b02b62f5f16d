"""The verb `record`: the world spoke. Signals in, one commit, one answer each."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.core.on_signal import is_seen
from heartbeat.errors import TooBusy, WorldError
from heartbeat.model import Commit
from heartbeat.verbs.illness import FADES, fall_ill
from heartbeat.verbs.weigh import Past, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from heartbeat.model import Change, Entry, Job, Signal, Snapshot, Verdict
    from heartbeat.store.protocol import Store

    Ending = Callable[[], list[Commit]]

ATTEMPTS_MAX = 20
"""Times that a lost race is decided again before the sender is asked to come back."""
NAMES_MAX = 5
"""Jobs that an illness names."""
KNOWN_MAX = 50_000
"""Snapshots kept between calls, in about 200 MB; the oldest give way. A stale one is refused and read again."""


class Recorded(StrEnum):
    """What became of a signal."""

    STORED = "stored"
    SEEN = "seen"
    UNKNOWN = "unknown"


class Recording:
    """Signals on their way: decided (`Recorder.begin`), written (`start`), durable (`commit`), answered (`finish`).

    losses: the recorder's, when this was decided.
    """

    def __init__(self, signals: Sequence[Signal], losses: int) -> None:
        self.signals, self.losses = signals, losses
        self.answers: dict[int, Recorded] = {}
        self.decided: list[tuple[int, Change]] = []
        self.end: Ending | None = None
        self.outcomes: list[Commit] = []
        self.problem: BaseException | None = None

    def commit(self) -> None:
        """Make durable what was written. In any thread, unlike all else."""
        end, self.end = self.end, None
        if end is not None:
            try:
                self.outcomes = end()
            except BaseException as problem:  # noqa: BLE001 - whoever calls `finish` is to hear of it
                self.problem = problem


class Recorder:
    """Records batches of signals. Keeps what it last knew of each job, so that a usual ping needs no read.

    For one thread at a time. Other writers (the sweep, the CLI) are noticed by the store's refusal.
    `record` is all that most callers need. A server decides a batch while the one before it becomes durable: it takes
    for granted that everything in that one is stored, and is decided again if not.
    start: begins a commit and returns what ends it; the store's own commit, if not given, does all of it at the end.
    """

    def __init__(self, store: Store, start: Callable[[Sequence[Change]], Ending] | None = None) -> None:
        self._store = store
        self._write = start or (lambda changes: partial(store.commit, changes))
        self._past = _Memory(store)
        self._known: OrderedDict[str, Snapshot] = OrderedDict()
        self._losses = 0
        """Times that something decided turned out not to be stored."""

    def record(self, signals: Sequence[Signal]) -> list[Recorded]:
        """One answer a signal, durable when this returns. Raises TooBusy, StoreUnavailable: then send them again."""
        recording = self.begin(signals)
        self.start(recording)
        return self.finish(recording)

    def begin(self, signals: Sequence[Signal]) -> Recording:
        """Decide what the signals change. What goes wrong here is raised by `finish`."""
        recording = Recording(signals, self._losses)
        self._past.open.append(recording)
        self._decide(recording, range(len(signals)))
        return recording

    def start(self, recording: Recording) -> None:
        """Write what was decided: it is not durable yet. What goes wrong here is raised by `finish`."""
        if recording.problem is None and recording.losses != self._losses:
            self._decide_again(recording)
        if recording.problem is None and recording.decided:
            with self._noting(recording):
                recording.end = self._write([change for _, change in recording.decided])

    def finish(self, recording: Recording) -> list[Recorded]:
        """See `record`."""
        waiting = self._settle(recording)
        for _ in range(ATTEMPTS_MAX - 1):
            if not waiting:
                break
            self._decide(recording, waiting)
            self.start(recording)
            waiting = self._settle(recording)
        self._past.open = [other for other in self._past.open if other is not recording]
        if waiting:
            raise self._despair([recording.signals[i] for i in waiting])
        while len(self._known) > KNOWN_MAX:
            self._forget(next(iter(self._known)))
        return [recording.answers[i] for i in range(len(recording.signals))]

    def _decide(self, recording: Recording, waiting: Iterable[int]) -> None:
        with self._noting(recording):
            signals = [(i, recording.signals[i]) for i in waiting]
            self._learn({signal.slug for _, signal in signals})
            for i, signal in signals:
                change = self._weigh(signal)
                if isinstance(change, Recorded):
                    recording.answers[i] = change
                else:
                    recording.decided.append((i, change))

    def _decide_again(self, recording: Recording) -> None:
        for signal in recording.signals:
            self._forget(signal.slug)
        recording.answers, recording.decided, recording.losses = {}, [], self._losses
        self._decide(recording, range(len(recording.signals)))

    def _learn(self, slugs: set[str]) -> None:
        missing = [slug for slug in slugs if slug not in self._known]
        if missing:
            self._known.update(self._store.load(missing))

    def _weigh(self, signal: Signal) -> Change | Recorded:
        snapshot = self._known.get(signal.slug)
        if snapshot is None:
            return Recorded.UNKNOWN
        if is_seen(snapshot, signal):
            return Recorded.SEEN
        change = weigh(self._store, self._past, snapshot, signal)
        self._known[signal.slug] = _after(snapshot, change)
        self._past.latest[signal.slug] = change.entries[-1].slot, change.entries[-1].verdict
        return change

    def _settle(self, recording: Recording) -> list[int]:
        """Which signals lost a race, once the others are durable."""
        recording.commit()
        if recording.problem is not None:
            self._forget_all()
            raise recording.problem
        stale = []
        for (i, change), outcome in zip(recording.decided, recording.outcomes, strict=True):
            if outcome is Commit.STORED:
                recording.answers[i] = Recorded.STORED
            else:
                self._forget(change.slug)
                stale.append(i)
        recording.decided, recording.outcomes = [], []
        self._losses += bool(stale)
        recording.losses = self._losses
        return stale

    def _despair(self, waiting: Sequence[Signal]) -> TooBusy:
        # This many lost races in a row are not races: the service is ill, and whoever sweeps tells people.
        names = ", ".join(sorted({signal.slug for signal in waiting})[:NAMES_MAX])
        now = max(signal.received for signal in waiting)
        text = f"signals are refused {ATTEMPTS_MAX} times in a row and answered 503, of the jobs {names}. Report it"
        with suppress(WorldError):
            fall_ill(self._store, "record/refused", text, now, None, fades=FADES)
        self._forget_all()
        return TooBusy(f"{len(waiting)} signals lost {ATTEMPTS_MAX} races in a row; send them again")

    @contextmanager
    def _noting(self, recording: Recording) -> Iterator[None]:
        try:
            yield
        except Exception as problem:  # noqa: BLE001 - raised when the recording is finished
            recording.problem = problem
            self._forget_all()

    def _forget(self, slug: str) -> None:
        self._known.pop(slug, None)
        self._past.latest.pop(slug, None)

    def _forget_all(self) -> None:
        """What we hold was decided and is not stored."""
        self._losses += 1
        self._known.clear()
        self._past.latest.clear()
        self._past.open.clear()


class _Memory(Past):
    """The history, with the lines that are decided and not stored yet.

    latest: for each job the slot and the verdict of its newest line; open: the recordings begun and not finished.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.latest: dict[str, tuple[int | None, Verdict | None]] = {}
        self.open: list[Recording] = []

    def verdict(self, job: Job, slot: int | None) -> Verdict | None:
        """See Past.verdict."""
        latest = self.latest.get(job.slug)
        return latest[1] if latest is not None and latest[0] == slot else super().verdict(job, slot)

    def lines(self, slug: str, limit: int, slot: int | None, since: int | None) -> list[Entry]:
        """See Past.lines."""
        changes = [change for recording in self.open for _, change in recording.decided if change.slug == slug]
        new = [entry for change in changes for entry in change.entries if slot is None or entry.slot == slot]
        return [*new[::-1], *super().lines(slug, limit, slot, since)][:limit]


def _after(snapshot: Snapshot, change: Change) -> Snapshot:
    """What the job will be once the change is in."""
    state = change.state or snapshot.state
    due = snapshot.due if change.look is None else change.look
    return replace(snapshot, state=state, due=due if change.due is None else change.due)
