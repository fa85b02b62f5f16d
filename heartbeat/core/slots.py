"""Schedule + grace -> slots, and the rule by which a signal finds its slot (DESIGN.md, "Slot matching").

For `every ...` the slots hang on the last heartbeat: cursor + n intervals.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from heartbeat.core.remembered_starts import ENDED, begun_late, counted_from
from heartbeat.model import MINUTE, Job, Kind, Noun, Phase, Run, Signal, Snapshot, Span, Start, State
from heartbeat.schedule import Schedule, parse

QUEUE_PATIENCE = 5 * MINUTE
"""Whoever starts a waiting run asks for it every minute. After this long without a word (or the grace) nobody will."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class SlotMatch(Noun, frozen=True, kw_only=True):
    """Where a signal belongs.

    slot: None when the signal comes before the first slot (or, for `every`, before the last heartbeat); met: the slot
    was met or judged before; run: the open run it belongs to; remark: what was odd about finding it.
    """

    slot: int | None
    met: bool
    run: Run | None
    remark: str = ""


def schedule_of(job: Job) -> Schedule:
    """The job's schedule, ready to ask (parsed once for all jobs that share it)."""
    return _schedule(job.schedule, job.timezone, job.dialect)


_schedule = lru_cache(maxsize=10_000)(parse)


@lru_cache(maxsize=10_000)
def in_words(schedule: Schedule) -> str:
    """The schedule in words, worked out once: a thousand jobs that go down together often share a few schedules."""
    return schedule.describe()


def next_slot(job: Job, after: int) -> int | None:
    """The first slot strictly after an instant; for `every`, the instant is the last heartbeat."""
    return schedule_of(job).next_ms(after)


def joined(job: Job, ahead: tuple[Span, ...], new: Span) -> tuple[Span, ...]:
    """The spans ahead of the cursor with one more; good ones with no slot between them become one."""
    spans: list[Span] = []
    for span in sorted((*ahead, new), key=lambda span: span.first):
        last = spans[-1] if spans else None
        if last and last.good and span.good and next_slot(job, last.last) == span.first:
            spans[-1] = replace(last, last=span.last, since=min(last.since, span.since), until=span.until)
        else:
            spans.append(span)
    return tuple(spans)


def bettered(ahead: tuple[Span, ...], slot: int, at: int) -> tuple[Span, ...]:
    """The spans after one more success in the slot that begins one: it is good, or good since an earlier instant."""
    return tuple(
        replace(span, since=at, good=True) if span.first == slot and (not span.good or at < span.since) else span
        for span in ahead
    )


def deadline(job: Job, slot: int) -> int:
    """From this instant on, a start or success for the slot is too late, unless we started it late: see `due`."""
    return slot + job.grace


def due(job: Job, state: State, slot: int) -> int:
    """From this instant on, a start or success for the slot is too late.

    A scheduled run that we started late has its grace from then on; one that still waits has not begun. (A run started
    by hand after the slot's time is late.)
    """
    if not state.starts:
        return deadline(job, slot)
    ours = [_check_in(job, s) for s in state.starts if s.slot == slot and not s.by and s.phase not in ENDED]
    return max(deadline(job, slot), *ours) if ours else deadline(job, slot)


def first_due(job: Job, state: State) -> tuple[int, int] | None:
    """The open slot whose time is over first, as (due, slot); None: there are no more slots.

    That is the earliest open slot, unless we started it late or it still waits: the slots behind it need not wait too.
    """
    slot, found = next_slot(job, state.cursor), None
    if not state.starts:  # the path of every ping
        return None if slot is None else (slot + job.grace, slot)
    while slot is not None:  # ends, because only STARTS_MAX slots can have a start that makes them late
        if not is_met(job, state, slot):
            late = due(job, state, slot)
            found = min(found or (late, slot), (late, slot))
            if late == deadline(job, slot):
                break
        slot = next_slot(job, slot)
    return found


def _check_in(job: Job, start: Start) -> int:
    if start.phase is Phase.QUEUED:
        return start.until + max(job.grace, QUEUE_PATIENCE)
    return counted_from(start) + job.grace


def run_deadline(job: Job, run: Run) -> int | None:
    """From this instant on, the finish of a run is too late; None when nothing bounds it."""
    if job.max_runtime is not None:
        return run.started_at + job.max_runtime
    following = next_slot(job, run.started_at if run.slot is None else max(run.slot, run.started_at))
    return None if following is None else deadline(job, following)


def place(snapshot: Snapshot, signal: Signal) -> SlotMatch:
    """The slot of a signal: the one it names, else its run's, else the latest one it can belong to."""
    job, state = snapshot.job, snapshot.state
    run = _run_of(state, signal) if state.runs else None
    slot, remark = _named(snapshot, signal, run) if signal.named else (None, "")
    if slot is None:
        slot = run.slot if run is not None else _of_start(job, state, signal)
    if slot is not None and slot <= state.born and (run is None or slot != run.slot):
        slot = None
    return SlotMatch(slot=slot, met=slot is not None and is_met(job, state, slot), run=run, remark=remark)


