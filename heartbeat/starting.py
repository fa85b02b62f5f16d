"""Whether a run may be started now, and what became of it. Pure: snapshot + order -> what to do, and a `Change`.

A slot is started once. Whoever wants to start it claims it first, by a conditional commit that only one can win; what
a claim's holder learned is written beside it. A claim whose holder died is repeated only if that can do no harm.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from msgspec.structs import replace

from heartbeat import slots
from heartbeat.alerts import SOURCE
from heartbeat.case import Case
from heartbeat.judge import has_finished
from heartbeat.model import MINUTE, SECOND, Change, Kind, Overlap, Phase, Reason, Signal, Start, Status, Verdict
from heartbeat.orders import Called, Claim, Held, Order

if TYPE_CHECKING:
    from heartbeat.model import Job, Snapshot, State

STARTS_MAX = 16
"""Starts that a job remembers; open ones are kept in any case."""
QUEUE_MAX = 8
"""Runs that may wait for another one's end; more are skipped."""
AGAIN_MAX = 15 * MINUTE
"""So long after its slot a start that was refused is tried again, and never beyond the slot's deadline."""
AGAIN_FIRST, AGAIN_MOST = 5 * SECOND, MINUTE
"""The pause after the first refusal, doubled after each one up to the most."""
EARLY = 2 * SECOND
"""So much before the slot, by our clock, a scheduler may call."""
QUEUE_LOOK = MINUTE
ANSWER_MAX = 1_000
"""Characters of a target's answer that are kept."""
ID_MAX = 64
_RUNS = UUID("6f1d5f0e-3c1e-5a6b-9d0f-5f2f6a1c7b42")
OPEN = frozenset({Phase.CLAIMED, Phase.AGAIN, Phase.QUEUED})
LATE = "the time for another attempt has passed"
LOST = "whoever started it ended before saying what became of it: it may run or not, and is not started again"


def claim(snapshot: Snapshot, order: Order, now: int, *, lease: int, repeatable: int) -> Claim:
    """Claim a run. lease: how long the call may take; repeatable: so long a second call by the same run is harmless."""
    start = known(snapshot.state, order.run_id)
    if start is not None:
        may = may_repeat(snapshot.job, start, now, repeatable)
        return _go_on(snapshot, start, now, lease, may)
    held = _refusal(snapshot, order, now)
    if held is not None:
        return Claim(start=None, held=held)
    return _fresh(snapshot, order, now, lease)


def may_repeat(job: Job, start: Start, now: int, repeatable: int) -> bool:
    """Whether a call that may have arrived can be made again."""
    return job.at_least_once or now < start.at + repeatable


def run_for(slug: str, slot: int, life: int) -> str:
    """The run by which the schedule starts a slot of this life: the same, whoever asks, and however often."""
    return str(uuid5(_RUNS, f"{slug}/{life:x}/{slot}" if life else f"{slug}/{slot}"))


def named(order: Order, state: State) -> Order:
    """The order with the id of its run: the schedule's is made of the slot, in this life of the job."""
    if order.run_id or order.slot is None:
        return order
    return dataclasses.replace(order, run_id=run_for(order.slug, order.slot, state.life))


def known(state: State, run_id: str) -> Start | None:
    """The start of this run, as far as the job remembers it."""
    return next((start for start in state.starts if start.run_id == run_id), None)


def _refusal(snapshot: Snapshot, order: Order, now: int) -> Held | None:
    job, state = snapshot.job, snapshot.state
    if job.trigger is None:
        return Held.NO_TRIGGER
    if order.by:
        return None
    if not job.enabled or state.status is Status.PAUSED:
        return Held.PAUSED if job.enabled else Held.DISABLED
    return Held.NO_SLOT if order.slot is None else _wrong_time(snapshot, order.slot, now)


