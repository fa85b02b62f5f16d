"""jobs.yaml → Config, or every mistake in it at once."""

from __future__ import annotations

import hashlib
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import json
from msgspec.structs import replace

from heartbeat.config.channels import read_channels
from heartbeat.config.declared import Config
from heartbeat.config.doubts import UNUSED_CHANNEL, tell_doubts
from heartbeat.config.files import absolute, listed, matching, patterns
from heartbeat.config.findings import Findings, Mistake, Position, quoted
from heartbeat.config.jobs import DeclaredJob, check_names, read_defaults, read_jobs
from heartbeat.config.joined import Part, check_doubles, join_channels, name_of, origins
from heartbeat.config.keys import record
from heartbeat.config.located import Located
from heartbeat.config.nodes import compose
from heartbeat.config.objections import FOREIGN_NAMES
from heartbeat.config.tables import EXTENSION, SERVICE_KEYS, TOP_KEYS
from heartbeat.config.unreadable import SIZE_MAX, decode
from heartbeat.errors import BadConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heartbeat.model import Job

NAMES_SHOWN = 5


def read(text: str, *, name: str = "jobs.yaml", now: int | None = None) -> Config:
    """The configuration in a text; raises BadConfig with every mistake and its line and column.

    now: milliseconds; whoever says it is told which schedules are over.
    """
    part = Part(findings=Findings(name=name), owner=name)
    _fill(part, text)
    return _joined([part], now)


def read_file(path: str | Path, now: int | None = None) -> Config:
    """The configuration in a file, a folder of them, or several. Each owns its jobs under its `name`, else its file's.

    Raises BadConfig with every mistake in all of them.
    """
    path = Path(path)
    parts: dict[Path, Part] = {}
    watched = [*patterns(Path(absolute(path)))]
    for file in listed(path):
        if file.resolve() not in parts:
            part = parts[file.resolve()] = _part(file, file.name)
            watched += _include(part, file, parts)
    if not parts:
        raise BadConfig((f"{path}:1:1: the folder holds no *.yaml",))
    return replace(_joined([*parts.values()], now), watched=tuple(watched))


def _part(path: Path, owner: str, *, included: bool = False) -> Part:
    part = Part(findings=Findings(name=str(path)), owner=owner, path=str(path.resolve()), included=included)
    with part.findings.kept():
        _fill(part, decode(_bytes(path)))
    if included and part.root and "include" in part.top:
        problem = "an included file includes no others; name them in the file that includes this one"
        part.findings.mistake(part.root.key("include").mistake(problem))
    return part


def _include(part: Part, file: Path, parts: dict[Path, Part]) -> Iterator[str]:
    """Read the files that this one includes; their patterns."""
    for spot in part.root.entries()["include"].elements() if part.root and part.top.get("include") else ():
        text = str(spot.plain())
        pattern = str(Path(escape(str(file.parent.resolve()))) / text)
        found = matching(pattern)
        for each in found:
            if each.resolve() not in parts:
                parts[each.resolve()] = _part(each, part.owner, included=True)
        if not found:
            part.findings.mistake(spot.mistake(f"no file is named {quoted(text)} in {file.parent.resolve()}"))
        yield pattern


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(SIZE_MAX + 1)
    except OSError as error:
        raise Mistake(Position(), "", f"the file cannot be read: {error.strerror}") from None


def _root(text: str, findings: Findings) -> Located:
    node = compose(text.removeprefix("\ufeff"), findings)
    if node is None:
        raise Mistake(Position(), "", "the file is empty; write `jobs: {}` if it should have no jobs")
    return Located(node, findings)


def _fill(part: Part, text: str) -> None:
    """Read what the file says by itself; its mistakes are kept."""
    with part.findings.kept():
        root = _root(text, part.findings)
        top = record(root, TOP_KEYS, allowed=EXTENSION)
        if top.get("name") in FOREIGN_NAMES:
            mistake = root.entries()["name"].mistake(f"{top['name']} means jobs that no file owns; choose another")
            root.findings.mistake(mistake)
        part.channels = read_channels(top["channels"]) if "channels" in top else {}
        part.defaults = read_defaults(top.get("defaults"))
        part.entries = read_jobs(top["jobs"], part.defaults) if "jobs" in top else []
        part.service = record(top["service"], SERVICE_KEYS) if "service" in top else {}
        part.owner = top.get("name", part.owner)
        part.root, part.top = root, top


def _joined(parts: Sequence[Part], now: int | None) -> Config:
    """The configuration that the files make together. Raises BadConfig."""
    whole = all(part.root for part in parts)
    channels = join_channels(parts)
    check_doubles(parts)
    found = origins(parts)
    service = next((part.service for part in parts if part.service), {})
    if whole:  # a file that cannot be read may have the channels that others name
        _check_channels(parts)
        for part in parts:
            _tell_doubts(part, now)
    if problems := [text for part in parts for text in part.findings.told(part.findings.mistakes)]:
        raise BadConfig(tuple(problems))
    jobs = tuple(job for part in parts for job in (entry.job(part.owner) for entry in part.entries) if job)
    usual = dict.fromkeys(name for part in parts for name in part.defaults.values.get("notify") or ())
    told = tuple(service.get("notify", usual or channels))
    fallback = tuple(service.get("fallback") or service.get("notify", ()))
    return Config(
        name=name_of(parts),
        jobs=jobs,
        channels=channels,
        service=told,
        fallback=fallback,
        digest=_digest(jobs, channels, told, fallback),
        warnings=tuple(text for part in parts for text in part.findings.told(part.findings.doubts)),
        origins=found,
        confirm=next((part.top["confirm"] for part in parts if "confirm" in part.top), ""),
    )


def _digest(jobs: tuple[Job, ...], *rest: object) -> str:
    meaning = [sorted(jobs, key=lambda job: job.slug), *rest]
    return hashlib.sha256(json.encode(meaning, order="sorted")).hexdigest()


def _check_channels(parts: Sequence[Part]) -> None:
    known = {name: spot for part in parts for name, spot in part.own_channels().items()}
    used: set[object] = set()
    for spot in [spot for part in parts for spot in part.naming()]:
        with spot.findings.kept():
            check_names(spot, known)
            used |= {element.plain() for element in spot.elements() if isinstance(element.plain(), str)}
    for part in parts:
        for name in part.own_channels().keys() - used:
            part.top["channels"].key(name).doubt(UNUSED_CHANNEL)


def _tell_doubts(part: Part, now: int | None) -> None:
    for entry in part.entries:
        tell_doubts(entry, now)
    if "timezone" in part.defaults.spots:
        return
    adrift = [entry for entry in part.entries if "timezone" not in entry.own and _by_the_clock(entry)]
    if adrift:
        names = ", ".join(entry.slug for entry in adrift[:NAMES_SHOWN]) + (", …" if adrift[NAMES_SHOWN:] else "")
        problem = f"no timezone is set: {len(adrift)} of the jobs ({names}) are read in UTC; write defaults.timezone"
        part.findings.doubt(part.top["jobs"].place, "jobs", problem)


def _by_the_clock(entry: DeclaredJob) -> bool:
    return entry.schedule is not None and entry.schedule.interval_ms is None
