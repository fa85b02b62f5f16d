"""The verb `trigger`: start a run. A slot is started once, however often it is asked for, and by however many.

Claim by a commit that only one can win, call the target, write down what became of it. If we die between these steps,
the claim shows it: see `starting.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from heartbeat.core.remembered_starts import known
from heartbeat.core.start_orders import Called, Claim, Held, Order
from heartbeat.core.starting import claim, may_repeat, named, outcome
from heartbeat.errors import HeartbeatError, StartFailed, TooBusy, UnknownJob
from heartbeat.model import MINUTE, SECOND, Commit, Kind, Phase, Signal
from heartbeat.targets.protocol import StartCall, TargetAnswer
from heartbeat.telemetry import Happened
from heartbeat.verbs.record import ATTEMPTS_MAX, Past, Recorder, weigh

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.model import Change, Job, Snapshot, Start, Trigger
    from heartbeat.store.protocol import Store
    from heartbeat.targets.protocol import Target
    from heartbeat.telemetry import Log

MARGIN = MINUTE
"""How long a claim outlives the longest call: the time to write down what became of it."""


class Started(Struct, frozen=True, kw_only=True):
    """What became of an order. phase: how far the run is; held: why nothing was called this time, None if it was.

    text: what the target said, or what there is to say; again: the instant at which to ask again, None: no need.
    """

    slug: str
    run_id: str
    phase: Phase | None
    held: Held | None
    text: str = ""
    again: int | None = None

    @property
    def is_news(self) -> bool:
        """Whether anybody need know: not if nothing was called because the run is, or was, in other hands."""
        return self.held not in {Held.DONE, Held.BUSY, Held.LATER, Held.QUEUED}


class _Wish(Struct, frozen=True, kw_only=True):
    """An order, and the job as it was read for it. target: None if it has none or none can be made (problem)."""

    order: Order
    snapshot: Snapshot
    target: Target | None
    problem: str


class Starter:
    """Starts runs. targets: makes the target of a trigger, raising a HeartbeatError when it cannot; clock: ms."""

    def __init__(self, store: Store, targets: Callable[[Trigger], Target], clock: Callable[[], int]) -> None:
        self._store, self._targets, self._clock = store, targets, clock

    def start(self, order: Order) -> Started:
        """One attempt at most. Raises UnknownJob, TooBusy, StoreUnavailable: then nothing is known to have started."""
        claimed, wish = self._claim(order)
        start, order = claimed.start, wish.order
        if claimed.held is not None or start is None:
            return _held(order, claimed)
        called, answer = self._call(wish, start)
        left = self._tell(order, called)
        if answer is not None and answer.ok is not None:
            self._record(order, Kind.SUCCESS if answer.ok else Kind.FAIL, answer.output)
        again = left.until if left is not None and left.phase is Phase.AGAIN else None
        phase = called.phase if left is None else left.phase
        return Started(slug=order.slug, run_id=order.run_id, phase=phase, held=None, text=called.text, again=again)

    def _load(self, slug: str) -> Snapshot:
        found = self._store.load([slug]).get(slug)
        if found is None:
            raise UnknownJob(slug)
        return found

    def _target(self, job: Job) -> tuple[Target | None, str]:
        try:
            return (self._targets(job.trigger) if job.trigger else None), ""
        except HeartbeatError as problem:
            return None, str(problem)

    def _claim(self, order: Order) -> tuple[Claim, _Wish]:
        # If somebody changes the job meanwhile, the commit is refused, and all is asked anew of the job as it is.
        for _ in range(ATTEMPTS_MAX):
            wish = self._wish(order)
            target = wish.target
            lease, repeatable = (target.timeout if target else 0) + MARGIN, target.repeatable if target else 0
            claimed = claim(wish.snapshot, wish.order, self._clock(), lease=lease, repeatable=repeatable)
            change = claimed.change if claimed.said is None else self._weigh(*claimed.said)
            if change is None or self._store.commit([change]) == [Commit.STORED]:
                return claimed, wish
        raise TooBusy(f"{order.slug} kept changing; start the run again")

    def _wish(self, order: Order) -> _Wish:
        snapshot = self._load(order.slug)
        target, problem = self._target(snapshot.job)
        return _Wish(order=named(order, snapshot.state), snapshot=snapshot, target=target, problem=problem)

    def _weigh(self, snapshot: Snapshot, signal: Signal) -> Change:
        return weigh(self._store, Past(self._store), snapshot, signal)

    def _call(self, wish: _Wish, start: Start) -> tuple[Called, TargetAnswer | None]:
        job, target = wish.snapshot.job, wish.target
        if target is None:
            return Called(phase=Phase.AGAIN, text=wish.problem), None
        call = StartCall(
            slug=job.slug,
            run_id=start.run_id,
            slot=start.slot,
            timezone=job.timezone,
            input=start.input,
            attempt=start.attempts,
        )
        order = Order(slug=job.slug, slot=start.slot, run_id=start.run_id)
        try:
            answer = target.start(call, lambda: self._record(order, Kind.START, ""))
        except StartFailed as failed:
            return _failed(failed, repeatable=may_repeat(job, start, self._clock(), target.repeatable)), None
        return Called(phase=Phase.STARTED, text=answer.text), answer

    def _tell(self, order: Order, called: Called) -> Start | None:
        """Write down what became of a call; answers the start as it stands now."""
        for _ in range(ATTEMPTS_MAX):
            snapshot, now = self._load(order.slug), self._clock()
            after, signal = outcome(snapshot, order.run_id, called, now)
            if signal is None:
                return known(snapshot.state.starts, order.run_id)
            if self._store.commit([self._weigh(after, signal)]) == [Commit.STORED]:
                return known(after.state.starts, order.run_id)
        raise TooBusy(f"{order.slug} kept changing; what became of run {order.run_id} was not written: {called.text}")

    def _record(self, order: Order, kind: Kind, body: str) -> None:
        now = self._clock()
        signal = Signal(
            slug=order.slug,
            kind=kind,
            at=now,
            received=now,
            id=f"{kind}:{order.run_id}",
            run_id=order.run_id,
            body=body,
            source="answer",
        )
        Recorder(self._store).record([signal])


def _held(order: Order, claimed: Claim) -> Started:
    start = claimed.start
    waits = start is not None and claimed.held in {Held.BUSY, Held.LATER, Held.QUEUED}
    return Started(
        slug=order.slug,
        run_id=order.run_id,
        phase=start.phase if start else None,
        held=claimed.held,
        text=start.answer if start else "",
        again=start.until if start is not None and waits else None,
    )


def _failed(problem: StartFailed, *, repeatable: bool) -> Called:
    wait = round((problem.retry_after or 0) * SECOND)
    if problem.unknown and not repeatable:
        return Called(phase=Phase.UNKNOWN, text=str(problem))
    again = problem.again or problem.unknown
    return Called(phase=Phase.AGAIN if again else Phase.FAILED, text=str(problem), wait=wait)


def tell_started(started: Started, log: Log) -> None:
    """Say what became of it, unless nobody need know."""
    if started.is_news:
        happened = Happened.RUN_STARTED if started.phase is Phase.STARTED else Happened.RUN_NOT_STARTED
        facts = {"run": started.run_id, "phase": started.phase, "held": started.held, "said": started.text or None}
        log.tell(happened, job=started.slug, **facts)
