"""Healthchecks: the checks of a project, as its API v3 lists them (also v1 and v2)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from heartbeat.importing.crontab import Unreadable
from heartbeat.importing.sources.entry import LeftOut, Origin, SourceEntry
from heartbeat.schedule import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.importing.sources.entry import Found

_API = ("/api/v3/checks/", "X-Api-Key", "HEALTHCHECKS_API_KEY")
_GET = (
    "write its URL, https://healthchecks.io, with a read-only key in HEALTHCHECKS_API_KEY; or the output of "
    '`curl -H "X-Api-Key: …" https://healthchecks.io/api/v3/checks/`'
)


def read_healthchecks(text: str) -> Iterator[Found]:
    """Every check."""
    try:
        found = json.loads(text)
    except ValueError:
        raise Unreadable(f"it is no JSON; {_GET}") from None
    checks = found.get("checks") if isinstance(found, dict) else found
    if not isinstance(checks, list):
        raise Unreadable(f"it lists no checks; {_GET}")
    yield from (_entry(each) for each in checks if isinstance(each, dict))


def _entry(check: dict[str, Any]) -> Found:
    name = str(check.get("name") or check.get("slug") or check.get("unique_key") or "check")
    schedule, timeout, grace = check.get("schedule"), check.get("timeout"), check.get("grace")
    if not schedule and not (isinstance(timeout, int) and timeout > 0):
        return LeftOut(name=name, why="it has neither a schedule nor a timeout")
    return SourceEntry(
        name=name,
        slug=str(check.get("slug") or ""),
        times=(str(schedule),) if schedule else (f"every {format_duration(int(timeout or 0) * 1000)}",),
        zone=str(check.get("tz") or "UTC") if schedule else "",
        grace=grace * 1000 if isinstance(grace, int) else None,
        description=str(check.get("desc") or ""),
        remarks=("it is paused there; `heartbeat pause` does it here",) if check.get("status") == "paused" else (),
    )


ORIGIN = Origin(
    read=read_healthchecks,
    zone="UTC",
    zone_from="Healthchecks' default",
    tells="jobs that ping by slug need another host and key in their URLs only (docs/migrating.md)",
    get=_GET,
    api=_API,
)