def _wrong_time(snapshot: Snapshot, slot: int, now: int) -> Held | None:
    state = snapshot.state
    if now < slot - EARLY:
        return Held.TOO_EARLY
    if state.claimed_slot is not None and slot <= state.claimed_slot:
        return Held.OVERTAKEN
    late = now >= slots.deadline(snapshot.job, slot) or slot <= state.born
    return Held.TOO_LATE if late else None


def _fresh(snapshot: Snapshot, order: Order, now: int, lease: int) -> Claim:
    case = Case(snapshot, now, None)
    start = Start(
        run_id=order.run_id, slot=order.slot, phase=Phase.CLAIMED, at=now, until=now + lease, attempts=1,
        by=order.by, input=order.input,
    )  # fmt: skip
    held = _overlaps(snapshot, now)
    if held is Held.SKIPPED:
        start = replace(start, phase=Phase.SKIPPED, until=0, attempts=0)
    elif held is Held.QUEUED:
        start = replace(start, phase=Phase.QUEUED, until=now + QUEUE_LOOK, attempts=0)
    claimed = case.state.claimed_slot if order.by else order.slot
    case.set(starts=_kept(case.state, start), claimed_slot=claimed)
    if held is not None:
        _note_overlap(case, start, held)
    return Claim(start=start, held=held, change=case.change())


def _overlaps(snapshot: Snapshot, now: int) -> Held | None:
    if snapshot.job.overlap is Overlap.ALLOW or not is_busy(snapshot, now):
        return None
    waiting = sum(start.phase is Phase.QUEUED for start in snapshot.state.starts)
    return Held.QUEUED if snapshot.job.overlap is Overlap.QUEUE and waiting < QUEUE_MAX else Held.SKIPPED


def is_busy(snapshot: Snapshot, now: int, but: str = "") -> bool:
    """Another run of the job than `but` is under way, or about to be."""
    job, state = snapshot.job, snapshot.state
    if any(not run.expired and run.id != but for run in state.runs):
        return True
    others = (start for start in state.starts if start.run_id != but)
    return any(_is_under_way(job, state, start, now) for start in others)


def _is_under_way(job: Job, state: State, start: Start, now: int) -> bool:
    if start.phase is Phase.CLAIMED or start.phase is Phase.AGAIN:
        return True
    # It was started and has not checked in yet: when it has not by its deadline, it will not.
    silent = start.phase in {Phase.STARTED, Phase.UNKNOWN} and now < (start.slot or start.at) + job.grace
    return silent and not has_finished(state, start.run_id) and all(run.id != start.run_id for run in state.runs)


def _note_overlap(case: Case, start: Start, held: Held) -> None:
    if held is Held.QUEUED or start.slot is None or slots.is_met(case.job, case.state, start.slot):
        case.note(start.slot, case.now, None, None)
    else:
        case.note(start.slot, case.now, Verdict.EXCUSED, Reason.STILL_RUNNING)
        case.meet(start.slot, case.now, good=False)
    what = "waits for it to end" if held is Held.QUEUED else "was skipped"
    case.remark(f"another run is under way: run {start.run_id} {what} (overlap: {case.job.overlap})")


def _kept(state: State, new: Start) -> tuple[Start, ...]:
    rest = [start for start in state.starts if start.run_id != new.run_id]
    over = len(rest) + 1 - STARTS_MAX
    closed = [start for start in rest if start.phase not in OPEN][: max(over, 0)]
    return (*(start for start in rest if start not in closed), new)


def _go_on(snapshot: Snapshot, start: Start, now: int, lease: int, repeatable: bool) -> Claim:
    """The run is known: go on where it stands."""
    if start.phase not in OPEN:
        return Claim(start=start, held=_ENDED[start.phase])
    if now < start.until:
        return Claim(start=start, held=Held.BUSY if start.phase is Phase.CLAIMED else Held.LATER)
    if start.phase is Phase.QUEUED and is_busy(snapshot, now, but=start.run_id):
        return Claim(start=start, held=Held.QUEUED, change=_waits(snapshot, start, now))
    lost = _lost(snapshot.job, start, now, repeatable)
    if lost is not None:
        return Claim(start=start, held=_ENDED[lost.phase], lost=lost)
    held = replace(start, phase=Phase.CLAIMED, until=now + lease, attempts=start.attempts + 1)
    return Claim(start=held, change=_with(snapshot, held, now))


