"""`{kind: settings}` from the file → a channel. References such as `${env:NAME}` are read here, once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from heartbeat.channels.kinds import CHANNEL_KINDS, ChannelKind, SettingKey
from heartbeat.channels.protocol import GROUP_ABOVE
from heartbeat.errors import BadSetting
from heartbeat.outbound.urls import flaw, header_flaw
from heartbeat.secrets import resolve

if TYPE_CHECKING:
    from heartbeat.channels.protocol import Channel

Settings = dict[str, Any]
Resolve = Callable[[str], str]

ARN = re.compile(r"arn:[a-z-]+:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+(\.fifo)?")
TYPES: dict[str, type] = {"string": str, "boolean": bool, "integer": int, "object": Mapping}
DEFINITION_LENGTH = 6
VERBATIM = frozenset({"template"})
"""Settings in which `${…}` means something else."""


def build(name: str, settings: Mapping[str, Any], *, resolve: Resolve = resolve) -> Channel:
    """The channel of this name. Raises `BadSetting`, which never shows a value."""
    if len(settings) != 1 or not set(settings) <= set(CHANNEL_KINDS):
        raise BadSetting(f"channel {name!r}: needs exactly one of {', '.join(CHANNEL_KINDS)}")
    kind, given = next(iter(settings.items()))
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


def _read(kind: ChannelKind, given: object, resolve: Resolve) -> Settings:
    """The settings as a map, with the right types and their references resolved."""
    if isinstance(given, str) and kind.short:
        given = {kind.short: given}
    if not isinstance(given or {}, Mapping):
        raise BadSetting(f"write a map with {', '.join(kind.keys)}")
    found: Settings = dict(given) if isinstance(given, Mapping) else {}
    _complete(kind, found)
    return {key: _value(key, kind.keys[key], value, resolve) for key, value in found.items()}


def _complete(kind: ChannelKind, found: Settings) -> None:
    for key in found:
        if key not in kind.keys:
            raise BadSetting(f"there is no setting {key!r}; there are {', '.join(kind.keys)}")
    missing = [key for key, about in kind.keys.items() if about.required and key not in found]
    if missing:
        raise BadSetting(f"{' and '.join(missing)} must be given")
    if kind.either and sum(all(key in found for key in keys) for keys in kind.either) != 1:
        raise BadSetting(f"give either {', or '.join(' and '.join(keys) for keys in kind.either)}")


def _value(key: str, about: SettingKey, value: object, resolve: Resolve) -> object:
    if not isinstance(value, TYPES[about.type]) or (about.type == "integer" and isinstance(value, bool)):
        raise BadSetting(f"{key} must be of type {about.type}")
    if isinstance(value, int) and about.minimum is not None and value < about.minimum:
        raise BadSetting(f"{key} must be at least {about.minimum}")
    if about.choices and value not in about.choices:
        raise BadSetting(f"{key} must be one of {', '.join(about.choices)}")
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
