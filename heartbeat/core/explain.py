"""Why a job is in its state: what is known of it, put together for a person. Pure.

`standing` is the status as it is shown: `late`, `running` and `overdue` are derived and never stored.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from heartbeat.core import slots
from heartbeat.core.addressing import matches
from heartbeat.core.alerts import job_alert
from heartbeat.core.run_history import records
from heartbeat.core.transition import TRANSITIONS, changes, kept_row
from heartbeat.core.zone_hint import hint
from heartbeat.model import Event, Reason, Status, Verdict
from heartbeat.schedule import format_duration
from heartbeat.text import alert_text
from heartbeat.text.times import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from heartbeat.core.run_history import Record
    from heartbeat.model import Delivery, Entry, Incident, Job, Run, Signal, Silence, Snapshot

SLOTS_SHOWN = 10
NOTES_SHOWN = 10


class JobStanding(StrEnum):
    """Where a job stands, as it is shown; the worst first."""

    DOWN = "down"
    OVERDUE = "overdue"
    LATE = "late"
    RUNNING = "running"
    WAITING = "waiting"
    UP = "up"
    PAUSED = "paused"
    DISABLED = "disabled"


class SlotStory(Struct, frozen=True, kw_only=True):
    """One slot: its verdict so far and why, in words, the signals that went to it, oldest first, and its runs.

    rule: the last line of the table of transitions that applied to it; "" when none did, or the history does not say.
    """

    slot: int
    verdict: Verdict | None
    reason: Reason | None
    at: int
    words: str
    remark: str
    rule: str
    signals: tuple[Signal, ...]
    runs: tuple[Record, ...]


class RunStory(Struct, frozen=True, kw_only=True):
    """An open run and the instant by which it must have finished."""

    run: Run
    limit: int | None


class Coming(Struct, frozen=True, kw_only=True):
    """What happens at an instant if nothing is heard before."""

    at: int
    what: str


class Explanation(Struct, frozen=True, kw_only=True):
    """All that a person asks about a job. Newest first, except `told` and `coming`, which are in order of time.

    because: the reason for the last change, in words; rule: the line of the table of transitions that made it, "" when
    a person made it or the history does not say; notes: history that belongs to no slot; told: who was told of the
    incident.
    """

    snapshot: Snapshot
    standing: JobStanding
    because: str
    rule: str
    hint: str
    slots: tuple[SlotStory, ...]
    notes: tuple[Entry, ...]
    runs: tuple[RunStory, ...]
    incident: Incident | None
    told: tuple[Delivery, ...]
    silences: tuple[Silence, ...]
    coming: tuple[Coming, ...]


def explain(
    snapshot: Snapshot, entries: Sequence[Entry], deliveries: Sequence[Delivery], silences: Iterable[Silence], now: int
) -> Explanation:
    """entries: the job's history, newest first; deliveries: those of its incident; silences: all that are kept."""
    job, state = snapshot.job, snapshot.state
    holding = tuple(s for s in silences if s.start <= now < s.end and matches(s, snapshot))
    stories = _stories(snapshot, entries, now)
    return Explanation(
        snapshot=snapshot,
        standing=standing(snapshot, now),
        because=_because(snapshot, entries, stories, now),
        rule=_rule(snapshot, entries),
        hint=hint(job, state),
        slots=stories[:SLOTS_SHOWN],
        notes=tuple(entry for entry in entries if entry.slot is None)[:NOTES_SHOWN],
        runs=tuple(RunStory(run=run, limit=slots.run_deadline(job, run)) for run in state.runs),
        incident=state.incident,
        told=tuple(deliveries),
        silences=holding,
        coming=_coming(snapshot, holding, now),
    )


