"""An SNS topic: its settings, and how it is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.channels.kind import GROUP_ABOVE, ChannelKind, SettingKey
from heartbeat.errors import BadSetting

if TYPE_CHECKING:
    from heartbeat.channels.kind import Settings
    from heartbeat.channels.protocol import Channel

ARN = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+(\.fifo)?")


def _make(name: str, settings: Settings) -> Channel:
    from heartbeat.channels.sns.topic import Sns  # noqa: PLC0415  (only who uses SNS)

    if not ARN.fullmatch(settings["topic"]):
        raise BadSetting("topic must be a topic's ARN, such as arn:aws:sns:eu-west-1:123456789012:alerts")
    return Sns(name, settings.pop("topic"), layout=settings.pop("format", "json"), **settings)


KIND = ChannelKind(
    make=_make,
    description="An SNS topic.",
    short="topic",
    keys={
        "topic": SettingKey(required=True, description="The topic's ARN."),
        "format": SettingKey(
            choices=("json", "text", "chatbot"),
            description="json (default; e-mail subscribers get text), text, chatbot (Amazon Q Developer in chat).",
        ),
        "group_above": GROUP_ABOVE,
    },
)
