"""An SNS topic.

The message is the JSON document of `body` (e-mail subscribers get plain text), text, or what Amazon Q Developer in chat
applications (formerly AWS Chatbot) understands.

Message attributes to filter by, all that apply, String unless the message tells several values, then String.Array:
`event` `severity` `job` `environment` `owner`, `schema_version`, and `tags` (always String.Array).
"""

from __future__ import annotations

import json
from functools import cached_property
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any

from heartbeat.channels import body
from heartbeat.channels.protocol import GROUP_ABOVE
from heartbeat.errors import ChannelFailed
from heartbeat.wording import compose

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from heartbeat.model import Alert
    from heartbeat.wording import Message

MESSAGE_MAX = 256 * 1024
"""Bytes of a message with its attributes (Amazon SNS endpoints and quotas)."""
TEXT_MAX = 8_000
"""Characters of a text for people: an e-mail, a description in chat."""
ATTRIBUTE_MAX = 32 * 1024
ROUNDS_MAX = 32
FINAL = frozenset({"NotFound", "AuthorizationError", "AccessDenied", "InvalidParameter", "InvalidParameterValue"})


class Sns:
    """Publishes to a topic. Region and endpoint: from the ARN and the environment."""

    pace = 0
    parallel = 4

    def __init__(self, name: str, topic: str, *, layout: str = "json", group_above: int = GROUP_ABOVE) -> None:
        self.name, self.group_above = name, group_above
        self._topic, self._layout, self._making = topic, layout, Lock()

    def send(self, alerts: Sequence[Alert], *, key: str, now: int, receipt: str) -> str:
        """See `Channel`."""
        del receipt
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  (slow; only who uses SNS has it)

        message = compose(alerts, now)
        try:
            with self._making:
                client = self._client
            client.publish(TopicArn=self._topic, **self._order(message, key), **content(message, key, self._layout))
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise ChannelFailed(f"SNS answered {code}", final=code in FINAL) from None
        except BotoCoreError as error:
            raise ChannelFailed(f"SNS cannot be reached ({type(error).__name__})") from None
        return ""

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401  (boto3 makes its clients at run time)
        import boto3  # noqa: PLC0415  (slow to import, and only who uses SNS has it)
        from botocore.config import Config  # noqa: PLC0415  (the same)

        config = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1}, max_pool_connections=4)
        return boto3.client("sns", region_name=self._topic.split(":")[3] or None, config=config)

    def _order(self, message: Message, key: str) -> dict[str, str]:
        """FIFO: in order for each job; the same key is taken once in five minutes."""
        if not self._topic.endswith(".fifo"):
            return {}
        group = message.alerts[0].slug or "heartbeat"
        return {"MessageGroupId": digest(group), "MessageDeduplicationId": digest(key)}


def content(message: Message, key: str, layout: str) -> dict[str, Any]:
    """What to publish, within SNS's limit of size."""
    tags = attributes(message)
    room = MESSAGE_MAX - len(json.dumps(tags)) - len(message.subject)
    return {"Subject": message.subject, "MessageAttributes": tags, **_written(message, key, layout, room)}


def attributes(message: Message) -> dict[str, dict[str, str]]:
    """The message's attributes: at most seven (more than ten would not reach an SQS queue with raw delivery)."""
    alerts = message.alerts
    found = {
        "event": _attribute(body.event(alert) for alert in alerts),
        "severity": _attribute(body.severity(alert) for alert in alerts),
        "job": _attribute(alert.slug for alert in alerts),
        "environment": _attribute(alert.environment for alert in alerts),
        "owner": _attribute(alert.owner for alert in alerts),
        "schema_version": _attribute([str(body.SCHEMA_VERSION)]),
        "tags": _attribute((tag for alert in alerts for tag in alert.tags), array=True),
    }
    return {name: value for name, value in found.items() if value}


def digest(text: str) -> str:
    """64 characters that SNS takes as an id, whatever the text is made of."""
    return sha256(text.encode()).hexdigest()


def _written(message: Message, key: str, layout: str, room: int) -> dict[str, str]:
    if layout == "chatbot":
        return {"Message": json.dumps(_chatbot(message, key), ensure_ascii=False)}
    text = _clip(message.text)
    if layout == "text":
        return {"Message": text}
    return _enveloped(message, key, text, room) or {"Message": text}


def _enveloped(message: Message, key: str, text: str, room: int) -> dict[str, str]:
    limit = room
    for _ in range(ROUNDS_MAX):  # quoted once more inside of the envelope the document grows: it must shrink to fit
        document = body.document(message, key, limit)
        envelope = json.dumps({"default": document, "email": text, "sms": message.subject}, ensure_ascii=False)
        excess = len(envelope.encode()) - room
        if excess <= 0:
            return {"Message": envelope, "MessageStructure": "json"}
        limit = min(limit, len(document.encode())) - excess
    return {}


def _chatbot(message: Message, key: str) -> dict[str, Any]:
    # Its documentation: "Custom notifications" of Amazon Q Developer in chat applications.
    alert = message.alerts[0]
    title, _, rest = message.headline.partition(": ")
    runbooks = {item.runbook for item in message.alerts if item.runbook}
    return {
        "version": "1.0",
        "source": "custom",
        "id": key,
        "content": {
            "textType": "client-markdown",
            "title": title,
            "description": _clip("\n\n".join(filter(None, (message.opening, rest, _rest_of(message))))),
            "nextSteps": [f"Runbook: {runbook}" for runbook in sorted(runbooks)[:5]],
            "keywords": [body.common_event(message), body.worst(message)],
        },
        "metadata": {
            "threadId": alert.incident if len(message.alerts) == 1 and alert.incident else key,
            "summary": message.summary[:500],
            "eventType": body.common_event(message),
            "relatedResources": [item.slug for item in message.alerts if item.slug][:10],
            "additionalContext": {},
        },
    }


def _rest_of(message: Message) -> str:
    """The text below the headline, as code: nothing in it is read as markup."""
    below = message.text.split(message.headline, 1)[-1].strip().replace("```", "'''")
    return f"```\n{below}\n```" if below else ""


def _attribute(values: Iterable[str], *, array: bool = False) -> dict[str, str]:
    distinct = [value for value in dict.fromkeys(values) if value]
    while len(json.dumps(distinct)) > ATTRIBUTE_MAX:
        distinct = distinct[: len(distinct) // 2]
    if not distinct:
        return {}
    if array or len(distinct) > 1:
        return {"DataType": "String.Array", "StringValue": json.dumps(distinct, ensure_ascii=False)}
    return {"DataType": "String", "StringValue": distinct[0]}


def _clip(text: str) -> str:
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
