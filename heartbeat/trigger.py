"""The verb `trigger`: start a run. A slot is started once, however often and by how many it is asked for.

Claim by a commit that only one can win, call the target, write down what became of it. What happens to us between
these three steps is found in the claim: see `starting.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from heartbeat.errors import HeartbeatError, StartFailed, TooBusy, UnknownJob
from heartbeat.model import MINUTE, SECOND, Commit, Kind, Phase, Signal
from heartbeat.orders import Called, Claim, Held, Order
from heartbeat.record import ATTEMPTS_MAX, Recorder, verdict_of, weigh
from heartbeat.starting import claim, known, may_repeat, named, outcome
from heartbeat.targets.protocol import Answer, Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.model import Job, Snapshot, Start, Trigger
    from heartbeat.store.protocol import Store
    from heartbeat.targets.protocol import Target

MARGIN = MINUTE
"""A claim outlives the longest call by this: time to write down what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What became of an order. phase: how far the run is; held: why nothing was called this time, None when it was.

    text: what the target said, or what there is to say; again: when to ask again (milliseconds), None: no need.
    """

    slug: str
    run_id: str
    phase: Phase | None
    held: Held | None
    text: str = ""
    again: int | None = None

    @property
    def is_news(self) -> bool:
        """Whether anybody need know: not when nothing was called because the run is in other hands, or was."""
        return self.held not in {Held.DONE, Held.BUSY, Held.LATER, Held.QUEUED}


class Starter:
    """Starts runs. targets: makes the target of a trigger, raising a HeartbeatError when it cannot; clock: ms."""

    def __init__(self, store: Store, targets: Callable[[Trigger], Target], clock: Callable[[], int]) -> None:
        self._store, self._targets, self._clock = store, targets, clock

    def start(self, order: Order) -> Started:
        """One attempt at most. Raises UnknownJob, TooBusy, StoreUnavailable: then nothing is known to have started."""
        snapshot = self._load(order.slug)
        job, order = snapshot.job, named(order, snapshot.state)
        target, problem = self._target(job)
        claimed = self._claim(order, snapshot, target)
        start = claimed.start
        if claimed.held is not None or start is None:
            return _held(order, claimed)
        called, answer = self._call(job, start, target, problem)
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

    def _claim(self, order: Order, snapshot: Snapshot, target: Target | None) -> Claim:
        lease, repeatable = (target.timeout if target else 0) + MARGIN, target.repeatable if target else 0
        for attempt in range(ATTEMPTS_MAX):
            if attempt:  # somebody else has changed the job
                snapshot = self._load(order.slug)
            claimed = claim(snapshot, order, self._clock(), lease=lease, repeatable=repeatable)
            if claimed.lost is not None:
                self._tell(order, claimed.lost)
                return claimed
            if claimed.change is None or self._store.commit([claimed.change]) == [Commit.STORED]:
                return claimed
        raise TooBusy(f"{order.slug} kept changing; start run {order.run_id} again")

    def _call(self, job: Job, start: Start, target: Target | None, problem: str) -> tuple[Called, Answer | None]:
        if target is None:
            return Called(phase=Phase.AGAIN, text=problem), None
        call = Call(
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
        """Write down what became of a call; the start as it stands now."""
        for _ in range(ATTEMPTS_MAX):
            snapshot, now = self._load(order.slug), self._clock()
            after, signal = outcome(snapshot, order.run_id, called, now)
            if signal is None:
                return known(snapshot.state, order.run_id)
            change = weigh(self._store, after, signal, lambda slug, slot: verdict_of(self._store, slug, slot))
            if self._store.commit([change]) == [Commit.STORED]:
                return known(after.state, order.run_id)
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
