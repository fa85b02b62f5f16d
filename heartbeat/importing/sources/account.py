"""An AWS account: EventBridge Scheduler's schedules, and the scheduled rules of the default bus. They are only read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heartbeat.importing.sources.document import LinedMap

if TYPE_CHECKING:
    from collections.abc import Iterator


def schedules_of(scheduler: Any) -> Iterator[LinedMap]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Every schedule of every group, whole: a listing has no expressions."""
    for page in scheduler.get_paginator("list_schedules").paginate():
        for each in page["Schedules"]:
            yield _lined(scheduler.get_schedule(Name=each["Name"], GroupName=each["GroupName"]))


def rules_of(events: Any) -> Iterator[LinedMap]:  # noqa: ANN401 - boto3 makes its classes at run time
    """Every rule with a schedule; AWS has them on the default bus alone."""
    for page in events.get_paginator("list_rules").paginate():
        yield from (_lined(each) for each in page["Rules"] if each.get("ScheduleExpression"))


def _lined(found: dict[str, Any]) -> LinedMap:
    made = LinedMap()
    for key, value in found.items():
        made[key] = _lined(value) if isinstance(value, dict) else str(value)
    return made
