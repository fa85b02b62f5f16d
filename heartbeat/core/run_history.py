"""One record for each run, from its slot to its end, put together from a job's history. Pure.

The run's id joins the pieces; what has none (a ping without `rid`, a slot for which nothing came) goes by its slot.
Different ends have different words.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from heartbeat.core.alerts import SOURCE
from heartbeat.core.remembered_starts import known
from heartbeat.core.starting import run_for
from heartbeat.model import Kind, Phase, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.model import Entry, Signal, Snapshot, Start


class RunEnd(StrEnum):
    """How a run ended, or how far it is."""

    WAITING = "waits for another run to end"
    STARTING = "is being started"
    AGAIN = "refused for now, will be tried again"
    TRIGGERED = "triggered, not heard of yet"
    RUNNING = "running"
    NOT_TRIGGERED = "not triggered"
    TRIGGER_FAILED = "trigger failed"
    UNKNOWN = "perhaps started"
    SKIPPED = "skipped, another run was under way"
    DROPPED = "not started, its slot is expected no longer"
    NEVER_CHECKED_IN = "triggered, never checked in"
    NEVER_FINISHED = "started, never finished"
    MISSED = "nothing was heard"
    EXCUSED = "excused"
    FAILED = "failed"
    ASSERTION = "finished, but an assertion failed"
    LATE = "finished late"
    DONE = "done"


BAD = frozenset({
    *{RunEnd.NOT_TRIGGERED, RunEnd.TRIGGER_FAILED, RunEnd.NEVER_CHECKED_IN, RunEnd.NEVER_FINISHED},
    *{RunEnd.MISSED, RunEnd.FAILED, RunEnd.ASSERTION},
})  # fmt: skip
_SILENT = {
    Reason.NOT_TRIGGERED: RunEnd.NOT_TRIGGERED,
    Reason.NEVER_CHECKED_IN: RunEnd.NEVER_CHECKED_IN,
    Reason.STILL_RUNNING: RunEnd.WAITING,
    Reason.GRACE_RAN_OUT: RunEnd.MISSED,
    Reason.LATER_SLOT_SUCCEEDED: RunEnd.MISSED,
}
_PHASES = {
    Phase.CLAIMED: RunEnd.STARTING,
    Phase.AGAIN: RunEnd.AGAIN,
    Phase.QUEUED: RunEnd.WAITING,
    Phase.SKIPPED: RunEnd.SKIPPED,
    Phase.DROPPED: RunEnd.DROPPED,
    Phase.UNKNOWN: RunEnd.UNKNOWN,
    Phase.FAILED: RunEnd.TRIGGER_FAILED,
    Phase.STARTED: RunEnd.TRIGGERED,
}
BY_HAND = "hand"
"""Who started a run if nobody is named and it was not the schedule."""
AWS_RUNS = frozenset({"ecs", "step_functions"})
"""Sources of signals about runs that others may start besides us."""
_HUNG = frozenset({Reason.MAX_RUNTIME_RAN_OUT, Reason.NEXT_SLOT_DUE})


class Record(Struct, frozen=True, kw_only=True):
    """A run. Instants and durations in milliseconds, None where there is none; id "" for a run that gave none.

    by: who started it by hand; attempts: calls of the target; answer: what the target said; output: what its end said;
    log_url: where its log is.
    """

    id: str
    slot: int | None
    end: RunEnd
    at: int
    by: str = ""
    attempts: int = 0
    answer: str = ""
    triggered_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    duration: int | None = None
    exit_status: int | None = None
    reason: Reason | None = None
    output: str = ""
    log_url: str = ""


def records(snapshot: Snapshot, entries: Sequence[Entry]) -> list[Record]:
    """entries: the job's history, newest first. The runs, newest first."""
    groups: dict[str, list[Entry]] = {start.run_id: [] for start in snapshot.state.starts}
    latest = {start.slot: start.run_id for start in snapshot.state.starts}
    for entry in reversed(entries):
        name = _name(entry, latest)
        if name is not None and name not in groups:
            groups[name] = []
            latest[entry.slot] = name
        if name is not None:
            groups[name].append(entry)
    made = [_record(snapshot, name, each) for name, each in groups.items()]
    return sorted((record for record in made if record), key=lambda record: (record.at, record.id), reverse=True)


