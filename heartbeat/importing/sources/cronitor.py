"""Cronitor: its YAML of monitors, as `cronitor.generate_config()` writes it, or a list of monitors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.config.located import is_true
from heartbeat.importing.crontab import Unreadable
from heartbeat.importing.sources.document import LinedMap, documents
from heartbeat.importing.sources.entry import LeftOut, Origin, SourceEntry
from heartbeat.importing.sources.fugit import read_length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.importing.sources.entry import Found

_KINDS = ("jobs", "heartbeats", "checks", "monitors", "sites")
_NO_JOBS = frozenset({"checks", "check", "sites", "site"})
_EVERY = re.compile(r"every\s+(?P<length>.+)", re.IGNORECASE)


def read_cronitor(text: str) -> Iterator[Found]:
    """Every monitor."""
    for document in documents(text):
        if not isinstance(document, LinedMap) or not set(document) & set(_KINDS):
            raise Unreadable(f"it has none of the keys {', '.join(_KINDS)}")
        for kind in _KINDS:
            yield from (_read(kind, key, each) for key, each in _monitors(document.get(kind)))


def _monitors(below: object) -> Iterator[tuple[str, LinedMap]]:
    if isinstance(below, LinedMap):
        yield from ((key, each if isinstance(each, LinedMap) else LinedMap()) for key, each in below.items())
    elif isinstance(below, list):
        yield from ((each.text("key", "name"), each) for each in below if isinstance(each, LinedMap))


def _read(kind: str, key: str, found: LinedMap) -> Found:
    try:
        return _entry(found.text("type") or kind, key, found)
    except Unreadable as why:
        return LeftOut(name=key, line=found.line, why=str(why))


def _entry(kind: str, key: str, found: LinedMap) -> SourceEntry:
    if kind in _NO_JOBS:
        raise Unreadable("it asks a website whether it is there; Heartbeat watches jobs")
    listed = found.get("schedules") or found.get("schedule")
    texts = [listed] if isinstance(listed, str) else [each for each in listed or () if isinstance(each, str)]
    if not texts:
        raise Unreadable("it has no schedule: nothing is expected of it at any time")
    grace = found.text("grace_seconds")
    return SourceEntry(
        name=key,
        times=tuple(_time(each) for each in texts),
        zone=found.text("timezone"),
        line=found.line,
        grace=int(grace) * 1000 if grace.isdecimal() else None,
        description=found.text("note", "name"),
        enabled=is_true(found.text("paused")) is not True and is_true(found.text("disabled")) is not True,
    )


def _time(text: str) -> str:
    every = _EVERY.fullmatch(text.strip())
    if every is None:
        return text
    length = every["length"].strip()
    return read_length(length if length[0].isdecimal() else f"1 {length}")


ORIGIN = Origin(
    read=read_cronitor,
    zone="UTC",
    zone_from="Cronitor's default; say --timezone if your account has another",
    tells="jobs that ping by key need another host in their URLs only (docs/migrating.md)",
    files=("cronitor.yaml", "cronitor.yml"),
)
