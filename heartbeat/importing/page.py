"""What was found, as a jobs.yaml; and what is to change, as a unified diff for `patch -p1`."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

from heartbeat.schedule import format_duration
from heartbeat.text.sanitize import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heartbeat.importing.found import Imported, ImportedJob, Remark, Sheet

CONTEXT = 3
_PLAIN_KEY = re.compile(r"[a-z][a-z0-9_-]*")
_TAKEN_OTHERWISE = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_NO_END = "\n\\ No newline at end of file\n"
_CHANNELS = """\
  notify: [ops]
channels:
  ops: {console: {}}  # alerts appear in the server's output; put slack, sns or webhook here
"""


def jobs_yaml(
    found: Imported, *, source: str, zone: str, zone_from: str, whose: str = "This machine's time zone:"
) -> str:
    """The file's text. source: where it is from; whose: what the zone is, in words; zone_from: how we know it."""
    zones = Counter(job.timezone for job in found.jobs)
    usual = zones.most_common(1)[0][0] if zones else zone
    head = f"# From {one_line(source)}. Look it through; then `heartbeat check` and `heartbeat apply`.\n"
    head += f"# {whose} {zone} ({one_line(zone_from)}).\n"
    top = f"defaults:\n  timezone: {usual}\n{_CHANNELS}jobs:\n" if found.jobs else "jobs: {}\n"
    return head + top + "".join(_job(job, usual) for job in found.jobs) + _listed(found.listed)


def _job(job: ImportedJob, usual: str) -> str:
    return "".join(f"{line}\n" for line in _lines(job, usual))


def _lines(job: ImportedJob, usual: str) -> Iterator[str]:
    yield f"  {_key(job.slug)}:  # {one_line(job.where)}"
    for remark in job.remarks:
        yield f"    # {one_line(remark)}"
    if job.description:
        yield f"    description: {_text(job.description)}"
    schedules = [_text(each) for each in job.schedules]
    yield f"    schedule: {schedules[0] if len(schedules) == 1 else '[' + ', '.join(schedules) + ']'}"
    if job.dialect:
        yield f"    dialect: {job.dialect}"
    if job.timezone != usual:
        yield f"    timezone: {job.timezone}"
    if not job.enabled:
        yield "    enabled: false"
    if job.grace is not None:
        yield f"    grace: {format_duration(job.grace)}"


def _key(slug: str) -> str:
    """A name as a key: quoted where YAML 1.1, or a reader of it, would take it for something else than text."""
    plain = _PLAIN_KEY.fullmatch(slug) and slug not in _TAKEN_OTHERWISE
    return slug if plain else _text(slug)


def _text(text: str) -> str:
    """A string as JSON, which is also YAML."""
    return json.dumps(text, ensure_ascii=False)


def _listed(listed: Sequence[Remark]) -> str:
    if not listed:
        return ""
    return "# Not imported:\n" + "".join(f"#   {one_line(each.where)}: {one_line(each.text)}\n" for each in listed)


def diff_of(sheet: Sheet) -> str:
    """The diff of one file; empty when nothing changes. Lines are replaced one by one, so their numbers stay."""
    places = [place for place, line in enumerate(sheet.lines) if line.old != line.new]
    if not places:
        return ""
    name = sheet.name.lstrip("/")
    tab = "\t" if " " in name else ""  # otherwise patch ends the name at the space
    hunks = "".join(_hunk(sheet, start, end) for start, end in _spans(places, len(sheet.lines)))
    return f"--- a/{name}{tab}\n+++ b/{name}{tab}\n{hunks}"


def new_file(name: str, text: str) -> str:
    """The diff that creates a file. text: whole lines."""
    lines = text.splitlines()
    body = "".join(f"+{line}\n" for line in lines)
    return f"--- /dev/null\n+++ b/{name.lstrip('/')}\n@@ -0,0 +1,{len(lines)} @@\n{body}"


def _spans(places: Sequence[int], count: int) -> Iterator[tuple[int, int]]:
    """The lines of each hunk: those that change, and some context."""
    start = end = -1
    for place in places:
        low, high = max(place - CONTEXT, 0), min(place + CONTEXT + 1, count)
        if start >= 0 and low > end:
            yield start, end
            start = low
        start, end = (low if start < 0 else start), high
    yield start, end


def _hunk(sheet: Sheet, start: int, end: int) -> str:
    size = end - start
    body: list[str] = []
    old: list[str] = []
    new: list[str] = []
    for place in range(start, end):
        line = sheet.lines[place]
        tail = _NO_END if place == len(sheet.lines) - 1 and not sheet.ends else "\n"
        if line.old != line.new:
            old.append(f"-{line.old}{tail}")
            new.append(f"+{line.new}{tail}")
        else:
            body += [*old, *new, f" {line.old}{tail}"]
            old, new = [], []
    return f"@@ -{start + 1},{size} +{start + 1},{size} @@\n{''.join([*body, *old, *new])}"
