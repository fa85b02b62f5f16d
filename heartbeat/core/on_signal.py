"""A signal came: job + signal -> verdict, reason, `Change`. Pure; `place` (slots.py) has already found the slot.

What counts is when a signal happened (`signal.at`), so a delayed one can never undo newer knowledge.
"""

from __future__ import annotations

from binascii import b2a_base64
from hashlib import blake2b
from typing import TYPE_CHECKING

from heartbeat.core import slots
from heartbeat.core.alerts import SOURCE
from heartbeat.core.assertions import shortfall
from heartbeat.core.judgment import Judgment
from heartbeat.core.remembered_starts import met, woken
from heartbeat.core.zone_hint import late_stamp
from heartbeat.model import BAD, Kind, Reason, Run, Status, Verdict

if TYPE_CHECKING:
    from heartbeat.core.slots import SlotMatch
    from heartbeat.model import Change, Signal, Snapshot, State

RUNS_MAX = 32
"""Open runs kept for one job; the oldest go first."""
SEEN_MAX = 32
"""Ids of signals and finished runs kept to recognise a duplicate; one that comes even later is recorded again."""
MARK_BYTES = 6
"""Bytes of the digest that stands for an id: eight characters instead of up to 64. Two ids of one job look the same
once in 10^13 signals, and then one signal of many is taken for a duplicate."""
RECENT_MAX = 5
"""Instants of successes kept."""


def is_seen(snapshot: Snapshot, signal: Signal) -> bool:
    """Whether this very signal has been recorded already."""
    return bool(signal.id) and _mark(signal.id) in snapshot.state.seen


def has_finished(state: State, run_id: str) -> bool:
    """Whether the job remembers an end of this run."""
    return _mark(f"run:{run_id}") in state.seen


def _mark(ident: str) -> str:
    digest = blake2b(ident.encode("utf-8", "surrogatepass"), digest_size=MARK_BYTES).digest()
    return b2a_base64(digest, newline=False).decode()


def needs_prior(snapshot: Snapshot, where: SlotMatch) -> bool:
    """Whether the slot was met before, so that its verdict so far must be looked up in the history."""
    run, finished_at = where.run, snapshot.state.finished_at
    alone = run is not None and (finished_at is None or finished_at < run.started_at)
    decides = run is not None and run.owns and not run.expired and alone
    return where.met and not decides


def judge(  # noqa: PLR0913 - the last has a default
    snapshot: Snapshot,
    signal: Signal,
    where: SlotMatch,
    prior: Verdict | None,
    quiet: int | None,
    *,
    ended: bool = False,
) -> Change:
    """What this signal changes.

    prior: the slot's verdict so far; quiet: until when people are not told, or None; ended: the end of the run that it
    starts was heard earlier, too long ago for the job to remember.
    """
    case = Judgment(snapshot, signal.received, quiet)
    _hear(case, signal)
    match signal.kind:
        case Kind.START:
            _start(case, signal, where, prior, ended=ended)
        case Kind.SUCCESS:
            _success(case, signal, where, prior)
        case Kind.FAIL:
            _fail(case, signal, where, prior, _why_failed(signal))
        case Kind.LOG:
            case.note(where.slot, signal.at, prior, None, signal)
    remark = where.remark or late_stamp(signal)
    if remark:
        case.remark(remark)
    return case.change()


def _hear(case: Judgment, signal: Signal) -> None:
    state = case.state
    ids = [_mark(i) for i in (signal.id, _finished_run(signal)) if i]
    seen = (*state.seen, *ids)[-SEEN_MAX:] if ids else state.seen
    if signal.source == SOURCE:  # our own trigger reports on its call; the job itself has said nothing
        case.set(seen=seen)
        return
    last = signal.at if state.last_signal is None else max(signal.at, state.last_signal)
    skew = state.skew if signal.skew is None else signal.skew
    case.set(version=case.version, seen=seen, last_signal=last, signals=state.signals + 1, skew=skew)


def _finished_run(signal: Signal) -> str:
    return f"run:{signal.run_id}" if signal.run_id and signal.kind in {Kind.SUCCESS, Kind.FAIL} else ""


def _start(case: Judgment, signal: Signal, where: SlotMatch, prior: Verdict | None, *, ended: bool) -> None:
    slot = where.slot
    case.note(slot, signal.at, prior, None, signal)
    if ended or _has_ended(case, signal, where):
        case.remark("its end, or a newer one, was heard before this start")
        return
    timely = slot is not None and not where.met and signal.at < slots.due(case.job, case.state, slot)
    if slot is not None and timely:
        case.meet(slot, signal.at, good=False)
        case.set(starts=met(case.state.starts, slot, signal.run_id))
    else:
        case.beat(signal.at)
    before = slot is None and signal.at <= case.state.born  # of an earlier life or schedule: nobody waits for its end
    run = Run(
        id=signal.run_id, slot=slot, started_at=signal.at, owns=timely, expired=before, after_bad=prior in BAD
    )  # fmt: skip
    case.set(runs=(*case.state.runs, run)[-RUNS_MAX:])


