"""Message → what is published to a topic: body, subject and attributes, within SNS's limits. Pure.

The body is the JSON document of `body` (e-mail subscribers get plain text), text, or what Amazon Q Developer in chat
applications (formerly AWS Chatbot) understands.

Attributes to filter by, where they apply: String, or String.Array when the message has several values:
`event` `severity` `job` `environment` `owner`, `schema_version`, and `tags` (always String.Array).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from heartbeat.channels import body
from heartbeat.channels.slack.block_kit import code, escape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from heartbeat.text.alert_text import Message

MESSAGE_MAX = 256 * 1024
"""Amazon SNS endpoints and quotas: bytes of a message with its attributes."""
TEXT_MAX = 8_000
"""Characters of a text for people: an e-mail, a description in chat."""
LINE_MAX, SAID_MAX, BELOW_MAX = 500, 1_000, 5_500
"""Characters of a line, of a sentence, and of the rest below: together they make a description."""
ATTRIBUTE_MAX = 32 * 1024
ROUNDS_MAX = 32


def content(message: Message, key: str, layout: str) -> dict[str, Any]:
    """What to publish, within SNS's size limit."""
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


def _written(message: Message, key: str, layout: str, room: int) -> dict[str, str]:
    if layout == "chatbot":
        return {"Message": json.dumps(_chatbot(message, key), ensure_ascii=False)}
    text = message.text if len(message.text) <= TEXT_MAX else f"{message.text[:TEXT_MAX]}…"
    if layout == "text":
        return {"Message": text}
    return _enveloped(message, key, text, room) or {"Message": text}


def _enveloped(message: Message, key: str, text: str, room: int) -> dict[str, str]:
    limit = room
    for _ in range(ROUNDS_MAX):  # the document grows when quoted again inside the envelope: it must shrink to fit
        document = body.document(message, key, limit)
        envelope = json.dumps({"default": document, "email": text, "sms": message.subject}, ensure_ascii=False)
        excess = len(envelope.encode()) - room
        if excess <= 0:
            return {"Message": envelope, "MessageStructure": "json"}
        limit = min(limit, len(document.encode())) - excess
    return {}


def _chatbot(message: Message, key: str) -> dict[str, Any]:
    # Amazon Q Developer in chat applications, "Custom notifications".
    alert = message.alerts[0]
    title, _, rest = message.headline.partition(": ")
    said = [escape(text, SAID_MAX) for text in (message.opening, rest) if text]
    runbooks = {item.runbook for item in message.alerts if item.runbook}
    return {
        "version": "1.0",
        "source": "custom",
        "id": key,
        "content": {
            "textType": "client-markdown",
            "title": escape(title, LINE_MAX),
            "description": "\n\n".join(filter(None, (*said, _rest_of(message)))),
            "nextSteps": [f"Runbook: {escape(runbook, LINE_MAX)}" for runbook in sorted(runbooks)[:5]],
            "keywords": [body.common_event(message), body.worst(message)],
        },
        "metadata": {
            "threadId": alert.incident if len(message.alerts) == 1 and alert.incident else key,
            "summary": escape(message.summary, LINE_MAX),
            "eventType": body.common_event(message),
            "relatedResources": [item.slug for item in message.alerts if item.slug][:10],
            "additionalContext": {},
        },
    }


def _rest_of(message: Message) -> str:
    """The text below the headline, as code: nothing in it is read as markup or mentions anybody."""
    below = message.text.split(message.headline, 1)[-1].strip()
    return code(below, BELOW_MAX) if below else ""


def _attribute(values: Iterable[str], *, array: bool = False) -> dict[str, str]:
    distinct = [value for value in dict.fromkeys(values) if value]
    while len(json.dumps(distinct)) > ATTRIBUTE_MAX:
        distinct = distinct[: len(distinct) // 2]
    if not distinct:
        return {}
    if array or len(distinct) > 1:
        return {"DataType": "String.Array", "StringValue": json.dumps(distinct, ensure_ascii=False)}
    return {"DataType": "String", "StringValue": distinct[0]}
