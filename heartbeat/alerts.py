"""Facts -> `Alert`, complete in itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat import slots
from heartbeat.model import (
    Alert,
    Change,
    Event,
    Incident,
    Job,
    Reason,
    Signal,
    Snapshot,
    State,
    Verdict,
)
from heartbeat.offset import offset_hint

if TYPE_CHECKING:
    from heartbeat.overdue import Blind

TOGETHER_MIN = 6
"""So many jobs silent in one sweep, and none of them heard, are one event."""


def job_alert(  # noqa: PLR0913, PLR0917 - the facts of one message come from as many nouns
    job: Job, state: State, incident: Incident, event: Event, at: int, signal: Signal | None
) -> Alert:
    """The alert about a job's incident. signal: what has just come in, for its exit status and output."""
    return Alert(
        id=_alert_id(incident, event),
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
        deadline=_deadline(incident),
        opened_at=incident.opened_at,
        last_success=state.last_success,
        last_signal=state.last_signal,
        next_slot=slots.next_slot(job, max(state.cursor, at)),
        bad=incident.bad,
        reminders=incident.reminders,
        exit_status=signal.exit_status if signal else None,
        run_id=signal.run_id if signal else "",
        output=signal.body if signal else "",
        hint=offset_hint(job, state.recent) if event is not Event.RECOVERED else "",
    )


def _alert_id(incident: Incident, event: Event) -> str:
    return f"{incident.id}/{event}{incident.reminders}" if event is Event.REMINDER else f"{incident.id}/{event}"


def _deadline(incident: Incident) -> int | None:
    return incident.opened_at if incident.verdict in {Verdict.MISSED, Verdict.TIMED_OUT} else None


def blind_alert(blind: Blind, changes: list[Change]) -> Alert:
    """We were not listening from blind.start to blind.end; `jobs`: whose slots can therefore not be judged."""
    hidden = [c.slug for c in changes if any(e.reason is Reason.WE_WERE_BLIND for e in c.entries)]
    name = f"service/blind/{blind.start}"
    return Alert(
        id=name,
        event=Event.BLIND,
        incident=name,
        at=blind.end,
        opened_at=blind.start,
        reason=Reason.WE_WERE_BLIND,
        jobs=tuple(sorted(set(hidden))),
    )


def silent_together(decided: list[tuple[Snapshot, Change]]) -> list[tuple[Snapshot, Change]]:
    """When every job that was due in a sweep is silent, and they are many, each alert says so."""
    silent = [change for _, change in decided if any(_is_miss(alert) for alert in change.alerts)]
    if len(silent) < TOGETHER_MIN or len(silent) < len(decided):
        return decided
    return [(snapshot, replace(c, alerts=tuple(_together(a) for a in c.alerts))) for snapshot, c in decided]


def _is_miss(alert: Alert) -> bool:
    return alert.event is Event.OPENED and alert.verdict is Verdict.MISSED


def _together(alert: Alert) -> Alert:
    return replace(alert, silent_all=True) if _is_miss(alert) else alert