def _lost(job: Job, start: Start, now: int, repeatable: bool) -> Called | None:
    """What must be said of a start that nobody may go on with."""
    late = now >= _limit(job, start)
    if start.phase is Phase.CLAIMED and (late or not repeatable):
        return Called(phase=Phase.UNKNOWN, text=LOST)
    if start.phase is Phase.AGAIN and late:
        return Called(phase=Phase.FAILED, text=f"{LATE}: {start.answer}")
    return None


_ENDED = {
    Phase.STARTED: Held.DONE,
    Phase.FAILED: Held.GIVEN_UP,
    Phase.UNKNOWN: Held.UNKNOWN,
    Phase.SKIPPED: Held.SKIPPED,
}


def _with(snapshot: Snapshot, start: Start, now: int) -> Change:
    case = Case(snapshot, now, None)
    case.set(starts=_kept(case.state, start))
    return case.change()


def _waits(snapshot: Snapshot, start: Start, now: int) -> Change:
    return _with(snapshot, replace(start, until=now + QUEUE_LOOK), now)


def outcome(snapshot: Snapshot, run_id: str, called: Called, now: int) -> tuple[Snapshot, Signal | None]:
    """What became of a call: the job with that remembered, and the signal in which it is told.

    No signal: nobody waits for this call any more (somebody else said what became of it).
    """
    start = known(snapshot.state, run_id)
    if start is None or start.phase not in {Phase.CLAIMED, Phase.AGAIN}:
        return snapshot, None
    again = _pause(snapshot.job, start, called, now) if called.phase is Phase.AGAIN else 0
    phase = Phase.FAILED if called.phase is Phase.AGAIN and not again else called.phase
    after = replace(start, phase=phase, until=now + again if again else 0, answer=called.text[:ANSWER_MAX])
    state = replace(snapshot.state, starts=_kept(snapshot.state, after))
    return replace(snapshot, state=state), _signal(snapshot.job.slug, after, now)


def _pause(job: Job, start: Start, called: Called, now: int) -> int:
    """How long to wait before the next attempt; 0: there is none."""
    pause = max(called.wait, min(AGAIN_FIRST << (start.attempts - 1), AGAIN_MOST))
    return pause if now + pause < _limit(job, start) else 0


def _limit(job: Job, start: Start) -> int:
    """From when on no further attempt is made."""
    return (start.at if start.slot is None else start.slot) + min(job.grace, AGAIN_MAX)


_SAID = {
    Phase.STARTED: "started",
    Phase.AGAIN: "refused for now, to be tried again",
    Phase.FAILED: "not started",
    Phase.UNKNOWN: "perhaps started",
}


def _signal(slug: str, start: Start, now: int) -> Signal:
    often = f", attempt {start.attempts}" if start.attempts > 1 else ""
    return Signal(
        slug=slug,
        kind=Kind.FAIL if start.phase is Phase.FAILED else Kind.LOG,
        at=now,
        received=now,
        id=f"{SOURCE}:{start.run_id}:{start.attempts}:{start.phase}"[-ID_MAX:],
        run_id=start.run_id,
        body=f"{_SAID[start.phase]}{often}: {start.answer}" if start.answer else f"{_SAID[start.phase]}{often}",
        source=SOURCE,
    )


def due(job: Job, state: State, now: int) -> list[Order]:
    """The runs whose start somebody must go on with now."""
    waiting = (start for start in state.starts if start.phase in OPEN and start.until <= now)
    return [
        Order(slug=job.slug, slot=start.slot, run_id=start.run_id, by=start.by, input=start.input) for start in waiting
    ]
