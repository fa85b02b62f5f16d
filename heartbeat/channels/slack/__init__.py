"""Slack, by an incoming webhook or by a bot: its settings, and how it is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.channels.kind import GROUP_ABOVE, ChannelKind, SettingKey
from heartbeat.outbound.flaws import Flaw, form_flaws, url_flaws, word_flaws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.channels.kind import Settings
    from heartbeat.channels.protocol import Channel


CHANNEL = re.compile("[A-Z0-9]{6,}")
"""Slack: a conversation's id."""


def _flaws(settings: Settings) -> Iterator[Flaw]:
    if "webhook" in settings:
        yield from url_flaws("webhook", settings["webhook"], allow_private=settings.get("allow_private", False))
        needs = dict.fromkeys(("thread", "update"), "needs a bot: give token and channel")
    else:
        needs = {"allow_private": "needs a webhook: a bot always speaks to slack.com"}
    yield from (Flaw((key,), problem) for key, problem in needs.items() if key in settings)
    if "token" in settings:
        yield from word_flaws("token", settings["token"])
    if "channel" in settings:
        problem = "must be the channel's id, such as C0123456789, not its name"
        yield from form_flaws("channel", settings["channel"], CHANNEL, problem)


def _make(name: str, settings: Settings) -> Channel:
    if "webhook" in settings:
        return _slack_webhook(name, settings)
    from heartbeat.channels.slack.bot import SlackBot  # noqa: PLC0415  (loads an SDK that not everybody has)

    return SlackBot(name, settings.pop("token"), settings.pop("channel"), **settings)


def _slack_webhook(name: str, settings: Settings) -> Channel:
    from heartbeat.channels.slack.webhook import SlackWebhook  # noqa: PLC0415  (the same)
    from heartbeat.outbound.addresses import Guard  # noqa: PLC0415  (loads ssl; only who uses webhooks)

    guard = Guard(allow_private=settings.pop("allow_private", False))
    return SlackWebhook(name, settings.pop("webhook"), guard=guard, **settings)


KIND = ChannelKind(
    make=_make,
    flaws=_flaws,
    description="Slack, through an incoming webhook, or through a bot that threads and updates its messages.",
    short="webhook",
    either=(("webhook",), ("token", "channel")),
    keys={
        "webhook": SettingKey(description="The incoming webhook's URL (a secret)."),
        "token": SettingKey(description="The bot's token, xoxb-… (a secret); it needs the scope chat:write."),
        "channel": SettingKey(description="The channel's id, C0123456789."),
        "thread": SettingKey(
            type="boolean", description="Bot: reminders and recoveries go into the thread. Default true."
        ),
        "update": SettingKey(
            type="boolean", description="Bot: a recovery turns the first message green. Default true."
        ),
        "allow_private": SettingKey(
            type="boolean",
            description="Webhook: allow private and loopback addresses, such as your own Mattermost. Default false.",
        ),
        "group_above": GROUP_ABOVE,
    },
)
