"""The ingest function: evidence and AWS events, from EventBridge, from a queue, or as a Lambda destination."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from heartbeat.config.declared import load
from heartbeat.doors.lambdas.ingest_work import News
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.table import now, open_table
from heartbeat.ingest.intake import Intake
from heartbeat.ingest.s3 import S3Bucket
from heartbeat.settings import read_stack

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK = read_stack(os.environ)
JOURNAL = Journal(STACK.name, time.time)
INTAKE = Intake(load(STACK.jobs).jobs, S3Bucket(STACK.bucket), STACK.bucket)
NEWS = News(open_table(STACK), INTAKE, JOURNAL, now)


def handler(event: Mapping[str, Any], context: object) -> Mapping[str, Any]:
    """An event, or messages from a queue."""
    try:
        if from_queue(event):
            return NEWS.take_queue(event, context)
        return NEWS.take(event)
    finally:
        JOURNAL.flush()


def from_queue(event: object) -> bool:
    """Whether these are messages from a queue."""
    records = event.get("Records") if isinstance(event, dict) else None
    first = records[0] if isinstance(records, list) and records else None
    return isinstance(first, dict) and first.get("eventSource") == "aws:sqs"
