"""An SNS topic: its settings, and how it is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.channels.kind import GROUP_ABOVE, ChannelKind, SettingKey
from heartbeat.outbound.flaws import Flaw, form_flaws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.channels.kind import Settings
    from heartbeat.channels.protocol import Channel

ARN = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+(\.fifo)?")


def _flaws(settings: Settings) -> Iterator[Flaw]:
    problem = "must be a topic's ARN, such as arn:aws:sns:eu-west-1:123456789012:alerts"
    if "topic" in settings:
        yield from form_flaws("topic", settings["topic"], ARN, problem, begins="arn:")


def _make(name: str, settings: Settings) -> Channel:
    from heartbeat.channels.sns.topic import Sns  # noqa: PLC0415  (only who uses SNS)

    return Sns(name, settings.pop("topic"), layout=settings.pop("format", "json"), **settings)


KIND = ChannelKind(
    make=_make,
    flaws=_flaws,
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
