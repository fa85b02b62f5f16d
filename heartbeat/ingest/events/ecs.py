"""ECS tasks: a running task has started, a stopped one has succeeded or failed.

Sources: Amazon ECS developer guide, "Amazon ECS task state change events" and "service action events"; API reference,
"Task" (stopCode). Several events may report one state (say, an attachment changes): each state makes one signal.
For links to a log: the same guide, "Send Amazon ECS logs to CloudWatch" (a stream of awslogs is `prefix/container/task
id`); the console's own addresses, where names after `#` are %-encoded twice, with `$` for `%`; AWS general reference,
"AWS Management Console endpoints" (hosts of the partitions).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec.structs import replace

from heartbeat.errors import BadSignal
from heartbeat.ingest.events.heard import EventFacts, Teller
from heartbeat.ingest.events.matcher import form
from heartbeat.ingest.events.shape import instant, items, joined, mapping, spelled, text, whole
from heartbeat.model import Kind
from heartbeat.targets.ecs import STARTED_BY

if TYPE_CHECKING:
    from heartbeat.model import LogGroup, Signal, Source

CUT_SHORT = frozenset(
    {"TaskFailedToStart", "UserInitiated", "SpotInterruption", "TerminationNotice", "InfrastructureHealth"}
)
"""Stop codes of tasks that did not end on their own: whatever the exit code, the work may not be done."""
AWS_OWN = ("aws-guardduty-agent", "ecs-service-connect", "~internal~")
"""Name prefixes of containers that AWS adds to a task; they are killed when it stops."""
PARTS = 2
NOT_PLACED = frozenset({"SERVICE_TASK_PLACEMENT_FAILURE", "SERVICE_TASK_CONFIGURATION_FAILURE"})
EXIT_STATUS_MAX = 255
CONTAINER_MAX = 255
"""Characters of a container's name."""
CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
"""By partition; nobody outside the other partitions can reach their consoles."""
_TASK = re.compile(
    r"arn:(?P<partition>[a-z-]+):ecs:(?P<region>[a-z0-9-]+):[0-9]*:task/(?:(?P<cluster>[\w-]+)/)?(?P<task>[\w-]+)",
    re.ASCII,
)


def task(event: dict[str, Any], now: int) -> EventFacts | None:
    """ECS Task State Change."""
    detail = mapping(event, "detail")
    arn, status = text(detail, "taskArn"), text(detail, "lastStatus")
    if not arn or not status:
        raise BadSignal("an ECS task's event without taskArn or lastStatus")
    if status not in {"RUNNING", "STOPPED"}:
        return None
    started = instant(detail, "startedAt") or (instant(event, "time") if status == "RUNNING" else None)
    ours = _started_by_us(detail)
    teller = Teller(source="ecs", now=now, run=ours[1] if ours else arn.rpartition("/")[2], started=started)
    if status == "RUNNING":
        return EventFacts(kind="ecs", facts=_facts(detail), signals=lambda _: teller.start())
    ended = _first(detail, "executionStoppedAt", "stoppedAt", "stoppingAt") or instant(event, "time")
    return EventFacts(
        kind="ecs", facts=_facts(detail), signals=lambda source: [*teller.start(), _end(teller, detail, source, ended)]
    )


def _facts(detail: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        "cluster": spelled(text(detail, "clusterArn"), ":cluster/"),
        "family": spelled(text(detail, "taskDefinitionArn"), ":task-definition/"),
        "group": (text(detail, "group"),),
        "started_by": (text(detail, "startedBy"),),
        "job": _started_by_us(detail)[:1],
        "container": tuple(text(each, "name") for each in items(detail, "containers")),
    }


def _started_by_us(detail: dict[str, Any]) -> tuple[str, ...]:
    """The job and the run id of a task that a trigger started; empty for any other."""
    word, *rest = text(detail, "startedBy").split("/")
    return tuple(rest) if word == STARTED_BY and len(rest) == PARTS else ()


def _first(detail: dict[str, Any], *names: str) -> int | None:
    return next(filter(None, (instant(detail, name) for name in names)), None)


def _end(teller: Teller, detail: dict[str, Any], source: Source, ended: int | None) -> Signal:
    containers = _counting(detail, dict(source.keys).get("container", ""))
    codes = [whole(each, "exitCode") for each in containers]
    if codes and all(code == 0 for code in codes) and text(detail, "stopCode") not in CUT_SHORT:
        return replace(teller.end(Kind.SUCCESS, "STOPPED", ended), exit_status=0)
    return _blamed(teller.end(Kind.FAIL, "STOPPED", ended), detail, containers, source.log)


