"""Whether a run may be started now, and what became of it. Pure: snapshot + order -> what to do, and a `Change`.

A slot is started once. Whoever wants to start it claims it first, by a conditional commit that only one can win; what
a claim's holder learned is written beside it. A claim whose holder died is repeated only if that can do no harm. What
nobody expects any more (`expected.py`) is neither claimed nor gone on with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from msgspec.structs import replace

from heartbeat.core import slots
from heartbeat.core.alerts import SOURCE
from heartbeat.core.expected import Unexpected, why_not
from heartbeat.core.judgment import Judgment
from heartbeat.core.overlap import FULL, in_the_way, is_heard, must_wait
from heartbeat.core.remembered_starts import OPEN, WAITING, kept, known, tried_from
from heartbeat.core.start_orders import Called, Claim, Held, Order
from heartbeat.model import MINUTE, SECOND, Change, Kind, Overlap, Phase, Reason, Signal, Start, Verdict

if TYPE_CHECKING:
    from heartbeat.model import Job, Snapshot, State

AGAIN_MAX = 15 * MINUTE
"""The longest time after its slot (or its start, if that came late) in which a refused start is tried again; a shorter
grace cuts it short."""
AGAIN_FIRST, AGAIN_MOST = 5 * SECOND, MINUTE
"""The pause after the first refusal, which doubles after each one, and the longest pause."""
EARLY = 2 * SECOND
"""How early a scheduler may call, by our clock, before the slot."""
QUEUE_LOOK = MINUTE
ANSWER_MAX = 1_000
"""Characters of a target's answer that are kept."""
ID_MAX = 64
_RUNS = UUID("6f1d5f0e-3c1e-5a6b-9d0f-5f2f6a1c7b42")
LATE = "the time for another attempt has passed"
CHECKED_IN = "nobody heard what the target answered, but the run has checked in"
LOST = "whoever started it ended before saying what became of it: it may run or not, and is not started again"


def claim(snapshot: Snapshot, order: Order, now: int, *, lease: int, repeatable: int) -> Claim:
    """Claim a run. lease: how long the call may take; repeatable: how long a second call for the run is harmless."""
    start = known(snapshot.state.starts, order.run_id)
    if start is not None:
        may = may_repeat(snapshot.job, start, now, repeatable)
        return _go_on(snapshot, start, now, lease, may)
    held = refusal(snapshot, order, now)
    if held is not None:
        return Claim(start=None, held=held)
    return _fresh(snapshot, order, now, lease)


def may_repeat(job: Job, start: Start, now: int, repeatable: int) -> bool:
    """Whether a call that may have arrived can be made again."""
    return job.at_least_once or now < start.at + repeatable


def run_for(slug: str, slot: int, life: int) -> str:
    """The id of the run that the schedule starts for a slot of this life: the same, whoever asks, however often."""
    return str(uuid5(_RUNS, f"{slug}/{life:x}/{slot}" if life else f"{slug}/{slot}"))


def named(order: Order, state: State) -> Order:
    """The order with its run's id, which is made of the slot and the life for a run of the schedule."""
    if order.run_id or order.slot is None:
        return order
    return replace(order, run_id=run_for(order.slug, order.slot, state.life))


def refusal(snapshot: Snapshot, order: Order, now: int) -> Held | None:
    """Why an order for a run not known yet starts nothing; None: it may be claimed."""
    if snapshot.job.trigger is None:
        return Held.NO_TRIGGER
    if order.by:  # a person wants it, whatever the slot and whatever the job
        return None
    return Held.NO_SLOT if order.slot is None else _not_now(snapshot, order.slot, now)


def _not_now(snapshot: Snapshot, slot: int, now: int) -> Held | None:
    job, state = snapshot.job, snapshot.state
    if now < slot - EARLY:
        return Held.TOO_EARLY
    why = why_not(job, state, slot, now)
    if why is not None:
        return Held(why)
    if state.claimed_slot is not None and slot <= state.claimed_slot:
        return Held.OVERTAKEN
    return Held.TOO_LATE if now >= slots.due(job, state, slot) else None


