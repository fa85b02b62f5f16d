"""The JSON shapes. Their names are a promise: later versions add, they do not rename (docs/cli.md lists them).

Instants are ISO 8601 in UTC, with milliseconds where there are any; unknown values are null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heartbeat.core import slots
from heartbeat.core.addressing import quiet_until
from heartbeat.core.explain import Explanation, explain, open_slot, running, standing
from heartbeat.core.run_history import records
from heartbeat.model import MINUTE, SECOND, Status
from heartbeat.telemetry import our_version
from heartbeat.text.times import iso
from heartbeat.verbs import service_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from heartbeat.core.explain import RunStory, SlotStory
    from heartbeat.core.run_history import Record
    from heartbeat.model import Delivery, Entry, Illness, Incident, Signal, Silence, Snapshot
    from heartbeat.store.protocol import Store
    from heartbeat.verbs.trigger import Started

HISTORY = 200
"""Entries to look at for an explanation."""
RUNS_HISTORY = 10_000
"""Entries to make the records of runs from."""


def job_facts(snapshot: Snapshot, silences: Iterable[Silence], now: int) -> dict[str, Any]:
    """A job and its state."""
    job, state, slot = snapshot.job, snapshot.state, open_slot(snapshot)
    quiet = quiet_until(snapshot, silences, now)
    return {
        "job": job.slug,
        "standing": standing(snapshot, now),
        "status": state.status,
        "enabled": job.enabled,
        "since": iso(state.since),
        "running": len(running(snapshot)),
        "last_success": iso(state.last_success),
        "last_signal": iso(state.last_signal),
        "clock_slow_seconds": round(state.skew / SECOND),
        "next_expected": None if state.status is Status.PAUSED else iso(slot),
        "deadline": None if slot is None or state.status is Status.PAUSED else iso(slots.due(job, state, slot)),
        "schedule": list(job.schedule),
        "schedule_in_words": slots.schedule_of(job).describe(),
        "timezone": job.timezone,
        "description": job.description,
        "environment": job.environment,
        "owner": job.owner,
        "declared_by": job.source or None,
        "tags": list(job.tags),
        "notify": list(job.notify),
        "bad_in_a_row": state.streak,
        "incident": incident_facts(state.incident),
        "paused_until": iso(state.paused_until),
        "pause_reason": state.pause_reason,
        "silenced_until": iso(quiet),
        "uuid": snapshot.uuid,
    }


def incident_facts(incident: Incident | None) -> dict[str, Any] | None:
    """An open incident."""
    if incident is None:
        return None
    return {
        "id": incident.id,
        "verdict": incident.verdict,
        "reason": incident.reason,
        "slot": iso(incident.slot),
        "opened_at": iso(incident.opened_at),
        "told_at": iso(incident.told_at),
        "bad": incident.bad,
        "reminders": incident.reminders,
        "acked_at": iso(incident.acked_at),
        "acked_by": incident.acked_by,
    }


def runs_of(store: Store, snapshot: Snapshot) -> list[Record]:
    """A job's runs, newest first, as far back as the latest entries of its history go."""
    return records(snapshot, store.history(snapshot.job.slug, RUNS_HISTORY))


def run_facts(record: Record) -> dict[str, Any]:
    """A run, from its slot to its end. Durations in seconds."""
    return {
        "run_id": record.id or None,
        "slot": iso(record.slot),
        "end": record.end.name.lower(),
        "words": record.end,
        "reason": record.reason,
        "by": record.by,
        "attempts": record.attempts,
        "answer": record.answer,
        "triggered_at": iso(record.triggered_at),
        "started_at": iso(record.started_at),
        "finished_at": iso(record.finished_at),
        "duration_seconds": None if record.duration is None else record.duration / SECOND,
        "exit_status": record.exit_status,
        "output": record.output,
        "log_url": record.log_url,
    }


def started_facts(started: Started) -> dict[str, Any]:
    """The result of asking to start a run."""
    return {
        "job": started.slug,
        "run_id": started.run_id,
        "phase": started.phase,
        "held": started.held,
        "said": started.text,
        "again_at": iso(started.again),
    }


