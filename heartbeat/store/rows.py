"""The nouns as compact JSON text, shared by every store.

A row is a list: its format number, then the fields in the dataclass's order; fields at the end that have their default
are left out, and fields that are missing there are read as their default. So a new field goes last, with a default,
and reads every old row. FORMAT rises only when what an old field means changes.
Encoders and decoders are compiled once per class: this is on the path of every ping.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache, lru_cache
from operator import attrgetter
from types import NoneType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from heartbeat import model
from heartbeat.errors import StoreCorrupt

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT = 1
JOBS_CACHED = 20_000
"""Definitions kept parsed: they hardly ever change, and every load needs them."""

T = TypeVar("T")


class Codec(Generic[T]):
    """Writes and reads one class of rows; `table` is what an error calls the place."""

    def __init__(self, kind: type[T], table: str) -> None:
        noun: Any = kind
        self.table = table
        self._pack: Callable[[T], tuple[object, ...]] = _packer(noun)
        self._unpack: Callable[[list[Any]], T] = _unpacker(noun)

    def dump(self, value: T) -> str:
        """The row's text."""
        return _text((FORMAT, *self._pack(value)))

    def load(self, text: str, key: str) -> T:
        """The noun that this text stands for; StoreCorrupt when it stands for none."""
        try:
            row: Any = _decode(text)
            _check_format(row[0])
            return self._unpack(row[1:])
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise StoreCorrupt(f"{self.table} {key!r}: {_problem(error)}: {text[:80]!r}") from error


def dump_value(value: object) -> str:
    """Any JSON-able value as text."""
    return _text(value)


def load_value(text: str, key: str) -> Any:  # noqa: ANN401 - a document holds whatever its owner put there
    """A document's value from its text."""
    try:
        return _decode(text)
    except (ValueError, RecursionError) as error:
        raise StoreCorrupt(f"documents {key!r}: {_problem(error)}: {text[:80]!r}") from error


@lru_cache(maxsize=JOBS_CACHED)
def load_job(text: str, slug: str) -> model.Job:
    """A job's definition, parsed once for each text."""
    return JOB.load(text, slug)


def heard_at(entry: model.Entry) -> int:
    """When an entry came in: what its retention counts from (it may tell of an earlier instant)."""
    return entry.signal.received if entry.signal else entry.at


def _check_format(number: object) -> None:
    if number != FORMAT:
        raise ValueError(f"format {number!r} is not known here (only {FORMAT}): a newer version wrote it")


def _problem(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error})"
    if isinstance(error, KeyError):
        return f"unknown value {error}"
    return str(error)


def _text(value: object) -> str:
    text = _encode(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:  # half a surrogate pair, from a hostile or broken sender: only escapes can hold it
            return _encode_ascii(value)
    return text


def _pack_nested(value: object) -> tuple[object, ...]:
    kind: Any = type(value)
    return _packer(kind)(value)


@cache
def _packer(kind: type[Any]) -> Callable[[Any], tuple[object, ...]]:
    if not is_dataclass(kind):
        raise TypeError(f"{kind.__name__} cannot be kept in a store")
    values = attrgetter(*(field.name for field in fields(kind)))
    defaults = tuple(field.default for field in fields(kind))
    required = sum(default is MISSING for default in defaults)

    def pack(value: object) -> tuple[object, ...]:
        row: tuple[object, ...] = values(value)
        end = len(row)
        while end > required and row[end - 1] == defaults[end - 1]:
            end -= 1
        return row[:end]

    return pack


@cache
def _unpacker(kind: type[Any]) -> Callable[[list[Any]], Any]:
    names = tuple(field.name for field in fields(kind))
    hints = get_type_hints(kind)
    fixes = [(place, fix) for place, name in enumerate(names) if (fix := _fix(hints[name]))]
    required = sum(field.default is MISSING for field in fields(kind))

    def unpack(row: list[Any]) -> object:
        if not required <= len(row) <= len(names):
            raise ValueError(f"{kind.__name__} has {required} to {len(names)} fields, not {len(row)}")
        for place, fix in fixes:
            if place >= len(row):
                break
            row[place] = fix(row[place])
        return kind(**dict(zip(names, row, strict=False)))

    return unpack


def _fix(hint: Any) -> Callable[[Any], Any] | None:  # noqa: ANN401 - a type hint has no narrower type
    """What makes JSON's value into the field's; None when JSON's value is it already."""
    kinds = [kind for kind in get_args(hint) if kind is not NoneType]
    if get_origin(hint) is tuple:
        return _fix_tuple(kinds)
    if NoneType in get_args(hint):
        return _fix_optional(kinds[0])
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {member.value: member for member in hint}.__getitem__
    kind: Any = hint
    return _unpacker(kind) if is_dataclass(hint) else None


def _fix_tuple(kinds: list[Any]) -> Callable[[Any], Any]:
    inner = _fix(kinds[0]) if kinds[-1] is Ellipsis else None
    if inner is None:
        return tuple
    return lambda values: tuple(map(inner, values))


def _fix_optional(kind: Any) -> Callable[[Any], Any] | None:  # noqa: ANN401 - a type hint has no narrower type
    inner = _fix(kind)
    if inner is None:
        return None
    return lambda value: None if value is None else inner(value)


_decode = json.JSONDecoder().decode
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_pack_nested).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":"), default=_pack_nested).encode

JOB = Codec(model.Job, "jobs.definition")
STATE = Codec(model.State, "jobs.state")
ENTRY = Codec(model.Entry, "log")
DELIVERY = Codec(model.Delivery, "deliveries")