def _fresh(snapshot: Snapshot, order: Order, now: int, lease: int) -> Claim:
    case = Judgment(snapshot, now, None)
    start = Start(
        run_id=order.run_id, slot=order.slot, phase=Phase.CLAIMED, at=now, until=now + lease, attempts=1,
        by=order.by, input=order.input, began=now, called=now,
    )  # fmt: skip
    held = in_the_way(snapshot, now)
    if held is not None:
        start = replace(start, phase=Phase.QUEUED, until=now + QUEUE_LOOK, attempts=0, began=0, called=0)
    claimed = case.state.claimed_slot if order.by else order.slot
    case.set(starts=kept(case.state.starts, start), claimed_slot=claimed)
    if held is Held.SKIPPED and case.job.overlap is Overlap.QUEUE and not order.by:
        return _ending(replace(snapshot, state=case.state), start, Called(phase=Phase.SKIPPED, text=FULL), now)
    if held is Held.SKIPPED:
        start = replace(start, phase=Phase.SKIPPED, until=0)
        case.set(starts=kept(case.state.starts, start))
    if held is not None:
        _note_overlap(case, start, held)
    return Claim(start=start, held=held, change=case.change())


def _note_overlap(case: Judgment, start: Start, held: Held) -> None:
    if held is Held.QUEUED or start.slot is None or slots.is_met(case.job, case.state, start.slot):
        case.note(start.slot, case.now, None, None)
    else:
        case.note(start.slot, case.now, Verdict.EXCUSED, Reason.STILL_RUNNING)
        case.meet(start.slot, case.now, good=False)
    what = "waits for it to end" if held is Held.QUEUED else "was skipped"
    case.remark(f"another run is under way: run {start.run_id} {what} (overlap: {case.job.overlap})")


def _go_on(snapshot: Snapshot, start: Start, now: int, lease: int, repeatable: bool) -> Claim:
    """The run is known: go on from where it stands."""
    if start.phase not in OPEN:
        return Claim(start=start, held=_ENDED[start.phase])
    ended = _end(snapshot, start, now, repeatable)
    if ended is not None:
        return _ending(snapshot, start, ended, now)
    if now < start.until:
        return Claim(start=start, held=Held.BUSY if start.phase is Phase.CLAIMED else Held.LATER)
    if start.phase is Phase.QUEUED and must_wait(snapshot, start, now):
        return Claim(start=start, held=Held.QUEUED, change=_with(snapshot, replace(start, until=now + QUEUE_LOOK), now))
    held = replace(
        start, phase=Phase.CLAIMED, until=now + lease, attempts=start.attempts + 1, began=start.began or now, called=now
    )
    return Claim(start=held, change=_with(snapshot, held, now))


def _end(snapshot: Snapshot, start: Start, now: int, repeatable: bool) -> Called | None:
    """What must be said of a start that nobody may go on with."""
    gone = _no_longer(snapshot, start, now)
    if start.phase is Phase.QUEUED:
        return gone
    if now < start.until and (gone is None or start.phase is Phase.CLAIMED):
        return None
    if is_heard(snapshot.state, start.run_id):
        return Called(phase=Phase.STARTED, text=CHECKED_IN)
    late = now >= _limit(snapshot.job, start)
    if start.phase is Phase.CLAIMED:
        return Called(phase=Phase.UNKNOWN, text=LOST) if late or gone is not None or not repeatable else None
    if late and gone is None:
        return Called(phase=Phase.FAILED, text=f"{LATE}: {start.answer}")
    return gone


def _no_longer(snapshot: Snapshot, start: Start, now: int) -> Called | None:
    """What is said if nobody expects it any more: the job was changed, or another run met the slot."""
    if snapshot.job.trigger is None:
        return Called(phase=Phase.DROPPED, text="the job has no trigger any more")
    if start.by or start.slot is None:
        return None
    why = why_not(snapshot.job, snapshot.state, start.slot, now)
    if why is Unexpected.CLOSED and start.phase in WAITING:
        return None  # the clock has called it missed; had it been met or excused, it would not be waiting
    return None if why is None else Called(phase=Phase.DROPPED, text=_GONE[why])


