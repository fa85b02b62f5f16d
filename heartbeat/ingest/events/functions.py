"""Lambda functions called asynchronously: the records that Lambda sends to a destination.

Source: AWS Lambda developer guide, "Capturing records of Lambda asynchronous invocations".
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from heartbeat.errors import BadSignal
from heartbeat.ingest.events.heard import EventFacts, Teller
from heartbeat.ingest.events.shape import instant, joined, mapping, spelled, text
from heartbeat.model import Kind

FAILED = "failed"
"""What signals' ids call a failure: it is the same one in a destination and in a dead-letter queue."""


def result(event: dict[str, Any], now: int) -> EventFacts:
    """Lambda Function Invocation Result - Success or Failure, as EventBridge sends it."""
    return record(mapping(event, "detail"), now)


def record(value: dict[str, Any], now: int) -> EventFacts:
    """The record itself. It does not say when the run began."""
    context = mapping(value, "requestContext")
    arn, condition = text(context, "functionArn"), text(context, "condition")
    if not arn or not condition:
        raise BadSignal("a record of an invocation without functionArn or condition")
    teller = Teller(source="lambda", run=text(context, "requestId"), now=now)
    ended = instant(value, "timestamp")
    if condition == "Success" and not text(value, "responseContext", "functionError"):
        end = teller.end(Kind.SUCCESS, "success", ended)
    else:
        problem = text(value, "responsePayload", "errorMessage", most=20_000)
        kind = text(value, "responsePayload", "errorType") or text(value, "responseContext", "functionError")
        end = replace(teller.end(Kind.FAIL, FAILED, ended), body=joined(condition, kind, problem))
    return EventFacts(kind="lambda", facts={"function": spelled(arn, ":function:")}, signals=lambda _: [end])
