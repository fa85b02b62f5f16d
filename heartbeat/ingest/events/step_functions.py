"""Executions of Step Functions' standard workflows (express ones send no events).

Source: AWS Step Functions developer guide, "Automating Step Functions event delivery with EventBridge".
"""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from heartbeat.errors import BadSignal
from heartbeat.ingest.events.heard import Teller, Told
from heartbeat.ingest.events.shape import instant, joined, mapping, spelled, text, whole
from heartbeat.model import Kind

INPUT_MAX = 262_144
"""Characters: what an execution takes."""
CAUSE_MAX = 20_000
"""Characters of a cause that are read."""
ENDS = {"SUCCEEDED": Kind.SUCCESS, "FAILED": Kind.FAIL, "TIMED_OUT": Kind.FAIL, "ABORTED": Kind.FAIL}


def execution(event: dict[str, Any], now: int) -> Told | None:
    """Step Functions Execution Status Change. A redriven execution ends again: each end is a signal of its own."""
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
        why = joined(status, text(detail, "error"), text(detail, "cause", most=CAUSE_MAX))
        end = teller.end(ENDS[status], _state(detail, status, ended), ended)
        signals.append(end if status == "SUCCEEDED" else replace(end, body=why))
    machine = spelled(text(detail, "stateMachineArn"), ":stateMachine:")
    facts = {"state_machine": machine, "job": _job(text(detail, "input", most=INPUT_MAX))}
    return Told(kind="step_functions", facts=facts, signals=lambda _: signals)


def _state(detail: dict[str, Any], status: str, ended: int | None) -> str:
    """One end of an execution, however we hear of it: a machine that tells us itself knows of no `stopDate`."""
    count = whole(detail, "redriveCount")
    return f"{status}:{ended}" if count is None else f"{status}:redrive {count}"


def _job(given: str) -> tuple[str, ...]:
    """The job for which a trigger started the execution; nothing for any other."""
    try:
        heartbeat = json.loads(given)["heartbeat"]
        return (str(heartbeat["job"]),)
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()
