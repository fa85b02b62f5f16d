"""An HTTP request to any URL: its settings, and how it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.channels import protocol
from heartbeat.channels.kind import GROUP_ABOVE, ChannelKind, SettingKey
from heartbeat.outbound.flaws import Flaw, header_flaws, url_flaws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.channels.kind import Settings
    from heartbeat.channels.protocol import Channel
    from heartbeat.channels.webhook.template import Template


def _flaws(settings: Settings) -> Iterator[Flaw]:
    if "url" in settings:
        yield from url_flaws("url", settings["url"], allow_private=settings.get("allow_private", False))
    yield from header_flaws(settings.get("headers", {}))
    if "template" in settings and (problem := _template(settings).flaw()):
        yield Flaw(("template",), problem)


def _template(settings: Settings) -> Template:
    from heartbeat.channels.webhook.request import JSON  # noqa: PLC0415  (only who uses templates)
    from heartbeat.channels.webhook.template import Template  # noqa: PLC0415  (the same)

    given = {name.lower(): value for name, value in settings.get("headers", {}).items()}
    return Template(settings["template"], given.get("content-type", JSON))


def _make(name: str, settings: Settings) -> Channel:
    from heartbeat.channels.webhook.request import Webhook, WebhookSettings  # noqa: PLC0415  (the same)
    from heartbeat.outbound.addresses import Guard  # noqa: PLC0415  (loads ssl; only who uses webhooks)

    guard = Guard(allow_private=settings.pop("allow_private", False))
    group_above = settings.pop("group_above", protocol.GROUP_ABOVE)
    if "template" in settings:
        settings["template"] = _template(settings)
    return Webhook(name, WebhookSettings(**settings), guard=guard, group_above=group_above)


KIND = ChannelKind(
    make=_make,
    flaws=_flaws,
    description="An HTTP request to any URL.",
    short="url",
    keys={
        "url": SettingKey(required=True, description="URL to call; http or https."),
        "secret": SettingKey(description="Signs every request: Heartbeat-Signature: t=<unix>,v1=<HMAC-SHA256>."),
        "headers": SettingKey(type="object", description="Extra request headers."),
        "template": SettingKey(
            description="The body, with ${job}, ${headline} and so on, escaped to suit the header Content-Type "
            "(JSON, form, XML, HTML); default: a JSON document."
        ),
        "method": SettingKey(choices=("POST", "PUT", "PATCH"), description="Default POST."),
        "allow_private": SettingKey(type="boolean", description="Allow private and loopback addresses. Default false."),
        "group_above": GROUP_ABOVE,
    },
)
