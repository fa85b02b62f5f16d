"""The launcher: starts an ECS task for each message in the work queue. Optional (`QueueWorkers: ecs`)."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.launcher_work import Launches
from heartbeat.settings import read_launcher
from heartbeat.targets.ecs import Ecs

if TYPE_CHECKING:
    from collections.abc import Mapping

JOURNAL = Journal(os.environ.get("HEARTBEAT_STACK", "heartbeat"), time.time)
LAUNCHING = read_launcher(os.environ)
LAUNCHES = Launches(Ecs(**LAUNCHING.task), JOURNAL, queue=LAUNCHING.queue, job=LAUNCHING.job)  # type: ignore[arg-type]  # like a trigger's settings from jobs.yaml


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Messages from the queue."""
    del context
    try:
        return LAUNCHES.take(event)
    finally:
        JOURNAL.flush()
