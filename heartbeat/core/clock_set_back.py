"""The server's clock was set back: a job's state is brought to the new clock. Pure.

Everything that a job remembers of the time that is now ahead would otherwise silence it until the clock has caught up:
its cursor lies ahead, so no slot is open; its latest fail lies ahead, so no success is newer; it was born ahead.
So nothing that has happened stays later than now, and what was to come keeps its distance (claims, next attempts).

Debian's cron(8) decides which slots come a second time: jobs that have run are not run again, and those that run every
hour or more often go by the new clock. So slots no further apart than an hour, or than the clock was set back, are
expected again; of the others at most one lies ahead, and it has its verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.core import deadlines, slots
from heartbeat.core.judgment import Judgment
from heartbeat.model import HOUR, NEVER

if TYPE_CHECKING:
    from heartbeat.model import Change, Incident, Job, Snapshot, Span, Start, State


def set_back(snapshot: Snapshot, now: int, by: int, remark: str) -> Change | None:
    """The change that brings this job to a clock set back by this much, to `now`; None when nothing lies ahead."""
    state = _moved(snapshot.job, snapshot.state, now, by)
    case = Judgment(snapshot, now, None)
    if state != snapshot.state:
        case.state = state
        case.note(None, now, None, None)
        case.remark(remark)
    change = case.change()
    if change.state is None and (change.look is None or change.look >= snapshot.due):
        return None
    return replace(change, due=change.look)


def _moved(job: Job, state: State, now: int, by: int) -> State:
    incident = state.incident
    outage, bad = state.outage, state.bad_slot
    return replace(
        state,
        born=min(state.born, now),
        cursor=_cursor(job, state, now, by),
        since=min(state.since, now),
        ahead=tuple(_span(job, span, now) for span in state.ahead if span.first <= now),
        runs=tuple(replace(run, started_at=min(run.started_at, now)) for run in state.runs),
        bad_slot=None if bad is None else min(bad, now),
        failed_at=_past(state.failed_at, now),
        finished_at=_past(state.finished_at, now),
        last_signal=_past(state.last_signal, now),
        recent=tuple(min(at, now) for at in state.recent),
        incident=None if incident is None else _incident(incident, now),
        outage=None if outage is None else (min(outage[0], now), min(outage[1], now)),
        mends=tuple((min(at, now), slot) for at, slot in state.mends),
        mended_at=_past(state.mended_at, now),
        starts=tuple(_start(start, now, by) for start in state.starts),
        removed_at=_past(state.removed_at, now),
        deaf_before=min(state.deaf_before, now),
    )


def _past(at: int | None, now: int) -> int | None:
    return None if at is None else min(at, now)


def _cursor(job: Job, state: State, now: int, by: int) -> int:
    if state.cursor <= now:
        return state.cursor
    every = slots.schedule_of(job).interval_ms is not None
    if not every and (deadlines.rhythm(job, now) or NEVER) > max(by, HOUR):
        return state.cursor
    started = state.claimed_slot if job.trigger is not None else None  # what was started once is not started again
    return max(now, min(started or 0, state.cursor))


def _span(job: Job, span: Span, now: int) -> Span:
    schedule = slots.schedule_of(job)
    latest = now if schedule.interval_ms is not None else schedule.previous_ms(now + 1) or span.first
    return replace(span, last=min(span.last, latest), since=min(span.since, now), until=min(span.until, now))


def _incident(incident: Incident, now: int) -> Incident:
    return replace(
        incident,
        opened_at=min(incident.opened_at, now),
        told_at=_past(incident.told_at, now),
        reminded_at=_past(incident.reminded_at, now),
        acked_at=_past(incident.acked_at, now),
        ended_at=_past(incident.ended_at, now),
    )


def _start(start: Start, now: int, by: int) -> Start:
    return replace(start, at=min(start.at, now), until=max(start.until - by, now) if start.until > now else start.until)
