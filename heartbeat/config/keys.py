"""What a key is, and how a mapping of keys is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from heartbeat.config.findings import nearest, printable, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from heartbeat.config.located import Located
    from heartbeat.config.values import Type


class Key(Struct, frozen=True, kw_only=True):
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
    entries = spot.entries()
    _check_keys(spot, keys, allowed)
    found: dict[str, Any] = {}
    for key in keys:
        if key.name in entries:
            with spot.findings.kept():
                found[key.name] = key.type.read(entries[key.name])
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


def _check_keys(spot: Located, keys: tuple[Key, ...], allowed: str) -> None:
    """Keep a mistake for each unknown key, and for each missing one."""
    entries, known = spot.entries(), [key.name for key in keys]
    for name in entries:
        if name not in known and not (allowed and name.startswith(allowed)):
            hint = nearest(name, known) or f"; known are {', '.join(known)}"
            spot.findings.mistake(spot.key(name).mistake(f"unknown key `{printable(name[:60])}`{hint}"))
    for key in keys:
        if key.required and key.name not in entries:
            spot.findings.mistake(spot.mistake(f"`{key.name}` is missing; write for example `{key.example}`"))


def keys_schema(keys: tuple[Key, ...]) -> dict[str, Any]:
    """The JSON schema of a mapping with these keys, before what else is true of it."""
    properties = {key.name: {**key.type.schema, "description": key.doc} for key in keys}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def kinds_schema(kinds: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of `{KIND: {...}}`."""
    one = {"minProperties": 1, "maxProperties": 1}
    return {"type": "object", "properties": kinds, "additionalProperties": False, **one}
