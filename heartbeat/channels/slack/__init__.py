"""Slack, by an incoming webhook or by a bot: its settings, and how it is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.channels.kind import GROUP_ABOVE, ChannelKind, SettingKey
from heartbeat.errors import BadSetting
from heartbeat.outbound.urls import check_url

if TYPE_CHECKING:
    from heartbeat.channels.kind import Settings
    from heartbeat.channels.protocol import Channel


def _make(name: str, settings: Settings) -> Channel:
    if "webhook" in settings:
        return _slack_webhook(name, _common(settings, "thread", "update", needs="a bot: give token and channel"))
    from heartbeat.channels.slack.bot import SlackBot  # noqa: PLC0415  (loads an SDK that not everybody has)

    settings = _common(settings, "allow_private", needs="a webhook: a bot always speaks to slack.com")
    if not re.fullmatch(r"[A-Z0-9]{6,}", settings["channel"]):
        raise BadSetting("channel must be the channel's id, such as C0123456789, not its name")
    return SlackBot(name, settings.pop("token"), settings.pop("channel"), **settings)


def _slack_webhook(name: str, settings: Settings) -> Channel:
    from heartbeat.channels.slack.webhook import SlackWebhook  # noqa: PLC0415  (the same)
    from heartbeat.outbound.addresses import Guard  # noqa: PLC0415  (loads ssl; only who uses webhooks)

    check_url("webhook", settings["webhook"])
    guard = Guard(allow_private=settings.pop("allow_private", False))
    return SlackWebhook(name, settings.pop("webhook"), guard=guard, **settings)


def _common(settings: Settings, *useless: str, needs: str) -> Settings:
    for key in useless:
        if key in settings:
            raise BadSetting(f"{key} needs {needs}")
    return settings


KIND = ChannelKind(
    make=_make,
    description="Slack, through an incoming webhook, or through a bot that threads and updates its messages.",
    short="webhook",
    either=(("webhook",), ("token", "channel")),
    keys={
        "webhook": SettingKey(address=True, description="The incoming webhook's URL (a secret)."),
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
