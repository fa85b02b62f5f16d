"""What may stand under `channels:` in jobs.yaml, as plain data: for the reader of the file and for its JSON schema.

    ops:    {slack: {webhook: "${env:SLACK_WEBHOOK}"}}
    pager:  {sns: "${env:ALERT_TOPIC}"}          # the same as {sns: {topic: "${env:ALERT_TOPIC}"}}

Imports nothing but the standard library, so that reading a file loads no SDK.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingKey:
    """One setting. Data alone, for a channel knows nothing of how `config` reads its keys and words their mistakes.

    type: the JSON schema's word; object: a map of strings; address: a URL that we call; choices: the only values
    allowed.
    """

    description: str
    type: str = "string"
    address: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKind:
    """One kind of channel.

    short: the key that a bare string stands for (`{sns: "arn"}`), "" when it must be a map; either: sets of keys of
    which exactly one must be given in full.
    """

    description: str
    keys: dict[str, SettingKey]
    short: str = ""
    either: tuple[tuple[str, ...], ...] = field(default=())


GROUP_ABOVE = SettingKey(
    type="integer",
    minimum=0,
    description="With more waiting alerts than this, one message lists them all; 0: never. Default 5.",
)

CHANNEL_KINDS: dict[str, ChannelKind] = {
    "slack": ChannelKind(
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
                description="Webhook: allow private and loopback addresses, such as your own Mattermost. "
                "Default false.",
            ),
            "group_above": GROUP_ABOVE,
        },
    ),
    "sns": ChannelKind(
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
    ),
    "webhook": ChannelKind(
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
            "allow_private": SettingKey(
                type="boolean", description="Allow private and loopback addresses. Default false."
            ),
            "group_above": GROUP_ABOVE,
        },
    ),
    "console": ChannelKind(
        description="Prints to standard output.",
        keys={"group_above": GROUP_ABOVE},
    ),
}
