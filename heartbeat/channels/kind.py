"""What a kind of channel is: settings as plain data, for the reader of jobs.yaml and the JSON schema, and a maker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from heartbeat.channels.protocol import Channel
    from heartbeat.outbound.flaws import Flaw

Settings = dict[str, Any]
VERBATIM = frozenset({"template"})
"""Settings in which `${…}` is the channel's, not ours."""


class SettingKey(Struct, frozen=True, kw_only=True):
    """One setting. Data alone, for a channel knows nothing of how `config` reads its keys and words their mistakes.

    type: the JSON schema's word; object: a map of strings; choices: the only values allowed.
    """

    description: str
    type: str = "string"
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | None = None


class ChannelKind(Struct, frozen=True, kw_only=True):
    """One kind of channel.

    short: the key that a bare string stands for (`{sns: "arn"}`), "" when it must be a map; either: sets of keys of
    which exactly one must be given in full; flaws: what is wrong with settings (`outbound.flaws`), of which some may be
    missing; make: name and flawless settings to a channel.
    """

    description: str
    keys: dict[str, SettingKey]
    make: Callable[[str, Settings], Channel]
    flaws: Callable[[Settings], Iterable[Flaw]] = lambda _: ()
    short: str = ""
    either: tuple[tuple[str, ...], ...] = ()


GROUP_ABOVE = SettingKey(
    type="integer",
    minimum=0,
    description="With more waiting alerts than this, one message lists them all; 0: never. Default 5.",
)
