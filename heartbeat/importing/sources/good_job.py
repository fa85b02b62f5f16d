"""GoodJob: the hash at `config.good_job.cron` in Ruby's source, or as JSON (GOOD_JOB_CRON)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.importing.crontab import Unreadable
from heartbeat.importing.sources.document import LinedMap, documents
from heartbeat.importing.sources.entry import LeftOut, Origin, SourceEntry
from heartbeat.importing.sources.fugit import read_fugit
from heartbeat.importing.sources.ruby import Computed, RubyReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.importing.sources.entry import Found

_BEGINS = re.compile(
    r"^[^#\n]*good_job\.cron\s*=\s*(?=\{)|^[^#\n]*good_job\s*=\s*\{[^#\n]*\bcron:\s*(?=\{)", re.MULTILINE
)
_ADDED = re.compile(r"^[^#\n]*good_job\.cron\[:?['\"]?(?P<name>[\w-]+)['\"]?\]\s*=\s*(?=\{)", re.MULTILINE)


def read_good_job(text: str) -> Iterator[Found]:
    """Every entry of the hash, and of those that are added to it by name."""
    if text.lstrip().startswith("{"):
        tables = [each for each in documents(text) if isinstance(each, LinedMap)]
    else:
        reader = RubyReader(text)
        tables = [reader.hash_at(begin.end()) for begin in _BEGINS.finditer(text)]
        for begin in _ADDED.finditer(text):
            table = LinedMap()
            table[begin["name"]] = reader.hash_at(begin.end())
            tables.append(table)
    if not tables:
        raise Unreadable("there is no `config.good_job.cron = {` in it")
    for table in tables:
        yield from (_read(name, each) for name, each in table.items())


def _read(name: str, found: object) -> Found:
    if not isinstance(found, LinedMap):
        return LeftOut(name=name, why="it is no plain hash")
    cron = found.get("cron")
    if not isinstance(cron, str):
        told = f"its cron is computed ({cron.text})" if isinstance(cron, Computed) else "it has no cron"
        return LeftOut(name=name, line=found.line, why=f"{told}: write the time as a text")
    try:
        read = read_fugit(cron)
    except Unreadable as why:
        return LeftOut(name=name, line=found.line, why=str(why))
    return SourceEntry(
        name=name,
        times=(read.time,),
        zone=read.zone,
        line=found.line,
        description=found.text("description"),
        remarks=(read.remark,) if read.remark else (),
    )


ORIGIN = Origin(
    read=read_good_job,
    zone="UTC",
    zone_from="Rails' config.time_zone, UTC by default; say --timezone if yours has another",
    tells="these jobs are only declared: wrap each job's work in Heartbeat.run (docs/snippets.md)",
    files=("config/initializers/good_job.rb", "config/application.rb"),
)
