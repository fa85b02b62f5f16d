"""Time passed: job + clock -> `Change`. Pure.

Walks over everything whose time has come, in the order in which it happened (see judgment.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.core import deadlines, expected, slots
from heartbeat.core.blind import is_unknown, judged_at, last_touching
from heartbeat.core.judgment import Judgment
from heartbeat.core.remembered_starts import excused
from heartbeat.model import NEVER, Change, Phase, Reason, Run, Snapshot, Span, Status, Verdict
from heartbeat.text import alert_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.core.blind import Blind, Limit

SILENT = frozenset({Reason.GRACE_RAN_OUT, Reason.NOT_TRIGGERED, Reason.NEVER_CHECKED_IN, Reason.STILL_RUNNING})
"""Reasons that mean silence at the deadline; these open an incident."""
OVERDUE = frozenset({Verdict.MISSED, Verdict.TIMED_OUT})
STEPS_MAX = 100
"""Slots and runs judged in one change; the next one takes the rest at once."""


def look(snapshot: Snapshot, now: int, *, blind: Sequence[Blind] = (), quiet: int | None = None) -> Change:
    """What the clock finds: slots missed, runs hung, reminders due, silences and pauses over."""
    case = Judgment(snapshot, now, quiet, blind)
    more = False
    if case.job.enabled:
        more = not _walk(case)
        case.tell_owed()
    return case.change(more=more)


def at_stake(snapshot: Snapshot, now: int) -> list[int]:
    """The slots about to be called missed or hung, so that their evidence can be looked at once more."""
    before = {entry.slot for entry in look(snapshot, now).entries if entry.verdict in OVERDUE}
    return sorted(slot for slot in before if slot is not None)


def _walk(case: Judgment) -> bool:
    done = any(not _step(case) for _ in range(STEPS_MAX))
    if done:
        _mend(case, NEVER)
    return done


def _step(case: Judgment) -> bool:
    # A span that the cursor has reached; else the earliest of a slot's deadline, a run's limit and the pause's end.
    # False: nothing is due.
    slot = slots.next_slot(case.job, case.state.cursor)
    if slot is not None and case.state.ahead and case.state.ahead[0].first <= slot:
        _pass_over(case, case.state.ahead[0])
        return True
    due, slot = slots.first_due(case.job, case.state) or (None, None)
    hung = _first_hung(case)
    if _resume(case, before=min(hung[0] if hung else NEVER, NEVER if due is None else due)):
        return True
    if hung is not None and (due is None or hung[0] <= due):
        return _expire(case, hung[1], hung[0])
    return slot is not None and due is not None and _miss(case, slot, due)


def _first_hung(case: Judgment) -> tuple[int, Run] | None:
    if not case.state.runs:
        return None
    ends = [(end, run) for run, end in deadlines.open_runs(case.job, case.state)]
    return min(ends, key=lambda pair: pair[0], default=None)


def _pass_over(case: Judgment, span: Span) -> None:
    # These slots have their verdicts. Only now that everything before them is judged can they mean a recovery.
    case.set(cursor=max(case.state.cursor, span.last), ahead=case.state.ahead[1:])
    incident = case.state.incident
    at: int | None = span.since
    since = max(incident.opened_at, case.state.failed_at or 0) if incident else span.since
    if span.since < since:  # a success before it went bad mends nothing
        at = next((t for t in case.state.recent if t >= since), None)
    if span.good and at is not None:
        _mend(case, at)
        case.rule(span.last, at, Verdict.ON_TIME, Reason.IN_TIME)


def _miss(case: Judgment, slot: int, due: int) -> bool:
    # False: its time has not come.
    if due > case.now:  # nothing is judged earlier
        return False
    limit = deadlines.limit(case.job, slot, due, case.blinds)
    if judged_at(limit, case.blinds) > case.now:
        return False
    succeeded = any(span.last > slot and span.since < due for span in case.state.ahead if span.good)
    verdict, reason = _why_missed(case, slot, due, succeeded, hidden=is_unknown(limit, case.blinds))
    case.note(slot, due, verdict, reason)
    if slot == slots.next_slot(case.job, case.state.cursor):
        case.set(cursor=slot)
    else:  # an earlier slot was started late, or still waits to be started
        case.meet(slot, due, good=False)
    if reason in SILENT:
        _mend(case, due)
        if case.hung_since is not None:
            case.hung_since = due
        _doubt(case, limit)
    if reason is not Reason.LATER_SLOT_SUCCEEDED:
        case.rule(slot, due, verdict, reason)
    return True


def _why_missed(case: Judgment, slot: int, due: int, succeeded: bool, *, hidden: bool) -> tuple[Verdict, Reason]:
    if expected.why_not(case.job, case.state, slot, due) is not None:
        return Verdict.EXCUSED, Reason.JOB_PAUSED
    if hidden:
        return Verdict.UNKNOWN, Reason.WE_WERE_BLIND
    return Verdict.MISSED, Reason.LATER_SLOT_SUCCEEDED if succeeded else _why_silent(case, slot)


def _why_silent(case: Judgment, slot: int) -> Reason:
    if case.job.trigger is None:
        return Reason.GRACE_RAN_OUT
    starts = [start for start in case.state.starts if start.slot == slot]
    if any(start.phase is Phase.QUEUED for start in starts):
        return Reason.STILL_RUNNING
    return Reason.NEVER_CHECKED_IN if starts else Reason.NOT_TRIGGERED


def _expire(case: Judgment, run: Run, due: int) -> bool:
    # False: its time has not come.
    limit = deadlines.limit(case.job, run.started_at, due, case.blinds)
    if judged_at(limit, case.blinds) > case.now:
        return False
    expired = replace(run, expired=True)
    case.set(runs=tuple(expired if r is run else r for r in case.state.runs))
    if is_unknown(limit, case.blinds):
        case.note(run.slot, due, Verdict.UNKNOWN, Reason.WE_WERE_BLIND)
        case.rule(run.slot, due, Verdict.UNKNOWN, Reason.WE_WERE_BLIND)
        return True
    reason = Reason.NEXT_SLOT_DUE if case.job.max_runtime is None else Reason.MAX_RUNTIME_RAN_OUT
    case.note(run.slot, due, Verdict.TIMED_OUT if run.slot is not None else None, reason)
    _mend(case, due)
    _doubt(case, limit)
    case.rule(run.slot, due, Verdict.TIMED_OUT, reason, again=run.after_bad)
    case.hung_since = due
    return True


def _doubt(case: Judgment, limit: Limit) -> None:
    # A client that tries only once may have called while we were away, and whoever is told should know.
    gap = last_touching(limit, case.blinds)
    case.doubt = "" if gap is None else alert_text.not_listening(gap.start, gap.end, case.now, case.job.timezone)
    if case.doubt:
        case.remark(case.doubt)


def _mend(case: Judgment, before: int) -> None:
    # What is known to have happened before this instant counts first.
    _mend_hung(case, before)
    _mend_ahead(case, before)


def _mend_hung(case: Judgment, before: int) -> None:
    # This look found a hung run, and a success after its limit is known already. (If the job was down before this look,
    # the success was weighed when it came.)
    if case.hung_since is None or case.snapshot.state.status is Status.DOWN:
        return
    worst, pairs = case.state.bad_slot or 0, dict(case.state.mends)
    for at in case.state.recent:  # also those heard before the run's start, which `mends` cannot hold
        pairs.setdefault(at, slots.by_time(case.job, case.state, at) or worst)
    since = max(case.hung_since, case.state.failed_at or 0)
    after = ((at, slot) for at, slot in sorted(pairs.items()) if since <= at < before)
    mended = next((pair for pair in after if pair[1] >= worst), None)
    if mended is not None:
        case.hung_since = None
        case.rule(mended[1], mended[0], Verdict.LATE, Reason.LATER_SLOT_SUCCEEDED)


def _mend_ahead(case: Judgment, before: int) -> None:
    # A success after the job went bad ends the incident, though a slot before that success is still open.
    for span in case.state.ahead:
        incident = case.state.incident
        if incident is None or incident.ended_at is not None:
            break
        if span.good and incident.opened_at <= span.since < before:
            case.rule(span.last, span.since, Verdict.ON_TIME, Reason.IN_TIME)


def _resume(case: Judgment, before: int) -> bool:
    # The pause ended before anything else came due, so what follows is expected again, however late we look.
    until = case.state.paused_until
    if case.state.status is not Status.PAUSED or until is None or until > case.now or until >= before:
        return False
    resume(case, until)
    return True


def resume(case: Judgment, at: int) -> None:
    """The pause is over: slots are expected again from this instant on, and the next success counts as the first."""
    excuse(case, at, Reason.JOB_PAUSED)
    hung = {run for run, end in deadlines.open_runs(case.job, case.state) if end <= at}
    case.set(runs=tuple(replace(run, expired=True) if run in hung else run for run in case.state.runs))
    case.set(status=Status.WAITING, since=at, paused_until=None, pause_reason="", streak=0)
    case.note(None, at, None, None)
    case.remark("resumed")


def excuse(case: Judgment, until: int, reason: Reason) -> None:
    """Slots still open up to this instant are not expected after all; the history lists STEPS_MAX of them at most."""
    for _ in range(STEPS_MAX):
        slot = slots.next_slot(case.job, case.state.cursor)
        if slot is None or slot > until:
            break
        if not slots.is_met(case.job, case.state, slot):
            case.note(slot, until, Verdict.EXCUSED, reason)
            case.rule(slot, until, Verdict.EXCUSED, reason)
        case.set(cursor=slot)
    last = max((span.last for span in case.state.ahead), default=until)
    case.set(cursor=max(case.state.cursor, until, last), ahead=(), starts=excused(case.state.starts, until))
