"""Sends a message to an SQS queue. A FIFO queue accepts the same run once in five minutes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct, field

from heartbeat.model import MINUTE
from heartbeat.targets import aws_call
from heartbeat.targets.protocol import TargetAnswer, facts, slot_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.targets.protocol import StartCall

FIFO = 4 * MINUTE
"""SQS drops duplicates for five minutes; one is left as a margin for the clocks."""


class Sqs(Struct, frozen=True, kw_only=True):
    """See Target. queue: URL, ARN or name."""

    queue: str
    group: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    region: str = ""
    timeout: ClassVar[int] = 2 * aws_call.TIMEOUT

    @property
    def repeatable(self) -> int:
        """See Target."""
        return FIFO if self.queue.endswith(".fifo") else 0

    def start(self, call: StartCall, sent: Callable[[], None]) -> TargetAnswer:
        """See Target."""
        del sent
        values = {**self.attributes, "Heartbeat-Job": call.slug, "Heartbeat-Run": call.run_id}
        if slot := slot_of(call):
            values["Heartbeat-Slot"] = slot
        order: dict[str, Any] = {}
        if self.queue.endswith(".fifo"):
            order = {"MessageGroupId": self.group or call.slug, "MessageDeduplicationId": call.run_id}
        with aws_call.calling("SQS"):
            sqs = aws_call.client("sqs", self._region)
            answer = sqs.send_message(
                QueueUrl=self._url(sqs),
                MessageBody=json.dumps({**self.body, **facts(call)}, ensure_ascii=False),
                MessageAttributes={name: {"DataType": "String", "StringValue": text} for name, text in values.items()},
                **order,
            )
        return TargetAnswer(text=f"message {answer['MessageId']}")

    @property
    def _region(self) -> str:
        """The queue's own region, whichever one we are in."""
        if self.region:
            return self.region
        if self.queue.startswith("arn:"):
            return self.queue.split(":")[3]
        return region_of(self.queue)

    def _url(self, sqs: Any) -> str:  # noqa: ANN401 - boto3 makes its clients at run time
        if "://" in self.queue:
            return self.queue
        *_, account, name = ("", *self.queue.split(":"))
        owner = {"QueueOwnerAWSAccountId": account} if account else {}
        return str(sqs.get_queue_url(QueueName=name, **owner)["QueueUrl"])


def region_of(url: str) -> str:
    """The region in a queue's URL, "" if it names none."""
    host = url.partition("://")[2].partition("/")[0].split(".")
    return host[1] if host[0] == "sqs" and len(host) > 1 else ""
