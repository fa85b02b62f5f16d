"""EventBridge schedules for the triggered jobs of this stack: made, changed, paused and removed as the jobs are.

What was made is written down (document `schedules`), and only that is ever changed or removed.
"""

from __future__ import annotations

import json
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from heartbeat import aws
from heartbeat.core import slots
from heartbeat.errors import BadSchedule
from heartbeat.model import MINUTE, SECOND, Status
from heartbeat.schedule.to_eventbridge import schedules_for
from heartbeat.telemetry import Happened
from heartbeat.verbs import documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heartbeat.model import Snapshot
    from heartbeat.settings import Scheduling
    from heartbeat.store.protocol import Store
    from heartbeat.telemetry import Log

SCHEDULES = "schedules"
"""Document: for the name of each schedule, the digest of what it was made of."""
EVERY = 5 * MINUTE
STEP_MAX = 200
"""Schedules made, changed or removed in one step; at about 50 ms each they hold nobody up for long."""
NAME_MAX = 60
AGE_MIN, AGE_MAX = 60, 86_400
"""Seconds for which EventBridge Scheduler may try a failed call again."""
RETRIES = 10
AT = "<aws.scheduler.scheduled-time>"


class Schedules:
    """slugs: the triggered jobs."""

    def __init__(self, store: Store, slugs: Sequence[str], place: Scheduling, log: Log) -> None:
        self._store, self._slugs, self._place, self._log = store, slugs, place, log
        self._next = 0

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        return aws.client("scheduler")

    def step(self, now: int) -> None:
        """Keep them up to date every few minutes; again at once if botocore raised."""
        if now >= self._next and self._place.group and self._keep():
            self._next = now + EVERY

    def _keep(self) -> bool:
        """Do some of what there is to do; answers whether that was all."""
        before = self._store.document(SCHEDULES)
        known: dict[str, str] = dict(before.value) if isinstance(before.value, dict) else {}
        wanted = {request["Name"]: request for request in self._wanted()}
        new = [request for name, request in wanted.items() if known.get(name) != _digest(request)]
        old = [name for name in known if name not in wanted]
        todo, gone = new[:STEP_MAX], old[: max(0, STEP_MAX - len(new))]
        if not todo and not gone:
            return True
        # What we are about to make is written down first: should we end in between, it can still be removed.
        claimed = documents.keep(self._store, before, {**known, **{request["Name"]: "" for request in todo}})
        if claimed is None:
            return False
        for request in todo:
            self._put(request)
        for name in gone:
            self._remove(name)
        kept = {name: digest for name, digest in known.items() if name not in gone}
        documents.keep(self._store, claimed, kept | {request["Name"]: _digest(request) for request in todo})
        return len(new) + len(old) <= STEP_MAX

    def _wanted(self) -> Iterator[dict[str, Any]]:
        found = self._store.load(list(self._slugs)) if self._slugs else {}
        for slug in self._slugs:
            if slug in found and found[slug].job.trigger is not None:
                yield from self._requests(found[slug])

    def _requests(self, snapshot: Snapshot) -> Iterator[dict[str, Any]]:
        job = snapshot.job
        try:
            expressions = schedules_for(slots.schedule_of(job))
        except BadSchedule as problem:
            self._log.tell(Happened.RUN_NOT_STARTED, job=job.slug, error=problem)
            return
        runs = job.enabled and snapshot.state.status is not Status.PAUSED
        for number, expression in enumerate(expressions, 1):
            yield {
                "Name": _name(job.slug, number),
                "GroupName": self._place.group,
                "Description": f"Starts {job.slug}. Kept by Heartbeat; changes made here are overwritten.",
                "ScheduleExpression": expression.text,
                "ScheduleExpressionTimezone": expression.timezone,
                "State": "ENABLED" if runs else "DISABLED",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": self._target(snapshot),
            }

    def _target(self, snapshot: Snapshot) -> dict[str, Any]:
        slug, life = snapshot.job.slug, snapshot.state.life
        return {
            "Arn": self._place.function,
            "RoleArn": self._place.role,
            "Input": json.dumps({"heartbeat": "start", "job": slug, "life": life, "at": AT}),
            "RetryPolicy": {
                "MaximumEventAgeInSeconds": min(max(snapshot.job.grace // SECOND, AGE_MIN), AGE_MAX),
                "MaximumRetryAttempts": RETRIES,
            },
            "DeadLetterConfig": {"Arn": self._place.dead_letters},
        }

    def _put(self, request: dict[str, Any]) -> None:
        try:
            self._client.create_schedule(**request)
        except self._client.exceptions.ConflictException:
            self._client.update_schedule(**request)

    def _remove(self, name: str) -> None:
        try:
            self._client.delete_schedule(Name=name, GroupName=self._place.group)
        except self._client.exceptions.ResourceNotFoundException:
            return


def _name(slug: str, number: int) -> str:
    """At most 64 characters."""
    short = slug if len(slug) <= NAME_MAX else f"{slug[: NAME_MAX - 9]}-{sha256(slug.encode()).hexdigest()[:8]}"
    return short if number == 1 else f"{short}.{number}"


def _digest(request: dict[str, Any]) -> str:
    return sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:16]
