"""The trigger function: starts runs. Noticing that one did not start is not its job."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.table import now, open_table
from heartbeat.doors.lambdas.trigger_work import Starts
from heartbeat.settings import read_stack
from heartbeat.targets.build import build
from heartbeat.verbs.trigger import Starter

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK = read_stack(os.environ)
JOURNAL = Journal(STACK.name, time.time)
STORE = open_table(STACK)
STARTS = Starts(STORE, Starter(STORE, build, now), JOURNAL, now)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's, made at run time
    """A call from EventBridge Scheduler, a rule, the checker, or by hand."""
    try:
        return STARTS.answer(event, context.get_remaining_time_in_millis, context.aws_request_id)
    finally:
        JOURNAL.flush()