_GONE = {
    Unexpected.DISABLED: "the job is disabled",
    Unexpected.PAUSED: "the job is paused",
    Unexpected.CLOSED: "its slot was met or judged meanwhile",
    Unexpected.NO_SLOT: "the schedule has no such slot any more",
}


def _ending(snapshot: Snapshot, start: Start, called: Called, now: int) -> Claim:
    after, signal = outcome(snapshot, start.run_id, called, now)
    said = None if signal is None else (after, signal)
    return Claim(start=known(after.state.starts, start.run_id), held=_ENDED[called.phase], said=said)


_ENDED = {
    Phase.STARTED: Held.DONE,
    Phase.FAILED: Held.GIVEN_UP,
    Phase.UNKNOWN: Held.UNKNOWN,
    Phase.SKIPPED: Held.SKIPPED,
    Phase.DROPPED: Held.DROPPED,
}


def _with(snapshot: Snapshot, start: Start, now: int) -> Change:
    case = Judgment(snapshot, now, None)
    case.set(starts=kept(case.state.starts, start))
    return case.change()


def outcome(snapshot: Snapshot, run_id: str, called: Called, now: int) -> tuple[Snapshot, Signal | None]:
    """What became of a call: the job that remembers it, and the signal that tells it.

    No signal: somebody else has already said what became of this call.
    """
    start = known(snapshot.state.starts, run_id)
    if start is None or start.phase not in OPEN:
        return snapshot, None
    again = _pause(snapshot.job, start, called, now) if called.phase is Phase.AGAIN else 0
    phase = Phase.FAILED if called.phase is Phase.AGAIN and not again else called.phase
    after = replace(start, phase=phase, until=now + again if again else 0, answer=called.text[:ANSWER_MAX])
    state = replace(snapshot.state, starts=kept(snapshot.state.starts, after))
    return replace(snapshot, state=state), _signal(snapshot.job.slug, after, now)


def _pause(job: Job, start: Start, called: Called, now: int) -> int:
    """How long to wait before the next attempt; 0: there is none."""
    pause = max(called.wait, min(AGAIN_FIRST << (start.attempts - 1), AGAIN_MOST))
    return pause if now + pause < _limit(job, start) else 0


def _limit(job: Job, start: Start) -> int:
    """The instant from which no further attempt is made."""
    return tried_from(start) + min(job.grace, AGAIN_MAX)


_SAID = {
    Phase.STARTED: "started",
    Phase.AGAIN: "refused for now, to be tried again",
    Phase.FAILED: "not started",
    Phase.UNKNOWN: "perhaps started",
    Phase.SKIPPED: "skipped",
    Phase.DROPPED: "not started",
}
_BAD = frozenset({Phase.FAILED, Phase.SKIPPED})
"""Phases told as a failure: the run never ran, and its slot needs it. (What `overlap: skip` skips is excused.)"""


def _signal(slug: str, start: Start, now: int) -> Signal:
    often = f", attempt {start.attempts}" if start.attempts > 1 else ""
    return Signal(
        slug=slug,
        kind=Kind.FAIL if start.phase in _BAD else Kind.LOG,
        at=now,
        received=now,
        id=f"{SOURCE}:{start.run_id}:{start.attempts}:{start.phase}"[-ID_MAX:],
        run_id=start.run_id,
        body=f"{_SAID[start.phase]}{often}: {start.answer}" if start.answer else f"{_SAID[start.phase]}{often}",
        source=SOURCE,
    )


def due(job: Job, state: State, now: int) -> list[Order]:
    """The runs whose start somebody must now go on with."""
    waiting = (start for start in state.starts if start.phase in OPEN and start.until <= now)
    return [
        Order(slug=job.slug, slot=start.slot, run_id=start.run_id, by=start.by, input=start.input) for start in waiting
    ]