def standing(snapshot: Snapshot, now: int) -> JobStanding:
    """Where the job stands at this instant, whether or not a sweep has looked."""
    job, state = snapshot.job, snapshot.state
    if not job.enabled:
        return JobStanding.DISABLED
    if state.status in {Status.DOWN, Status.PAUSED}:
        return JobStanding(state.status)
    slot = open_slot(snapshot)
    if _is_overdue(snapshot, slot, now):
        return JobStanding.OVERDUE
    if slot is not None and slot <= now:
        return JobStanding.LATE
    return JobStanding.RUNNING if running(snapshot) else JobStanding(state.status)


def _is_overdue(snapshot: Snapshot, slot: int | None, now: int) -> bool:
    limits = [slots.run_deadline(snapshot.job, run) for run in running(snapshot)]
    limits += [] if slot is None else [slots.due(snapshot.job, snapshot.state, slot)]
    return any(limit is not None and limit <= now for limit in limits)


def running(snapshot: Snapshot) -> list[Run]:
    """The runs that are open and still within their time."""
    return [run for run in snapshot.state.runs if not run.expired]


def open_slot(snapshot: Snapshot) -> int | None:
    """The earliest slot without a verdict that nothing has met: the one we wait for. None: there are no more slots."""
    slot = slots.next_slot(snapshot.job, snapshot.state.cursor)
    for span in snapshot.state.ahead:
        if slot is not None and span.first <= slot <= span.last:
            slot = slots.next_slot(snapshot.job, span.last)
    return slot


def reason_in_words(job: Job, entry: Entry, now: int) -> str:
    """The reason of one entry; "" when it has none."""
    if entry.reason is None:
        return ""
    judged = entry.verdict in {Verdict.MISSED, Verdict.TIMED_OUT} and entry.signal is None
    limit = entry.at if judged or entry.slot is None else slots.deadline(job, entry.slot)
    at = moment(limit, now, job.timezone, zone_too=False)
    status = entry.signal.exit_status if entry.signal else None
    said = "a failing exit status" if status is None else f"exit status {status}"
    return alert_text.reason_in_words(entry.reason, by=f" by {at}", of=f" of {at}", status=said)


def _stories(snapshot: Snapshot, entries: Sequence[Entry], now: int) -> tuple[SlotStory, ...]:
    by_slot: dict[int, list[Entry]] = {}
    for entry in entries:
        if entry.slot is not None:
            by_slot.setdefault(entry.slot, []).append(entry)
    made = records(snapshot, entries)
    latest = sorted(by_slot, reverse=True)
    return tuple(
        _story(snapshot.job, slot, by_slot[slot], tuple(run for run in reversed(made) if run.slot == slot), now)
        for slot in latest
    )


def _story(job: Job, slot: int, entries: Sequence[Entry], runs: tuple[Record, ...], now: int) -> SlotStory:
    verdict = next((entry.verdict for entry in entries if entry.verdict), None)
    told = next((entry for entry in entries if entry.verdict is verdict and entry.reason), entries[0])
    signals = [entry.signal for entry in entries if entry.signal]
    return SlotStory(
        slot=slot,
        verdict=verdict,
        reason=told.reason,
        at=told.at,
        words=reason_in_words(job, told, now),
        remark="; ".join(dict.fromkeys(entry.remark for entry in reversed(entries) if entry.remark)),
        rule=next((TRANSITIONS[row].why for row in map(kept_row, entries) if row is not None), ""),
        signals=tuple(sorted(signals, key=lambda signal: signal.at)),
        runs=runs,
    )


def _because(snapshot: Snapshot, entries: Sequence[Entry], stories: Sequence[SlotStory], now: int) -> str:
    job, state = snapshot.job, snapshot.state
    if not job.enabled:
        return "its definition says `enabled: false`, so nothing is expected of it"
    if state.status is Status.PAUSED:
        until = f" until {moment(state.paused_until, now, job.timezone)}" if state.paused_until else ""
        return f"paused{until}" + (f": {state.pause_reason}" if state.pause_reason else "")
    if state.incident is not None:
        signal = next((entry.signal for entry in entries if entry.at <= state.since and entry.signal), None)
        return alert_text.headline(
            job_alert(job, state, state.incident, Event.OPENED, state.incident.opened_at, signal), now
        )
    return _quiet(snapshot, stories, now)


