"""The nouns as compact JSON text, shared by every store: `Noun` says how, and FORMAT when it may change."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from heartbeat import model
from heartbeat.errors import StoreCorrupt
from heartbeat.store.protocol import OLDER_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

JOBS_CACHED = 20_000
"""Parsed definitions to keep: they hardly ever change, and every load needs them."""

T = TypeVar("T")


class Codec(Generic[T]):
    """Reads one class of rows; `table` is what an error calls the place."""

    def __init__(self, kind: type[T], table: str) -> None:
        self._kind, self._table = kind, table
        self._decode = msgspec.json.Decoder(kind).decode

    def load(self, text: str, key: str) -> T:
        """The value in this text; raises StoreCorrupt when there is none."""
        try:
            return self._decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            problem = error
        try:
            return msgspec.convert(json.loads(text), self._kind)
        except (ValueError, RecursionError):
            raise StoreCorrupt(f"{self._table} {key!r}: {_problem(text, problem)}: {text[:80]!r}") from problem


def dump(value: object) -> str:
    """A noun, or any JSON-able value, as text. Raises TypeError for anything else."""
    try:
        return _encode(value).decode()
    except UnicodeEncodeError:  # half a surrogate pair, from a hostile or broken sender: only an escape can hold it
        return json.dumps(msgspec.to_builtins(value), separators=(",", ":"))


@lru_cache(maxsize=JOBS_CACHED)
def load_job(text: str, slug: str) -> model.Job:
    """A job's definition, parsed once for each text."""
    return JOB.load(text, slug)


def heard_at(entry: model.Entry) -> int:
    """When an entry came in: its retention counts from then (it may report an earlier instant)."""
    return entry.signal.received if entry.signal else entry.at


def read_back(texts: Iterable[str], slug: str, since: int | None) -> Iterator[model.Entry]:
    """A job's entries, newest first, until OLDER_MAX in a row came in before `since` (see Store.history)."""
    older = 0
    for text in texts:
        entry = ENTRY.load(text, slug)
        older = older + 1 if since is not None and heard_at(entry) < since else 0
        yield entry
        if older == OLDER_MAX:
            return


def _problem(text: str, error: Exception) -> str:
    tag = re.match(r"\[(\d+)\b", text, re.ASCII)
    if tag and int(tag[1]) > model.FORMAT:
        return f"format {tag[1]} is not known here (only {model.FORMAT}): a newer version wrote it"
    return str(error)


_encode = msgspec.json.Encoder().encode

JOB = Codec(model.Job, "jobs.definition")
STATE = Codec(model.State, "jobs.state")
ENTRY = Codec(model.Entry, "log")
DELIVERY = Codec(model.Delivery, "deliveries")
DOCUMENT: Codec[Any] = Codec(object, "documents")
