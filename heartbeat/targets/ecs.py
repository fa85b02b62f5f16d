"""Runs an ECS task, once for each run (its id is the client token); the container's environment names the run."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct, field

from heartbeat.errors import StartFailed
from heartbeat.model import HOUR
from heartbeat.targets import aws_call
from heartbeat.targets.protocol import TargetAnswer, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from heartbeat.targets.protocol import StartCall

STARTED_BY = "heartbeat"
"""How our tasks' `startedBy` begins: `heartbeat/<job>/<run id>`, at most 128 characters."""
NAME_MAX = 80
OVERRIDES_MAX = 8_192
"""Amazon ECS API reference, RunTask: characters of overrides, including JSON's own."""
FULL = ("RESOURCE:", "AGENT", "Capacity is unavailable")
"""Failures that pass: no room, or no agent, at the moment."""


class Ecs(Struct, frozen=True, kw_only=True):
    """See Target. log: where the output goes, for whoever reads the task's events; starting it does not need it."""

    task_definition: str
    cluster: str = "default"
    launch_type: str = "FARGATE"
    capacity_provider: str = ""
    container: str = ""
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    subnets: Sequence[str] = ()
    security_groups: Sequence[str] = ()
    public_ip: bool = False
    region: str = ""
    log: Mapping[str, str] = field(default_factory=dict)
    timeout: ClassVar[int] = 2 * aws_call.TIMEOUT
    repeatable: ClassVar[int] = 23 * HOUR
    """Amazon ECS: RunTask remembers a clientToken for 24 hours."""

    def start(self, call: StartCall, sent: Callable[[], None]) -> TargetAnswer:
        """See Target."""
        del sent
        return self.run(call.slug, call.run_id, environment(call), token=call.run_id)

    def run(self, slug: str, run_id: str, values: Mapping[str, str], *, token: str) -> TargetAnswer:
        """Run a task with these variables. token: two calls with the same token run one task. Raises StartFailed."""
        with aws_call.calling("ECS"):
            ecs = aws_call.client("ecs", self.region)
            override = self._override(values, self.container or self._only_container(ecs))
            answer = ecs.run_task(**self._request(f"{STARTED_BY}/{name_of(slug)}/{run_id}", override, token))
        return _judged(answer)

    def _only_container(self, ecs: Any) -> str:  # noqa: ANN401 - boto3 makes its clients at run time
        found = ecs.describe_task_definition(taskDefinition=self.task_definition)["taskDefinition"]
        names = [str(each["name"]) for each in found["containerDefinitions"]]
        if len(names) != 1:
            raise StartFailed(f"{self.task_definition} has {len(names)} containers; write which one as `container`")
        return names[0]

    def _override(self, values: Mapping[str, str], container: str) -> dict[str, Any]:
        told = [{"name": name, "value": value} for name, value in {**self.environment, **values}.items()]
        override: dict[str, Any] = {"name": container, "environment": told}
        return {**override, "command": list(self.command)} if self.command else override

    def _request(self, by: str, override: dict[str, Any], token: str) -> dict[str, Any]:
        overrides = {"containerOverrides": [override]}
        size = len(json.dumps(overrides, ensure_ascii=False, separators=(",", ":")))
        if size > OVERRIDES_MAX:
            raise StartFailed(
                f"the task's command and variables come to {size} characters, and ECS takes {OVERRIDES_MAX}; "
                "put the data into S3 and hand over its name"
            )
        return {
            "cluster": self.cluster,
            "taskDefinition": self.task_definition,
            "count": 1,
            "clientToken": token,
            "startedBy": by,
            "overrides": overrides,
            **self._place(),
        }

    def _place(self) -> dict[str, Any]:
        where: dict[str, Any] = {"launchType": self.launch_type}
        if self.capacity_provider:
            where = {"capacityProviderStrategy": [{"capacityProvider": self.capacity_provider}]}
        if self.subnets:
            network = {"subnets": list(self.subnets), "assignPublicIp": "ENABLED" if self.public_ip else "DISABLED"}
            if self.security_groups:
                network["securityGroups"] = list(self.security_groups)
            where["networkConfiguration"] = {"awsvpcConfiguration": network}
        return where


def name_of(slug: str) -> str:
    """The job in `startedBy`."""
    return slug if len(slug) <= NAME_MAX else f"{slug[: NAME_MAX - 9]}-{sha256(slug.encode()).hexdigest()[:8]}"


def _judged(answer: Mapping[str, Any]) -> TargetAnswer:
    tasks, failures = answer.get("tasks") or [], answer.get("failures") or []
    if tasks:
        return TargetAnswer(text=f"task {str(tasks[0]['taskArn']).rpartition('/')[2]}")
    reasons = [str(each.get("reason", "")) for each in failures]
    told = "; ".join(f"{each.get('reason', '')} {each.get('detail', '')}".strip() for each in failures)
    again = bool(reasons) and all(reason.startswith(FULL) for reason in reasons)
    raise StartFailed(f"ECS started no task: {told or 'it gave no reason'}", again=again)