def _quiet(snapshot: Snapshot, stories: Sequence[SlotStory], now: int) -> str:
    job, state, slot = snapshot.job, snapshot.state, open_slot(snapshot)
    if slot is not None and slot <= now:
        return _awaited(snapshot, slot, now)
    judged = next((story for story in stories if story.verdict), None)
    if judged is None:
        return "no slot has been judged yet" if state.signals else "nothing has been heard of it yet"
    verdict = str(judged.verdict).replace("_", " ")
    said = f"its latest slot, {moment(judged.slot, now, job.timezone)}, is {verdict}: {judged.words}"
    if not state.streak:
        return said
    return f"{said}; {state.streak} bad in a row, people are told from {job.alert_after} on (alert_after)"


def _awaited(snapshot: Snapshot, slot: int, now: int) -> str:
    job, due, limit = snapshot.job, snapshot.due, slots.due(snapshot.job, snapshot.state, slot)
    name, by = moment(slot, now, job.timezone), moment(limit, now, job.timezone)
    if now < limit:
        return f"the slot of {name} has come and nothing is heard of it yet; it has until {by}"
    if due > now:  # we were not listening, or cannot read its evidence
        return f"nothing had come for the slot of {name} by {by}; it is given until {moment(due, now, job.timezone)}"
    return f"nothing had come for the slot of {name} by {by}, and no sweep has looked since"


def _rule(snapshot: Snapshot, entries: Sequence[Entry]) -> str:
    """The line of the table that gave the job its status: the latest one that changed a status."""
    rows = (row for entry in entries if (row := kept_row(entry)) is not None and changes(row))
    row = next(rows, None)
    return TRANSITIONS[row].why if row is not None and TRANSITIONS[row].next is snapshot.state.status else ""


def _coming(snapshot: Snapshot, holding: Sequence[Silence], now: int) -> tuple[Coming, ...]:
    job, state = snapshot.job, snapshot.state
    if not job.enabled:
        return ()
    found = [*_slots_coming(snapshot, now), *_runs_coming(snapshot), *_telling(snapshot, holding)]
    if state.paused_until is not None:
        found.append(Coming(at=state.paused_until, what="the pause ends"))
    return tuple(sorted(found, key=lambda coming: coming.at))


def _slots_coming(snapshot: Snapshot, now: int) -> list[Coming]:
    slot, job = open_slot(snapshot), snapshot.job
    if slot is None:
        return []
    limit = slots.due(job, snapshot.state, slot)
    verdict = "excused" if snapshot.state.status is Status.PAUSED else "missed"
    name = moment(slot, now, job.timezone)
    due = Coming(at=slot, what=f"the next run is expected (grace {format_duration(job.grace)})")
    return [due, Coming(at=limit, what=f"if nothing has come for the slot of {name}, it is {verdict}")]


def _runs_coming(snapshot: Snapshot) -> list[Coming]:
    reason = "its max_runtime" if snapshot.job.max_runtime is not None else "the next run's deadline"
    limits = ((run, slots.run_deadline(snapshot.job, run)) for run in running(snapshot))
    return [
        Coming(at=limit, what=f"{f'run {run.id}' if run.id else 'the open run'} must have finished ({reason})")
        for run, limit in limits
        if limit is not None
    ]


def _telling(snapshot: Snapshot, holding: Sequence[Silence]) -> list[Coming]:
    incident, every = snapshot.state.incident, snapshot.job.remind_every
    if incident is None:
        return []
    if holding:
        return [Coming(at=max(s.end for s in holding), what="the silence ends; what it held back is told")]
    if every is None or incident.acked_at is not None or incident.told_at is None:
        return []
    return [Coming(at=(incident.reminded_at or incident.told_at) + every, what="people are reminded")]