def failed_task(end: Signal, detail: dict[str, Any]) -> Signal:
    """The failure of whoever ran this task and waited for it, with the task's details. detail: as in an event."""
    return _blamed(end, detail, _counting(detail, ""), None)


def _blamed(end: Signal, detail: dict[str, Any], containers: list[Any], log: LogGroup | None) -> Signal:
    """A failure with the task's stop reason, the exit codes of these containers, and where its log is."""
    codes = [whole(each, "exitCode") for each in containers]
    return replace(
        end,
        exit_status=next((exit_status(code) for code in codes if code), None),
        body=joined(_why_stopped(detail), *(_worded(each) for each in containers)),
        log_url=_log(detail, containers, log),
    )


def _why_stopped(detail: dict[str, Any]) -> str:
    reason, code = text(detail, "stoppedReason"), text(detail, "stopCode")
    return f"{reason} ({code})" if reason and code else reason or code


def _log(detail: dict[str, Any], containers: list[Any], log: LogGroup | None) -> str:
    # The log of the container to blame. One that never ran has no stream: the task's own page says more.
    ended = [each for each in containers if whole(each, "exitCode") is not None]
    blamed = next((each for each in ended if whole(each, "exitCode")), ended[0] if ended else None)
    name = text(blamed, "name", most=CONTAINER_MAX)
    return _task_log(text(detail, "taskArn"), text(detail, "clusterArn"), name, log)


def _task_log(task_arn: str, cluster_arn: str, container: str, log: LogGroup | None) -> str:
    """The address of the container's log stream, or, without `log`, of the task's logs in ECS; "" if none."""
    found = _TASK.fullmatch(task_arn)
    host = CONSOLES.get(found["partition"]) if found else None
    if found is None or host is None:
        return ""
    region, task = found["region"], found["task"]
    console = f"https://{region}.{host}"
    if log is not None and container:
        group, stream = _twice(log.group), _twice(f"{log.prefix}/{container}/{task}")
        place = f"#logsV2:log-groups/log-group/{group}/log-events/{stream}"
        return f"{console}/cloudwatch/home?region={region}{place}"
    cluster = quote(found["cluster"] or cluster_arn.rpartition("/")[2], safe="")
    return f"{console}/ecs/v2/clusters/{cluster}/tasks/{task}/logs?region={region}" if cluster else ""


def _twice(name: str) -> str:
    return quote(quote(name, safe=""), safe="").replace("%", "$")


def _counting(detail: dict[str, Any], name: str) -> list[Any]:
    # The task definition, not the event, says which containers are essential.
    containers = items(detail, "containers")
    if name:
        wanted = form(name)
        return [each for each in containers if wanted.fullmatch(text(each, "name"))]
    return [each for each in containers if not text(each, "name").startswith(AWS_OWN)]


def _worded(container: object) -> str:
    code, reason = whole(container, "exitCode"), text(container, "reason")
    told = "no exit code" if code is None else f"exit code {code}"
    return f"{text(container, 'name') or 'a container'}: {told}{f' ({reason})' if reason else ''}"


def exit_status(code: int) -> int:
    """An exit code as signals store it."""
    return code if 0 <= code <= EXIT_STATUS_MAX else EXIT_STATUS_MAX


def service(event: dict[str, Any], now: int) -> EventFacts | None:
    """ECS Service Action: a service cannot place its tasks. Only for sources that name its group."""
    detail = mapping(event, "detail")
    name = text(detail, "eventName")
    if not name:
        raise BadSignal("an ECS service's event without eventName")
    if name not in NOT_PLACED:
        return None
    arn = next((found for found in (text({"arn": each}, "arn") for each in items(event, "resources")) if found), "")
    seen = instant(detail, "createdAt") or instant(event, "time")
    failed = Teller(source="ecs", now=now).end(Kind.FAIL, text(event, "id"), seen)
    failed = replace(failed, body=joined(name, text(detail, "reason")))
    return EventFacts(
        kind="ecs",
        facts={
            "cluster": spelled(text(detail, "clusterArn"), ":cluster/"),
            "group": (f"service:{arn.rpartition('/')[2]}",),
        },
        signals=lambda source: [failed] if "group" in dict(source.keys) else [],
    )
