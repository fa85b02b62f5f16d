"""From what a source says to jobs: names, zones, grace, and what is listed. The same for every source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from heartbeat.errors import BadSchedule
from heartbeat.importing.crontab import LONGEST, Unreadable, grace_for
from heartbeat.importing.found import Imported, ImportedJob, Remark
from heartbeat.importing.naming import Names, slugged
from heartbeat.importing.sources.entry import LeftOut
from heartbeat.schedule import parse
from heartbeat.schedule.zones import zone as zone_of
from heartbeat.text.sanitize import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.importing.sources.entry import Found, Origin, SourceEntry

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class SourceText(NamedTuple):
    """A text and its name."""

    name: str
    text: str


def read_sources(texts: Sequence[SourceText], kind: Origin, *, zone: str, prefix: str, now: int) -> Imported:
    """Every job in the texts, and what could not be read. zone: for times that name none."""
    maker = _Maker(zone, prefix, now)
    jobs: list[ImportedJob] = []
    listed: list[Remark] = []
    for text in texts:
        for where, found in _found(text, kind):
            made = found.why if isinstance(found, LeftOut) else maker.job(found, where)
            if isinstance(made, ImportedJob):
                jobs.append(made)
            else:
                listed.append(Remark(where=where, text=f"{found.name}: {made}" if found.name else made))
    remarks = [Remark(where=job.where, text=f"{job.slug}: {text}") for job in jobs for text in job.remarks]
    said = [Remark(where=texts[0].name, text=kind.tells)] if jobs and kind.tells else []
    return Imported(jobs=tuple(jobs), sheets=(), listed=tuple(listed), remarks=(*said, *remarks))


def _found(text: SourceText, kind: Origin) -> list[tuple[str, Found]]:
    try:
        found = list(kind.read(text.text))
    except Unreadable as why:
        return [(text.name, LeftOut(name="", why=str(why)))]
    if not found:
        return [(text.name, LeftOut(name="", why="no jobs were found in it"))]
    return [(f"{text.name}:{each.line}" if each.line else text.name, each) for each in found]


class _Maker:
    """Makes jobs of entries; no two of the same name."""

    def __init__(self, zone: str, prefix: str, now: int) -> None:
        self._zone, self._now = zone, now
        self._names = Names(prefix=prefix)

    def job(self, entry: SourceEntry, where: str) -> ImportedJob | str:
        """The job, or why there is none."""
        try:
            place = zone_of(entry.zone).name if entry.zone else self._zone
            schedule = parse(entry.times, place, entry.dialect or None, now_ms=self._now)
        except BadSchedule as bad:
            return str(bad)
        description = one_line(entry.description)
        return ImportedJob(
            slug=self._names.new(entry.slug or slugged(_HUMP.sub("-", entry.name))),
            schedules=schedule.texts,
            timezone=place,
            where=where,
            dialect=entry.dialect,
            grace=grace_for(schedule, late=entry.late) if entry.grace is None else entry.grace,
            description=description if len(description) <= LONGEST else f"{description[: LONGEST - 1]}…",
            enabled=entry.enabled,
            remarks=entry.remarks,
        )
