"""What a key is, and how a mapping of keys is read."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from heartbeat.config.findings import Mistake, nearest, printable, quoted
from heartbeat.config.nodes import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from heartbeat.config.located import Located
    from heartbeat.config.values import Type

_UNREAD = object()


class Key(Struct, frozen=True, kw_only=True, eq=False):
    """One key. default: as the docs word it; shared: allowed in `defaults` too; kept: becomes a field of the Job."""

    name: str
    type: Type
    doc: str
    default: str = ""
    example: str = ""
    shared: bool = False
    required: bool = False
    kept: bool = True
    field: str = ""


def record(spot: Located, keys: tuple[Key, ...], allowed: str = "") -> dict[str, Any]:
    """A mapping's values by key, as far as they can be read; an unknown key is a mistake. allowed: a prefix."""
    entries, known = _check_keys(spot, keys, allowed), _named(keys)
    found: dict[str, Any] = {}
    for name, below in entries.items():
        if name in known:
            try:
                found[name] = _read(known[name], below)
            except Mistake as mistake:
                spot.findings.mistake(mistake)
    return found


def one_kind(spot: Located, known: Iterable[str], what: str) -> tuple[str, Located]:
    """The name and the place of `{KIND: {...}}`. what: its name for people. Raises Mistake."""
    kinds, names = spot.entries(), list(known)
    listed = f"; known are {', '.join(names)}"
    for name in kinds:
        if name not in names:
            raise spot.key(name).mistake(f"unknown {what} {quoted(name)}{nearest(name, names) or listed}")
    if len(kinds) != 1:
        raise spot.mistake(f"write exactly one kind{listed}")
    return next(iter(kinds.items()))


def _read(key: Key, spot: Located) -> Any:  # noqa: ANN401 - each type has its own
    """The key's value. A plain one is read once: files of many jobs repeat them."""
    node, known = spot.node, spot.findings.known
    if not isinstance(node, Scalar):
        return key.type.read(spot)
    value = known.get((key, node.text, node.kind), _UNREAD)
    if value is _UNREAD:
        count = spot.findings.count
        value = key.type.read(spot)
        if spot.findings.count == count:  # otherwise what was found is to be told at every place
            known[key, node.text, node.kind] = value
    return value


@lru_cache(maxsize=64)
def _named(keys: tuple[Key, ...]) -> dict[str, Key]:
    return {key.name: key for key in keys}


@lru_cache(maxsize=64)
def _required(keys: tuple[Key, ...]) -> tuple[Key, ...]:
    return tuple(key for key in keys if key.required)


def _check_keys(spot: Located, keys: tuple[Key, ...], allowed: str) -> dict[str, Located]:
    """The mapping's values by key; keeps a mistake for each unknown key, and for each missing one."""
    entries, known = spot.entries(), _named(keys)
    for name in entries:
        if name not in known and not (allowed and name.startswith(allowed)):
            hint = nearest(name, known) or f"; known are {', '.join(known)}"
            spot.findings.mistake(spot.key(name).mistake(f"unknown key `{printable(name[:60])}`{hint}"))
    for key in _required(keys):
        if key.name not in entries:
            spot.findings.mistake(spot.mistake(f"`{key.name}` is missing; write for example `{key.example}`"))
    return entries


def keys_schema(keys: tuple[Key, ...]) -> dict[str, Any]:
    """The JSON schema of a mapping with these keys, before what else is true of it."""
    properties = {key.name: {**key.type.schema, "description": key.doc} for key in keys}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def kinds_schema(kinds: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of `{KIND: {...}}`."""
    one = {"minProperties": 1, "maxProperties": 1}
    return {"type": "object", "properties": kinds, "additionalProperties": False, **one}
