"""The checker: runs every minute, and whenever the table's stream brings a new delivery."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from heartbeat.channels.lazy import Mailboxes
from heartbeat.config.declared import load
from heartbeat.doors.http.watchdog import Watchdog
from heartbeat.doors.lambdas.checker_work import Rounds
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.table import Pauses, now, open_table
from heartbeat.ingest import evidence
from heartbeat.ingest.s3 import S3Bucket
from heartbeat.settings import read_stack

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK = read_stack(os.environ)
CONFIG = load(STACK.jobs)
JOURNAL = Journal(STACK.name, time.time)
PAUSES = Pauses()
ROUNDS = Rounds(
    store=open_table(STACK, PAUSES),
    config=CONFIG,
    channels=Mailboxes(CONFIG.channels, JOURNAL, now),
    look=evidence.look(S3Bucket(STACK.bucket)),
    watchdog=Watchdog(STACK.watchdog, JOURNAL),
    journal=JOURNAL,
    now=now,
    scheduling=STACK.scheduling,
)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's, made at run time
    """`{"heartbeat": "sweep" | "scrub" | "test-alert"}`, or records of the table's stream: new deliveries."""
    left = context.get_remaining_time_in_millis
    try:
        match event.get("heartbeat", "deliver" if "Records" in event else "sweep"):
            case "deliver":
                return ROUNDS.deliver(left)
            case "scrub":
                return ROUNDS.scrub(left)
            case "test-alert":
                return ROUNDS.try_channels()
            case _:
                return ROUNDS.sweep(left)
    finally:
        JOURNAL.count(Retries=PAUSES.taken())
        JOURNAL.flush()
