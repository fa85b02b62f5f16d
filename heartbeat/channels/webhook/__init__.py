"""An HTTP request to any URL: its settings, and how it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.channels import protocol
from heartbeat.channels.kind import GROUP_ABOVE, ChannelKind, SettingKey
from heartbeat.outbound.urls import check_headers, check_url

if TYPE_CHECKING:
    from heartbeat.channels.kind import Settings
    from heartbeat.channels.protocol import Channel


def _make(name: str, settings: Settings) -> Channel:
    from heartbeat.channels.webhook.request import JSON, Webhook, WebhookSettings  # noqa: PLC0415  (the same)
    from heartbeat.channels.webhook.template import Template  # noqa: PLC0415  (the same)
    from heartbeat.outbound.addresses import Guard  # noqa: PLC0415  (loads ssl; only who uses webhooks)

    check_url("url", settings["url"])
    headers = settings.get("headers", {})
    check_headers(headers)
    guard = Guard(allow_private=settings.pop("allow_private", False))
    group_above = settings.pop("group_above", protocol.GROUP_ABOVE)
    if "template" in settings:
        content_type = {key.lower(): value for key, value in headers.items()}.get("content-type", JSON)
        settings["template"] = Template(settings["template"], content_type)
        settings["template"].check()
    return Webhook(name, WebhookSettings(**settings), guard=guard, group_above=group_above)


KIND = ChannelKind(
    make=_make,
    description="An HTTP request to any URL.",
    short="url",
    keys={
        "url": SettingKey(required=True, address=True, description="URL to call; http or https."),
        "secret": SettingKey(description="Signs every request: Heartbeat-Signature: t=<unix>,v1=<HMAC-SHA256>."),
        "headers": SettingKey(type="object", description="Extra request headers."),
        "template": SettingKey(
            description="The body, with ${slug}, ${headline} and so on, escaped to suit the header Content-Type "
            "(JSON, form, XML, HTML); default: a JSON document."
        ),
        "method": SettingKey(choices=("POST", "PUT", "PATCH"), description="Default POST."),
        "allow_private": SettingKey(type="boolean", description="Allow private and loopback addresses. Default false."),
        "group_above": GROUP_ABOVE,
    },
)
