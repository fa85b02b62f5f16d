"""What a kind of channel is: settings as plain data, for the reader of jobs.yaml and the JSON schema, and a maker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from heartbeat.errors import BadSetting
from heartbeat.outbound.urls import flaw, header_flaw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.channels.protocol import Channel

Settings = dict[str, Any]


class SettingKey(Struct, frozen=True, kw_only=True):
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


class ChannelKind(Struct, frozen=True, kw_only=True):
    """One kind of channel.

    short: the key that a bare string stands for (`{sns: "arn"}`), "" when it must be a map; either: sets of keys of
    which exactly one must be given in full; make: name and settings to a channel; raises BadSetting.
    """

    description: str
    keys: dict[str, SettingKey]
    make: Callable[[str, Settings], Channel]
    short: str = ""
    either: tuple[tuple[str, ...], ...] = ()


GROUP_ABOVE = SettingKey(
    type="integer",
    minimum=0,
    description="With more waiting alerts than this, one message lists them all; 0: never. Default 5.",
)


def check_url(key: str, url: str) -> None:
    """Raises BadSetting for what is no URL that may be called."""
    if problem := flaw(url):
        raise BadSetting(f"{key} {problem}")


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises BadSetting for headers that may not be sent."""
    if problem := header_flaw(headers):
        raise BadSetting(f"headers: {problem}")
