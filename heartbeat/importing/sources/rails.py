"""Rails: `config/recurring.yml` of Solid Queue, and `schedule.yml` of sidekiq-cron and sidekiq-scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heartbeat.config.located import is_true
from heartbeat.importing.crontab import Unreadable
from heartbeat.importing.sources.document import LinedMap, documents
from heartbeat.importing.sources.entry import LeftOut, Origin, SourceEntry
from heartbeat.importing.sources.fugit import RubyTime, read_fugit, read_length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.importing.sources.entry import Found

_TIMES = ("schedule", "cron", "every", "interval", "at", "in")
_TELLS = "these jobs are only declared: wrap each job's work in Heartbeat.run (docs/snippets.md)"
_SAYS = "Rails' config.time_zone, UTC by default; say --timezone if yours has another"


def read_rails(text: str) -> Iterator[Found]:
    """Every entry with a time; of several environments, production's."""
    for document in documents(text):
        for name, found in _entries(document):
            try:
                yield _entry(name, found)
            except Unreadable as why:
                yield LeftOut(name=name, line=found.line, why=str(why))


def _entries(document: Any) -> Iterator[tuple[str, LinedMap]]:  # noqa: ANN401 - whatever stands in the file
    if isinstance(document, list):
        yield from ((each.text("name"), each) for each in document if isinstance(each, LinedMap) and _time(each)[0])
        return
    table = _chosen(document) if isinstance(document, LinedMap) else LinedMap()
    for name, found in table.items():
        if isinstance(found, LinedMap) and _time(found)[0]:
            yield found.text("name") or name.strip(":"), found


def _chosen(document: LinedMap) -> LinedMap:
    """Where the entries stand: below an environment, below `:scheduler: :schedule:`, or at the top."""
    for key in ("production", "scheduler", "schedule"):
        below = next((value for name, value in document.items() if name.strip(":") == key), None)
        if isinstance(below, LinedMap) and not _time(below)[0]:
            return _chosen(below)
    if any(isinstance(each, LinedMap) and _time(each)[0] for each in document.values()):
        return document
    inner = [each for each in document.values() if isinstance(each, LinedMap)]
    deep = [each for each in inner if any(isinstance(one, LinedMap) and _time(one)[0] for one in each.values())]
    return deep[0] if deep else document


def _time(found: LinedMap) -> tuple[str, str]:
    """Which key gives the time, and its text; options in a list behind it do not count."""
    for key, value in found.items():
        if key.strip(":") in _TIMES:
            first = value[0] if isinstance(value, list) and value else value
            if isinstance(first, str):
                return key.strip(":"), first.strip()
    return "", ""


def _entry(name: str, found: LinedMap) -> SourceEntry:
    key, text = _time(found)
    if key in {"at", "in"}:
        raise Unreadable(f"{key}: it runs once after the start, at no time that could be expected")
    read = RubyTime(read_length(text)) if key in {"every", "interval"} else read_fugit(text)
    return SourceEntry(
        name=name,
        times=(read.time,),
        zone=read.zone,
        line=found.line,
        description=found.text("description"),
        enabled=found.text("status") != "disabled" and is_true(found.text("enabled")) is not False,
        remarks=(read.remark,) if read.remark else (),
    )


SOLID_QUEUE = Origin(
    read=read_rails, zone="UTC", zone_from=_SAYS, tells=_TELLS, files=("config/recurring.yml", "config/recurring.yaml")
)
SIDEKIQ = Origin(
    read=read_rails,
    zone="UTC",
    zone_from=_SAYS,
    tells=_TELLS,
    files=("config/schedule.yml", "config/sidekiq_schedule.yml", "config/sidekiq_scheduler.yml", "config/sidekiq.yml"),
)