def _has_ended(case: Judgment, signal: Signal, where: SlotMatch) -> bool:
    if signal.run_id:
        return where.run is not None or has_finished(case.state, signal.run_id)
    known = where.met or where.slot is None
    return known and case.state.finished_at is not None and signal.at <= case.state.finished_at


def _success(case: Judgment, signal: Signal, where: SlotMatch, prior: Verdict | None) -> None:
    wrong = shortfall(case.job, signal, where.run)
    if wrong is not None:
        _fail(case, signal, where, prior, wrong[0])
        case.remark(wrong[1])
        return
    verdict, reason = _timeliness(case, signal, where)
    decided = prior is not None and prior not in BAD and prior is not Verdict.UNKNOWN
    if decided:  # a second success in a slot changes no verdict
        case.note(where.slot, signal.at, prior, None, signal)
    else:
        if prior is not None and prior is not Verdict.FAILED:
            # It may have happened in time; we heard of it after the slot had its verdict.
            verdict, reason = Verdict.LATE, Reason.REPORTED_LATE if reason is Reason.IN_TIME else reason
        case.note(where.slot, signal.at, verdict if where.slot is not None else None, reason, signal)
    _finish(case, signal, where, good=True)
    if not decided or case.state.status is Status.DOWN:
        case.rule(where.slot, signal.at, verdict, reason)


def _timeliness(case: Judgment, signal: Signal, where: SlotMatch) -> tuple[Verdict, Reason]:
    run, slot = where.run, where.slot
    if run is not None and run.owns:
        limit = slots.run_deadline(case.job, run)
    else:
        limit = None if slot is None else slots.due(case.job, case.state, slot)
    if limit is None or signal.at < limit:
        return Verdict.ON_TIME, Reason.IN_TIME
    return Verdict.LATE, Reason.AFTER_DEADLINE


def _fail(case: Judgment, signal: Signal, where: SlotMatch, prior: Verdict | None, reason: Reason) -> None:
    newest = case.state.finished_at is None or signal.at >= case.state.finished_at
    overruled = not newest and prior is not None and prior not in BAD
    case.note(where.slot, signal.at, prior if overruled else _failed(where), reason, signal)
    _finish(case, signal, where, good=False)
    if newest:
        case.rule(where.slot, signal.at, Verdict.FAILED, reason, again=prior in BAD)
        case.set(failed_at=signal.at)


def _why_failed(signal: Signal) -> Reason:
    if signal.source == SOURCE:
        return Reason.TRIGGER_FAILED
    return Reason.EXIT_STATUS if signal.exit_status else Reason.FAIL_SIGNAL


def _failed(where: SlotMatch) -> Verdict | None:
    return Verdict.FAILED if where.slot is not None else None


def _finish(case: Judgment, signal: Signal, where: SlotMatch, *, good: bool) -> None:
    state = case.state
    if where.run is not None:
        case.close(where.run)
    if where.slot is not None and not where.met:
        case.meet(where.slot, signal.at, good=good)
    elif where.slot is not None:
        case.meet_again(where.slot, signal.at, good=good)
    else:
        case.beat(signal.at)
    finished = signal.at if state.finished_at is None else max(signal.at, state.finished_at)
    recent = tuple(sorted((*state.recent, signal.at))[-RECENT_MAX:]) if good else state.recent
    case.set(finished_at=finished, recent=recent)
    if case.state.starts:
        case.set(starts=woken(met(case.state.starts, where.slot, signal.run_id), case.now))
    if case.state.mends or case.state.runs:
        _keep_mends(case, (signal.at, where.slot) if good and where.slot is not None else None)


def _keep_mends(case: Judgment, new: tuple[int, int] | None) -> None:
    # Should an open run prove to have hung, the first success after its limit mended it.
    limits = [slots.run_deadline(case.job, run) for run in case.state.runs if not run.expired]
    known = tuple(pair for pair in case.state.mends if pair[0] >= (case.state.failed_at or 0)) if limits else ()
    if new is not None and any(limit is not None and limit <= new[0] for limit in limits):
        known = tuple(sorted((*known, new))[:RECENT_MAX])
    case.set(mends=known)
