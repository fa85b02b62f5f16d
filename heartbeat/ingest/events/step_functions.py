"""Executions of Step Functions standard workflows (express ones send no events).

Source: AWS Step Functions developer guide, "Automating Step Functions event delivery with EventBridge".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from heartbeat.errors import BadSignal
from heartbeat.ingest.events.ecs import failed_task
from heartbeat.ingest.events.heard import EventFacts, Teller
from heartbeat.ingest.events.shape import instant, items, joined, mapping, spelled, text, whole
from heartbeat.ingest.written import parsed
from heartbeat.model import Kind

if TYPE_CHECKING:
    from heartbeat.model import Signal

INPUT_MAX = 262_144
"""Characters of input that an execution accepts."""
CAUSE_MAX = 20_000
"""Characters of a cause that we read."""
ENDS = {"SUCCEEDED": Kind.SUCCESS, "FAILED": Kind.FAIL, "TIMED_OUT": Kind.FAIL, "ABORTED": Kind.FAIL}


def execution(event: dict[str, Any], now: int) -> EventFacts | None:
    """Step Functions Execution Status Change. A redriven execution ends again: each end is a separate signal."""
    detail = mapping(event, "detail")
    status, arn = text(detail, "status"), text(detail, "executionArn")
    if not status or not arn:
        raise BadSignal("an execution's event without executionArn or status")
    if status not in {"RUNNING", *ENDS}:
        return None
    run, happened = text(detail, "name") or arn.rpartition(":")[2], instant(event, "time")
    started = instant(detail, "startDate") or (happened if status == "RUNNING" else None)
    teller = Teller(source="step_functions", now=now, run=run, started=started)
    signals = teller.start()
    if status in ENDS:
        ended = instant(detail, "stopDate") or happened
        end = teller.end(ENDS[status], _state(detail, status, ended), ended)
        signals.append(end if status == "SUCCEEDED" else _failed(end, detail, status))
    machine = spelled(text(detail, "stateMachineArn"), ":stateMachine:")
    facts = {"state_machine": machine, "job": _job(text(detail, "input", most=INPUT_MAX))}
    return EventFacts(kind="step_functions", facts=facts, signals=lambda _: signals)


def _failed(end: Signal, detail: dict[str, Any], status: str) -> Signal:
    cause = text(detail, "cause", most=CAUSE_MAX)
    task = _task(cause)
    if task:
        end = failed_task(end, task)
    return replace(end, body=joined(status, text(detail, "error"), end.body if task else cause))


def _task(cause: str) -> dict[str, Any]:
    """The ECS task that failed a waiting state, in the form of ECS's own events; empty for any other cause."""
    try:
        task = _small(parsed(cause))
    except ValueError:
        return {}
    containers = [_small(each) for each in items(task, "containers")]
    return {**task, "containers": containers} if "taskArn" in task and containers else {}


def _small(value: object) -> dict[str, Any]:
    """Its names in lower camel case, as everywhere but in Step Functions; empty for anything but a mapping."""
    return {name[:1].lower() + name[1:]: each for name, each in value.items()} if isinstance(value, dict) else {}


def _state(detail: dict[str, Any], status: str, ended: int | None) -> str:
    """One end of an execution, however we hear of it: a machine that tells us itself does not know its `stopDate`."""
    count = whole(detail, "redriveCount")
    return f"{status}:{ended}" if count is None else f"{status}:redrive {count}"


def _job(given: str) -> tuple[str, ...]:
    """The job for which a trigger started the execution; empty for any other."""
    try:
        name = text(parsed(given), "heartbeat", "job")
    except ValueError:
        return ()
    return (name,) if name else ()
