"""`{kind: settings}` from the file → a channel. References such as `${env:NAME}` are read here, once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from heartbeat.channels.kinds import CHANNEL_KINDS, ChannelKind
from heartbeat.channels.protocol import GROUP_ABOVE
from heartbeat.errors import BadSetting
from heartbeat.outbound.urls import flaw, header_flaw
from heartbeat.secrets import resolve

if TYPE_CHECKING:
    from heartbeat.channels.protocol import Channel

Settings = dict[str, Any]
Resolve = Callable[[str], str]

ARN = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+(\.fifo)?")
DEFINITION_LENGTH = 6
VERBATIM = frozenset({"template"})
"""Settings in which `${…}` means something else."""


def build(name: str, settings: Mapping[str, Any], *, resolve: Resolve = resolve) -> Channel:
    """The channel of this name. Raises `BadSetting`, which never shows a value.

    settings: as `config` has checked them, which is the one place where keys and types are.
    """
    ((kind, given),) = settings.items()
    try:
        read = _read(CHANNEL_KINDS[kind], given, resolve)
        definition = _definition(kind, read)
        channel = BUILDERS[kind](name, read)
    except BadSetting as error:
        raise BadSetting(f"channel {name!r} ({kind}): {error}") from None
    channel.definition = definition
    return channel


def _definition(kind: str, settings: Settings) -> str:
    """A short name for these settings, secrets included: too short to give any of them away."""
    text = json.dumps([kind, settings], sort_keys=True)
    return sha256(text.encode()).hexdigest()[:DEFINITION_LENGTH]


def _read(kind: ChannelKind, given: Any, resolve: Resolve) -> Settings:  # noqa: ANN401 - as jobs.yaml has it
    """The settings as a map, with their references resolved."""
    found: Settings = {kind.short: given} if isinstance(given, str) else given or {}
    return {key: _resolved(key, value, resolve) for key, value in found.items()}


def _resolved(key: str, value: object, resolve: Resolve) -> object:
    if isinstance(value, Mapping):
        return {str(inner): resolve(str(text)) for inner, text in value.items()}
    return resolve(value) if isinstance(value, str) and key not in VERBATIM else value


def _slack(name: str, settings: Settings) -> Channel:
    if "webhook" in settings:
        return _slack_webhook(name, _common(settings, "thread", "update", needs="a bot: give token and channel"))
    from heartbeat.channels.slack_bot import SlackBot  # noqa: PLC0415  (loads an SDK that not everybody has)

    settings = _common(settings, "allow_private", needs="a webhook: a bot always speaks to slack.com")
    if not re.fullmatch(r"[A-Z0-9]{6,}", settings["channel"]):
        raise BadSetting("channel must be the channel's id, such as C0123456789, not its name")
    return SlackBot(name, settings.pop("token"), settings.pop("channel"), **settings)


def _slack_webhook(name: str, settings: Settings) -> Channel:
    from heartbeat.channels.slack_webhook import SlackWebhook  # noqa: PLC0415  (the same)
    from heartbeat.outbound.addresses import Guard  # noqa: PLC0415  (loads ssl; only who uses webhooks)

    _check_url("webhook", settings["webhook"])
    guard = Guard(allow_private=settings.pop("allow_private", False))
    return SlackWebhook(name, settings.pop("webhook"), guard=guard, **settings)


def _sns(name: str, settings: Settings) -> Channel:
    from heartbeat.channels.sns import Sns  # noqa: PLC0415  (only who uses SNS)

    if not ARN.fullmatch(settings["topic"]):
        raise BadSetting("topic must be a topic's ARN, such as arn:aws:sns:eu-west-1:123456789012:alerts")
    return Sns(name, settings.pop("topic"), layout=settings.pop("format", "json"), **settings)


def _webhook(name: str, settings: Settings) -> Channel:
    from heartbeat.channels.template import Template  # noqa: PLC0415  (the same)
    from heartbeat.channels.webhook import JSON, Webhook, WebhookSettings  # noqa: PLC0415  (the same)
    from heartbeat.outbound.addresses import Guard  # noqa: PLC0415  (loads ssl; only who uses webhooks)

    _check_url("url", settings["url"])
    headers = settings.get("headers", {})
    _check_headers(headers)
    guard = Guard(allow_private=settings.pop("allow_private", False))
    group_above = settings.pop("group_above", GROUP_ABOVE)
    if "template" in settings:
        content_type = {key.lower(): value for key, value in headers.items()}.get("content-type", JSON)
        settings["template"] = Template(settings["template"], content_type)
        settings["template"].check()
    return Webhook(name, WebhookSettings(**settings), guard=guard, group_above=group_above)


def _console(name: str, settings: Settings) -> Channel:
    from heartbeat.channels.console import Console  # noqa: PLC0415  (like the others)

    return Console(name, **settings)


def _common(settings: Settings, *useless: str, needs: str) -> Settings:
    for key in useless:
        if key in settings:
            raise BadSetting(f"{key} needs {needs}")
    return settings


def _check_url(key: str, url: str) -> None:
    if problem := flaw(url):
        raise BadSetting(f"{key} {problem}")


def _check_headers(headers: Mapping[str, str]) -> None:
    if problem := header_flaw(headers):
        raise BadSetting(f"headers: {problem}")


BUILDERS: dict[str, Callable[[str, Settings], Channel]] = {
    "slack": _slack,
    "sns": _sns,
    "webhook": _webhook,
    "console": _console,
}