def _name(entry: Entry, latest: dict[int | None, str]) -> str | None:
    """The run that this line belongs to; None: to none. latest: the last run of each slot."""
    signal = entry.signal
    if signal is not None and signal.run_id:
        return signal.run_id
    if signal is not None and signal.kind is Kind.LOG:
        return None
    if signal is None and entry.reason is None:
        return None
    if signal is None and entry.slot is not None and entry.slot in latest:
        return latest[entry.slot]
    if entry.slot is not None:
        return f"slot:{entry.slot}"
    return f"at:{entry.at}" if signal is not None else None


def _record(snapshot: Snapshot, name: str, entries: Sequence[Entry]) -> Record | None:
    start = known(snapshot.state.starts, name)
    if start is None and not entries:
        return None
    signals = [entry.signal for entry in entries if entry.signal is not None]
    calls = [signal for signal in signals if signal.source == SOURCE]
    own = [signal for signal in signals if signal.source != SOURCE]
    began = next((signal for signal in own if signal.kind is Kind.START), None)
    last = next((signal for signal in reversed(own) if signal.kind in {Kind.SUCCESS, Kind.FAIL}), None)
    slot = start.slot if start else next((entry.slot for entry in entries if entry.slot is not None), None)
    at = start.at if start else entries[0].at
    return Record(
        id="" if ":" in name else name,
        slot=slot,
        end=_end(entries, start, calls, began, last),
        at=at if slot is None else slot,
        by=start.by if start else _by(snapshot, name, slot, signals),
        attempts=start.attempts if start else len(calls),
        answer=start.answer if start else _answer(calls),
        triggered_at=start.at if start else calls[0].at if calls else None,
        started_at=began.at if began else None,
        finished_at=last.at if last else None,
        duration=_duration(began, last),
        exit_status=last.exit_status if last else None,
        reason=next((entry.reason for entry in reversed(entries) if entry.reason is not None), None),
        output=last.body if last else "",
        log_url=last.log_url if last else "",
    )


def _by(snapshot: Snapshot, name: str, slot: int | None, signals: Sequence[Signal]) -> str:
    """A run on AWS of a triggered job that no trigger started was started by hand, such as from the console."""
    job, life, sources = snapshot.job, snapshot.state.life, {signal.source for signal in signals}
    ours = job.trigger is None or SOURCE in sources or (slot is not None and name == run_for(job.slug, slot, life))
    return BY_HAND if not ours and sources & AWS_RUNS else ""


def _answer(calls: Sequence[Signal]) -> str:
    return calls[-1].body.partition(": ")[2] if calls else ""


def _duration(began: Signal | None, last: Signal | None) -> int | None:
    if last is None or last.duration is not None or began is None:
        return last.duration if last else None
    return max(0, last.at - began.at)


def _end(
    entries: Sequence[Entry], start: Start | None, calls: Sequence[Signal], began: Signal | None, last: Signal | None
) -> RunEnd:
    if last is not None:
        return _finished(entries, last)
    if any(entry.reason in _HUNG for entry in entries):
        return RunEnd.NEVER_FINISHED
    if began is not None:
        return RunEnd.RUNNING
    phase = start.phase if start else _phase(calls)
    if phase in {Phase.FAILED, Phase.SKIPPED, Phase.DROPPED}:
        return _PHASES[phase]
    silent = next((_SILENT[entry.reason] for entry in reversed(entries) if entry.reason in _SILENT), None)
    if silent is not None:
        return silent
    return RunEnd.EXCUSED if phase is None else _PHASES[phase]


def _finished(entries: Sequence[Entry], last: Signal) -> RunEnd:
    if last.kind is Kind.FAIL:
        return RunEnd.FAILED
    verdict = next((entry.verdict for entry in reversed(entries) if entry.signal is last), None)
    if verdict is Verdict.FAILED:
        return RunEnd.ASSERTION
    was_bad = any(entry.verdict in {Verdict.MISSED, Verdict.TIMED_OUT} for entry in entries)
    return RunEnd.LATE if was_bad or verdict is Verdict.LATE else RunEnd.DONE


def _phase(calls: Sequence[Signal]) -> Phase | None:
    """The phase of a start that the job no longer remembers, by its last line (`trigger:<run>:<attempt>:<phase>`)."""
    word = calls[-1].id.rpartition(":")[2] if calls else ""
    return Phase(word) if word in set(Phase) else None
