"""Facts -> `Alert`, complete in itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.core import slots
from heartbeat.core.zone_hint import hint
from heartbeat.model import (
    Alert,
    Change,
    Event,
    Illness,
    Incident,
    Job,
    Reason,
    Signal,
    Snapshot,
    Start,
    State,
    Verdict,
)

if TYPE_CHECKING:
    from heartbeat.core.blind import Blind

SOURCE = "trigger"
"""The source of signals in which a trigger reports on a call. Their text is the target's, not the job's."""
OVER = frozenset({Event.RECOVERED, Event.CLOSED})
"""Events that end an incident."""
TOGETHER_MIN = 6
"""The fewest jobs that count as silent together: all that were due in a sweep, and none of them heard."""


def job_alert(  # noqa: PLR0913, PLR0917 - the facts of one message come from as many nouns
    job: Job, state: State, incident: Incident, event: Event, at: int, signal: Signal | None
) -> Alert:
    """The alert about a job's incident. signal: the one just recorded, for its exit status and output."""
    run_id, start = _run(job, state, incident, signal) if event not in OVER else ("", None)
    own = signal if signal is not None and signal.source != SOURCE else None
    return Alert(
        id=f"{incident.id}/{event}{incident.reminders if event is Event.REMINDER else ''}",
        event=event,
        at=at,
        incident=incident.id,
        slug=job.slug,
        description=job.description,
        environment=job.environment,
        owner=job.owner,
        runbook=job.runbook,
        tags=job.tags,
        timezone=job.timezone,
        schedule=slots.in_words(slots.schedule_of(job)),
        verdict=incident.verdict,
        reason=incident.reason,
        expected=incident.slot,
        deadline=incident.opened_at if incident.verdict in {Verdict.MISSED, Verdict.TIMED_OUT} else None,
        opened_at=incident.opened_at,
        last_success=state.last_success,
        last_signal=state.last_signal,
        next_slot=slots.next_slot(job, max(state.cursor, at)),
        bad=incident.bad,
        reminders=incident.reminders,
        exit_status=signal.exit_status if signal else None,
        run_id=signal.run_id if signal and signal.run_id else run_id,
        output=own.body if own else "",
        log_url=own.log_url if own else "",
        hint=hint(job, state) if event not in OVER else "",
        triggered_at=start.at if start else None,
        attempts=start.attempts if start else 0,
        answer=start.answer if start else "",
        phase=start.phase if start else None,
    )


def doubted(alert: Alert, doubt: str) -> Alert:
    """The alert with the reason to doubt what opened the incident; "": there is none."""
    if not doubt or alert.event is not Event.OPENED:
        return alert
    return replace(alert, hint=f"{alert.hint}; {doubt}" if alert.hint else doubt)


def _run(job: Job, state: State, incident: Incident, signal: Signal | None) -> tuple[str, Start | None]:
    """The run that went bad, as far as we know it: its id, and how we started it."""
    name = _hung(job, state, incident)
    if incident.verdict is Verdict.FAILED and signal is not None:
        name = signal.run_id
    started = [start for start in state.starts if (start.run_id == name if name else _is_for(start, incident.slot))]
    return (name or started[-1].run_id, started[-1]) if started else (name, None)


def _hung(job: Job, state: State, incident: Incident) -> str:
    if incident.verdict is not Verdict.TIMED_OUT:
        return ""
    hung = [run for run in state.runs if run.expired and slots.run_deadline(job, run) == incident.opened_at]
    return hung[-1].id if hung else ""


def _is_for(start: Start, slot: int | None) -> bool:
    return slot is not None and start.slot == slot


def incident_id(slug: str, life: int, version: int, line: int) -> str:
    """The name of an incident that opens with this version of the job, at this line of its history."""
    return f"{slug}/{life:x}.{version}.{line}" if life else f"{slug}/{version}.{line}"


def blind_alert(blind: Blind, changes: list[Change]) -> Alert:
    """We were not listening from blind.start to blind.end; `jobs`: whose slots can therefore not be judged."""
    hidden = [c.slug for c in changes if any(e.reason is Reason.WE_WERE_BLIND for e in c.entries)]
    name = f"service/blind/{blind.start}-{blind.end}"
    return Alert(
        id=name,
        event=Event.BLIND,
        incident=name,
        at=blind.end,
        opened_at=blind.start,
        reason=Reason.WE_WERE_BLIND,
        jobs=tuple(sorted(set(hidden))),
    )


def illness_alert(illness: Illness, event: Event, now: int) -> Alert:
    """The service fell ill, or is well again: ILL or WELL. One incident, from the one to the other."""
    name = f"service/ill/{illness.name}/{illness.since}"
    return Alert(id=f"{name}/{event}", event=event, incident=name, at=now, opened_at=illness.since, text=illness.text)


def silent_together(decided: list[tuple[Snapshot, Change]]) -> list[tuple[Snapshot, Change]]:
    """If every job that was due in a sweep is silent, and there are many of them, each alert says so."""
    silent = [change for _, change in decided if any(_is_miss(alert) for alert in change.alerts)]
    if len(silent) < TOGETHER_MIN or len(silent) < len(decided):
        return decided
    return [(snapshot, replace(c, alerts=tuple(_together(a) for a in c.alerts))) for snapshot, c in decided]


def _is_miss(alert: Alert) -> bool:
    return alert.event is Event.OPENED and alert.verdict is Verdict.MISSED


def _together(alert: Alert) -> Alert:
    return replace(alert, silent_all=True) if _is_miss(alert) else alert