def _of_start(job: Job, state: State, signal: Signal) -> int | None:
    """The slot for which we started the signal's run; otherwise the latest that its time can belong to.

    A signal without a run id goes by its time, unless we started a run late and still wait to hear from it.
    """
    if signal.run_id and state.starts:
        for start in state.starts:
            if start.run_id == signal.run_id:
                return start.slot
    if not signal.run_id and state.starts:
        for start in begun_late(state.starts, signal.at):
            if start.slot is not None and not is_met(job, state, start.slot):
                return start.slot
    return by_time(job, state, signal.at)


def is_slot(job: Job, slot: int) -> bool:
    """Whether the schedule, as it stands, has this slot (for `every`, any instant may be one)."""
    schedule = schedule_of(job)
    return schedule.interval_ms is not None or schedule.next_ms(slot - 1) == slot


def is_met(job: Job, state: State, slot: int) -> bool:
    """Whether the slot was met by a signal, or judged without one."""
    # For `every`, the cursor may be a heartbeat that came before its slot: the next open slot is an interval later.
    beyond = (schedule_of(job).interval_ms or 1) - 1
    return slot <= state.cursor + beyond or any(span.first <= slot <= span.last + beyond for span in state.ahead)


def by_time(job: Job, state: State, at: int) -> int | None:
    """The latest slot s with at >= s - early(s), where early(s) = min(early, half the gap before s)."""
    schedule = schedule_of(job)
    if schedule.interval_ms is not None:
        return _by_interval(job, state, at, schedule.interval_ms)
    last, following = schedule.window_ms(at)
    if following is None:
        return last
    early = job.early if last is None else min(job.early, (following - last) // 2)
    return following if at >= following - early else last


def heartbeat_cursor(state: State) -> int:
    """The instant from which the next slot of `every` is counted, slots met ahead of the cursor included."""
    return max(state.cursor, *(span.until for span in state.ahead)) if state.ahead else state.cursor


def _by_interval(job: Job, state: State, at: int, interval: int) -> int | None:
    # The first open slot takes any heartbeat until its deadline; a later heartbeat belongs to the slot before it.
    last = heartbeat_cursor(state)
    if at <= last:
        return None
    return last + interval if at < last + interval + job.grace else at - (at - last) % interval


def _run_of(state: State, signal: Signal) -> Run | None:
    if not signal.run_id:
        return None if signal.kind is Kind.START else _nameless_run(state, signal.at)
    return next((run for run in state.runs if run.id == signal.run_id), None)


def _nameless_run(state: State, at: int) -> Run | None:
    # The latest run without an id (an earlier one that hangs keeps its own deadline), else the only run there is.
    # A delayed finish ends no run that began after it.
    live = [run for run in state.runs if not run.expired and run.started_at <= at]
    nameless = [run for run in live if not run.id]
    if nameless:
        return max(nameless, key=lambda run: run.started_at)
    return live[0] if len(live) == 1 else None


def _named(snapshot: Snapshot, signal: Signal, run: Run | None) -> tuple[int | None, str]:
    job, state = snapshot.job, snapshot.state
    try:
        slots = _all_named(job, signal.named, signal.at)
    except ValueError:
        return None, f"for={signal.named!r} is no date; write 2026-11-22 or 2026-11-22T09:00"
    if not slots:
        return None, f"for={signal.named!r} names no slot of this job; placed by its time instead"
    if run is not None and run.slot in slots:
        return run.slot, ""
    latest = _begun(job, slots, signal.at)
    still_open = (slot for slot in latest if not is_met(job, state, slot))
    return next(still_open, latest[0]), ""


def named(job: Job, text: str, at: int) -> int | None:
    """The slot that `2026-11-22` or `2026-11-22T09:00` names at this instant. Raises ValueError when it is no date."""
    slots = _all_named(job, text, at)
    return _begun(job, slots, at)[0] if slots else None


def _begun(job: Job, slots: list[int], at: int) -> list[int]:
    """Those that may have run by now, the latest first; if there are none, the first that will."""
    return [slot for slot in reversed(slots) if slot <= at + job.early] or slots[:1]


def _all_named(job: Job, text: str, at: int) -> list[int]:
    """The slot that a text names; both, in an hour that the clock repeats."""
    try:
        windows = _named_windows(text, ZoneInfo(job.timezone))
    except OverflowError:
        raise ValueError(text) from None
    schedule = schedule_of(job)
    found = (_latest_within(schedule, start, end, not_after=at + job.early) for start, end in windows)
    return [slot for slot in found if slot is not None]


def _named_windows(text: str, zone: ZoneInfo) -> list[tuple[int, int]]:
    start = datetime.fromisoformat(text)
    if _DATE.fullmatch(text):
        return [(_ms(start, zone), _ms(start + timedelta(days=1), zone))]
    first, second = (_ms(start, None if start.tzinfo else zone, fold) for fold in (0, 1))
    return [(each, each + MINUTE) for each in ([first, second] if first < second else [first])]


def _ms(instant: datetime, zone: ZoneInfo | None = None, fold: int = 0) -> int:
    return round((instant.replace(tzinfo=zone, fold=fold) if zone else instant).timestamp() * 1000)


def _latest_within(schedule: Schedule, start: int, end: int, *, not_after: int) -> int | None:
    # Of several slots in the window: the latest that may have run by now, else the first.
    if schedule.interval_ms is not None:
        return None
    first = schedule.next_ms(start - 1)
    if first is None or first >= end:
        return None
    last = schedule.previous_ms(min(end, max(not_after, first) + 1))
    return first if last is None else max(first, last)
