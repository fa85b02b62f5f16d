"""AWS Batch jobs. Attempts at one job are one run; of an array or multi-node job, only the whole counts.

Sources: AWS Batch user guide, "Job state change events" and "Array jobs"; API reference, "JobDetail".
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from heartbeat.errors import BadSignal
from heartbeat.ingest.events.ecs import exit_status
from heartbeat.ingest.events.heard import EventFacts, Teller
from heartbeat.ingest.events.shape import instant, items, joined, mapping, spelled, text, whole
from heartbeat.model import Kind

ENDS = {"SUCCEEDED": Kind.SUCCESS, "FAILED": Kind.FAIL}
CHILD_MARKS = (":", "#")
"""What follows the parent's id in the ids of array job children and of nodes."""


def job(event: dict[str, Any], now: int) -> EventFacts | None:
    """Batch Job State Change."""
    detail = mapping(event, "detail")
    ident, status = text(detail, "jobId"), text(detail, "status")
    if not ident or not status:
        raise BadSignal("a Batch job's event without jobId or status")
    if status not in {"RUNNING", *ENDS} or any(mark in ident for mark in CHILD_MARKS):
        return None
    happened = instant(event, "time")
    started = _started(detail) or (happened if status == "RUNNING" else None)
    teller = Teller(source="batch", now=now, run=ident, started=started)
    signals = teller.start()
    if status in ENDS:
        code, why = _code(detail), joined(text(detail, "statusReason"), _reason(detail))
        end = teller.end(ENDS[status], status, instant(detail, "stoppedAt") or happened)
        end = replace(end, exit_status=None if code is None else exit_status(code))
        signals.append(end if status == "SUCCEEDED" else replace(end, body=why))
    return EventFacts(kind="batch", facts=_facts(detail), signals=lambda _: signals)


def _facts(detail: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        "job_name": (text(detail, "jobName"),),
        "job_definition": spelled(text(detail, "jobDefinition"), ":job-definition/"),
        "queue": spelled(text(detail, "jobQueue"), ":job-queue/"),
    }


def _started(detail: dict[str, Any]) -> int | None:
    # An array's parent never runs: it begins when it is submitted.
    if whole(detail, "arrayProperties", "size"):
        return instant(detail, "createdAt")
    begun = [instant(each, "startedAt") for each in (*items(detail, "attempts"), detail)]
    return min(filter(None, begun), default=None)


def _last(detail: dict[str, Any]) -> dict[str, Any]:
    attempts = items(detail, "attempts")
    return mapping(attempts[-1], "container") if attempts else {}


def _code(detail: dict[str, Any]) -> int | None:
    code = whole(detail, "container", "exitCode")
    return whole(_last(detail), "exitCode") if code is None else code


def _reason(detail: dict[str, Any]) -> str:
    return text(detail, "container", "reason") or text(_last(detail), "reason")