def silence_facts(silence: Silence, now: int) -> dict[str, Any]:
    """A silence."""
    return {
        "id": silence.id,
        "selector": silence.selector,
        "start": iso(silence.start),
        "end": iso(silence.end),
        "active": silence.start <= now < silence.end,
        "reason": silence.reason,
        "author": silence.author,
    }


def illness_facts(ill: Illness) -> dict[str, Any]:
    """What is wrong with the service."""
    return {"name": ill.name, "text": ill.text, "since": iso(ill.since), "last": iso(ill.last), "count": ill.count}


def delivery_facts(delivery: Delivery) -> dict[str, Any]:
    """One alert to one channel."""
    return {
        "id": delivery.id,
        "job": delivery.alert.slug,
        "event": delivery.alert.event,
        "channel": delivery.channel,
        "outcome": delivery.outcome,
        "at": iso(delivery.alert.at),
        "created_at": iso(delivery.created_at),
        "attempts": delivery.attempts,
        "next_attempt": iso(delivery.next_at),
        "error": delivery.error,
    }


def signal_facts(signal: Signal) -> dict[str, Any]:
    """A signal."""
    return {
        "kind": signal.kind,
        "at": iso(signal.at),
        "received": iso(signal.received),
        "source": signal.source,
        "run_id": signal.run_id,
        "exit_status": signal.exit_status,
        "duration_seconds": None if signal.duration is None else signal.duration / SECOND,
        "size": signal.size,
        "metrics": dict(signal.metrics),
        "body": signal.body,
        "log_url": signal.log_url,
    }


SWEEP_AGE_MAX = MINUTE
"""Where a sweep comes each second: after an older one the service is not healthy, for a miss would be told late."""
SLOW_SWEEP_AGE_MAX = 3 * MINUTE
"""Where it comes each minute: one may be late, or be lost."""


def health_facts(age: int | None, limit: int, ill: Mapping[str, str], undelivered: int) -> dict[str, Any]:
    """What every `/healthz` says. age: milliseconds since the last sweep, None: there was none; ill: by name, why."""
    return {
        "ok": age is not None and age <= limit and not ill,
        "last_sweep_seconds": None if age is None else round(age / SECOND, 1),
        "illnesses": ill,
        "undelivered": undelivered,
        "version": our_version(),
    }


def explained(store: Store, snapshot: Snapshot, now: int) -> Explanation:
    """A job's explanation."""
    told = store.deliveries(snapshot.state.incident.id) if snapshot.state.incident else []
    return explain(snapshot, store.history(snapshot.job.slug, HISTORY), told, service_state.silences(store), now)


def explanation_facts(found: Explanation, now: int) -> dict[str, Any]:
    """Why a job is as it is."""
    return job_facts(found.snapshot, found.silences, now) | {
        "because": found.because,
        "rule": found.rule,
        "hint": found.hint,
        "slots": [_slot_facts(story) for story in found.slots],
        "notes": [_note_facts(entry) for entry in found.notes],
        "runs": [_run_facts(each) for each in found.runs],
        "told": [delivery_facts(delivery) for delivery in found.told],
        "silences": [silence_facts(silence, now) for silence in found.silences],
        "coming": [{"at": iso(each.at), "what": each.what} for each in found.coming],
        "looked_at": iso(found.snapshot.due),
    }


def _slot_facts(story: SlotStory) -> dict[str, Any]:
    return {
        "slot": iso(story.slot),
        "verdict": story.verdict,
        "reason": story.reason,
        "words": story.words,
        "remark": story.remark,
        "rule": story.rule,
        "at": iso(story.at),
        "signals": [signal_facts(signal) for signal in story.signals],
        "runs": [run_facts(record) for record in story.runs],
    }


def _note_facts(entry: Entry) -> dict[str, Any]:
    signal = None if entry.signal is None else signal_facts(entry.signal)
    return {"at": iso(entry.at), "remark": entry.remark, "signal": signal}


def _run_facts(each: RunStory) -> dict[str, Any]:
    run = each.run
    when = {"slot": iso(run.slot), "started_at": iso(run.started_at), "limit": iso(each.limit)}
    return {"id": run.id, **when, "expired": run.expired}
