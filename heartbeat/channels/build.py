"""`{kind: settings}` from the file → a channel. References such as `${env:NAME}` are read here, once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from heartbeat.channels.kind import VERBATIM
from heartbeat.channels.kinds import CHANNEL_KINDS
from heartbeat.errors import BadSetting
from heartbeat.outbound.flaws import refuse
from heartbeat.secrets import UNKNOWN, resolve, unresolved

if TYPE_CHECKING:
    from heartbeat.channels.kind import ChannelKind, Settings
    from heartbeat.channels.protocol import Channel
    from heartbeat.outbound.flaws import Flaw

Resolve = Callable[[str], str]

DEFINITION_LENGTH = 6


def build(name: str, settings: Mapping[str, Any], *, resolve: Resolve = resolve) -> Channel:
    """The channel of this name. Raises `BadSetting`, which never shows a value.

    settings: as `config` has checked them, which is the one place where keys and types are.
    """
    ((kind, given),) = settings.items()
    try:
        read = _read(CHANNEL_KINDS[kind], given, _exact(resolve))
        definition = _definition(kind, read)
        refuse(CHANNEL_KINDS[kind].flaws(read))
        channel = CHANNEL_KINDS[kind].make(name, read)
    except BadSetting as error:
        raise BadSetting(f"channel {name!r} ({kind}): {error}") from None
    channel.definition = definition
    return channel


def flaws(kind: str, given: Settings) -> Iterable[Flaw]:
    """What `build` would refuse, as far as it can be known without any secret."""
    return CHANNEL_KINDS[kind].flaws(_read(CHANNEL_KINDS[kind], given, unresolved))


def _exact(resolve: Resolve) -> Resolve:
    def exactly(text: str) -> str:
        found = resolve(text)
        if UNKNOWN in found:
            raise BadSetting("a setting holds a NUL character; leave it out")
        return found

    return exactly


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
