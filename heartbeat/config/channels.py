"""The file's channels, checked against the kinds we know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from heartbeat.channels.build import flaws
from heartbeat.channels.kind import VERBATIM
from heartbeat.channels.kinds import CHANNEL_KINDS
from heartbeat.config.findings import SECRET, nearest, printable, quoted
from heartbeat.config.nodes import Mapping, Scalar
from heartbeat.config.values import FLAG, NAME
from heartbeat.secrets import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping as MappingOf

    from heartbeat.channels.kind import ChannelKind, SettingKey
    from heartbeat.config.located import Located
    from heartbeat.outbound.flaws import Flaw

SETTING_MAX = 10_000
REFERENCES = ("env", "file", "ssm")
"""Where a secret may come from: `${env:NAME}`."""
_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_SECRETS = re.compile(r"hooks\.slack\.com/(services|workflows|triggers)/\w|\bxox[a-z]-\w|\bAKIA[0-9A-Z]{16}\b")
_SECRET_KEYS = frozenset({"token", "secret", "password"})


def read_channels(spot: Located) -> dict[str, MappingOf[str, Any]]:
    """Each channel's `{kind: settings}`, references unresolved."""
    channels: dict[str, MappingOf[str, Any]] = {}
    for name, below in spot.entries().items():
        with spot.findings.kept():
            NAME.read(spot.key(name))
            channels[name] = _channel(below)
    return channels


def _channel(spot: Located) -> dict[str, object]:
    kinds = spot.entries()
    for kind in kinds:
        if kind not in CHANNEL_KINDS:
            hint = nearest(kind, CHANNEL_KINDS) or f"; known are {', '.join(CHANNEL_KINDS)}"
            raise spot.key(kind).mistake(f"unknown kind of channel {quoted(kind)}{hint}")
    if len(kinds) != 1:
        raise spot.mistake(f"write exactly one kind: {', '.join(CHANNEL_KINDS)}")
    ((kind, below),) = kinds.items()
    settings = _settings(below, CHANNEL_KINDS[kind], kind)
    tell_flaws(below, flaws(kind, settings))
    return {kind: settings}


def _settings(spot: Located, kind: ChannelKind, name: str) -> dict[str, object]:
    if spot.is_null() and not needs_settings(kind):
        return {}
    if kind.short and isinstance(spot.node, Scalar):
        value = _setting(spot, kind.short, kind.keys[kind.short])
        return {kind.short: value}
    if not isinstance(spot.node, Mapping):
        raise spot.mistake(f"write the settings as a mapping: {{{name}: {{{next(iter(kind.keys))}: …}}}}")
    return _known(spot, kind)


def needs_settings(kind: ChannelKind) -> bool:
    """Whether a channel of this kind needs any settings."""
    return bool(kind.either) or any(key.required for key in kind.keys.values())


def _known(spot: Located, kind: ChannelKind) -> dict[str, object]:
    settings: dict[str, object] = {}
    for key, below in spot.entries().items():
        with spot.findings.kept():
            if key not in kind.keys:
                hint = nearest(key, kind.keys) or f"; known are {', '.join(kind.keys)}"
                raise spot.key(key).mistake(f"unknown key `{printable(key[:60])}`{hint}")
            settings[key] = _setting(below, key, kind.keys[key])
    _complete(spot, kind)
    return settings


def tell_flaws(spot: Located, flaws: Iterable[Flaw]) -> None:
    """Keep a mistake for each, at the setting it is about."""
    for path, problem in flaws:
        below = spot
        for name in path:
            below = below.entries().get(name, below) if isinstance(below.node, Mapping) else below
        spot.findings.mistake(below.mistake(problem))


def _complete(spot: Located, kind: ChannelKind) -> None:
    """Refuse missing settings, and two alternatives at once."""
    there = spot.entries()
    missing = [name for name, key in kind.keys.items() if key.required and name not in there]
    if missing:
        raise spot.mistake(f"`{'`, `'.join(missing)}` is missing")
    begun = [way for way in kind.either if set(way) & there.keys()]
    if kind.either and (len(begun) != 1 or not set(begun[0]) <= there.keys()):
        ways = ", or ".join(" and ".join(f"`{name}`" for name in way) for way in kind.either)
        raise spot.mistake(f"write either {ways}")


def _setting(spot: Located, name: str, key: SettingKey) -> object:
    if key.type == "object":
        return {inner: setting_text(below, name) for inner, below in spot.entries().items()}
    if key.type == "string":
        return _chosen(spot, setting_text(spot, name), key)
    if key.type == "boolean":
        return FLAG.read(spot)
    value = spot.plain()
    if not isinstance(value, int) or isinstance(value, bool) or value < (key.minimum or 0):
        raise spot.mistake(f"write a whole number from {key.minimum or 0}")
    return value


def _chosen(spot: Located, value: str, key: SettingKey) -> str:
    if key.choices and value not in key.choices:
        raise spot.mistake(f"{quoted(value)} is none of {', '.join(key.choices)}{nearest(value, key.choices)}")
    return value


def setting_text(spot: Located, name: str) -> str:
    """A text whose `${…}` say where a secret comes from; a secret in plain text is a doubt."""
    value = spot.text()
    if not value or len(value) > SETTING_MAX:
        raise spot.mistake(f"write a text of 1 to {SETTING_MAX:,} characters")
    if UNKNOWN in value:
        raise spot.mistake("holds a NUL character; leave it out")
    if name in VERBATIM:
        return value
    for inside in _REFERENCE.findall(value):
        _check_reference(spot, inside)
    _doubt_secret(spot, value)
    return value


def _check_reference(spot: Located, inside: str) -> None:
    source, colon, rest = inside.partition(":")
    if not colon or not rest:
        raise spot.mistake(f"{quoted('${' + inside + '}')} does not say where from; write ${{env:{inside or 'NAME'}}}")
    if source not in REFERENCES:
        raise spot.mistake(f"{quoted('${' + inside + '}')}: a value is taken from {', '.join(REFERENCES)}")


def _doubt_secret(spot: Located, value: str) -> None:
    name = spot.path.rpartition(".")[2]
    if _SECRETS.search(value) or (name in _SECRET_KEYS and not _REFERENCE.search(value)):
        spot.doubt(SECRET)
