"""What the launcher does with a message from its queue: starts a task for it, and leaves it in the queue.

From then on the message belongs to the task, which extends its visibility and deletes it (`heartbeat exec --sqs`). If
the task never begins, the message comes back and is launched again.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from heartbeat.errors import StartFailed
from heartbeat.telemetry import Happened
from heartbeat.worker.messages import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heartbeat.doors.lambdas.journal import Journal
    from heartbeat.targets.ecs import Ecs
    from heartbeat.worker.messages import QueueMessage


class Launches:
    """queue: its URL; job: for messages that name none."""

    def __init__(self, task: Ecs, journal: Journal, *, queue: str, job: str) -> None:
        self._task, self._journal, self._queue, self._job = task, journal, queue, job

    def take(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Messages from Lambda. All are reported as failed, so that SQS keeps them, launched or not."""
        for record in event["Records"]:
            self._launch(read(_as_received(record), queue=self._queue, job=self._job, since=0))
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}

    def _launch(self, message: QueueMessage) -> None:
        told = {"job": message.job, "run": message.run_id, "message": message.id, "delivery": message.count}
        try:
            answer = self._task.run(message.job, message.run_id, _variables(message), token=token_of(message))
        except StartFailed as problem:
            self._journal.tell(Happened.RUN_NOT_STARTED, **told, said=str(problem))
            self._journal.count(NotStarted=1)
        else:
            self._journal.tell(Happened.RUN_STARTED, **told, said=answer.text)
            self._journal.count(Started=1)


def token_of(message: QueueMessage) -> str:
    """One task per delivery: a repeated call starts none, a message that came back starts another."""
    return sha256(f"{message.id}/{message.count}".encode()).hexdigest()[:36]


def _variables(message: QueueMessage) -> dict[str, str]:
    more = {"HEARTBEAT_BODY": message.body, "HEARTBEAT_RECEIVE_COUNT": str(message.count)}
    return message.environment | more


def _as_received(record: Mapping[str, Any]) -> dict[str, Any]:
    """In the form of `receive_message`: Lambda uses lower camel case."""
    given = record.get("messageAttributes") or {}
    return {
        "MessageId": record["messageId"],
        "ReceiptHandle": record["receiptHandle"],
        "Body": record["body"],
        "Attributes": record.get("attributes") or {},
        "MessageAttributes": {name: {"StringValue": each.get("stringValue", "")} for name, each in given.items()},
    }
