"""Laravel: what `php artisan schedule:list --json` prints."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from heartbeat.errors import BadSchedule
from heartbeat.importing.crontab import Unreadable
from heartbeat.importing.naming import name_of
from heartbeat.importing.sources.entry import LeftOut, Origin, SourceEntry
from heartbeat.schedule import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.importing.sources.entry import Found

_ARTISAN = re.compile(r"^(?:\S*php\S*\s+)?['\"]?(?:\S*/)?artisan['\"]?\s+")
_GET = "write `php artisan schedule:list --json`, and its output to a file or behind a pipe"


def read_laravel(text: str) -> Iterator[Found]:
    """Every element of the list."""
    try:
        found = json.loads(text)
    except ValueError:
        raise Unreadable(f"it is no JSON; {_GET}") from None
    if not isinstance(found, list):
        raise Unreadable(f"it is no list; {_GET}")
    for each in found:
        if isinstance(each, dict) and isinstance(each.get("expression"), str):
            yield _entry(each)
        else:
            yield LeftOut(name="", why="an element has no expression")


def _entry(found: dict[str, Any]) -> Found:
    command, seconds = str(found.get("command") or ""), found.get("repeat_seconds")
    name = _name(command)
    time = f"every {seconds}s" if isinstance(seconds, int) and seconds > 0 else str(found["expression"])
    zone = str(found.get("expression_timezone") or found.get("timezone") or "")
    if not time.startswith("every") and not _agrees(time, zone, str(found.get("next_due_date") or "")):
        why = f"{time} in {zone} is not when Laravel runs it next: it has a time zone of its own, so declare it by hand"
        return LeftOut(name=name, why=why)
    description = str(found.get("description") or "")
    return SourceEntry(name=name, times=(time,), zone=zone, description="" if description == command else description)


def _name(command: str) -> str:
    if command.startswith("Closure at:"):
        return f"closure {command.rpartition('/')[2]}"
    if "\\" in command and " " not in command:  # a class
        return command.rpartition("\\")[2]
    return name_of(_ARTISAN.sub("", command))


def _agrees(time: str, zone: str, due: str) -> bool:
    """Whether Laravel's next run is one of these: older versions show a job's own times beside another zone."""
    try:
        instant = datetime.strptime(due, "%Y-%m-%d %H:%M:%S %z")
        ms = int(instant.timestamp()) * 1000
        return parse(time, zone or "UTC").next_ms(ms - 1) == ms
    except (ValueError, BadSchedule):
        return True  # nothing to compare with; what is wrong with the time is told elsewhere


ORIGIN = Origin(
    read=read_laravel,
    zone="UTC",
    zone_from="Laravel's default",
    tells="have each task ping: ->pingBefore(…)->pingOnSuccess(…)->pingOnFailure(…) in the schedule",
    get=_GET,
)
