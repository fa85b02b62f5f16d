"""jobs.yaml → Config, or every mistake in it at once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import json

from heartbeat.config.channels import read_channels
from heartbeat.config.declared import Config
from heartbeat.config.doubts import UNUSED_CHANNEL, tell_doubts
from heartbeat.config.findings import Findings, Mistake, Position
from heartbeat.config.jobs import DeclaredJob, Defaults, check_names, read_defaults, read_jobs
from heartbeat.config.keys import record
from heartbeat.config.located import Located
from heartbeat.config.nodes import compose
from heartbeat.config.tables import EXTENSION, SERVICE_KEYS, TOP_KEYS
from heartbeat.config.unreadable import SIZE_MAX, decode
from heartbeat.errors import BadConfig

if TYPE_CHECKING:
    from heartbeat.model import Job

FOREIGN_NAMES = frozenset({"ping", "api"})
"""Owners other than files."""
NAMES_SHOWN = 5


def read(text: str, *, name: str = "jobs.yaml") -> Config:
    """The configuration in a text; raises BadConfig with every mistake and its line and column."""
    return _read(text, name, Findings(name=name))


def read_file(path: str | Path) -> Config:
    """The configuration in a file. It owns its jobs under its `name`, otherwise under the file's name."""
    path = Path(path)
    findings = Findings(name=str(path))
    text = ""
    with findings.kept():
        text = decode(_bytes(path))
    _stop(findings)
    return _read(text, path.name, findings)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(SIZE_MAX + 1)
    except OSError as error:
        raise Mistake(Position(), "", f"the file cannot be read: {error.strerror}") from None


def _read(text: str, name: str, findings: Findings) -> Config:
    config = None
    with findings.kept():
        config = _config(_root(text, findings), name)
    _stop(findings)
    if config is None:  # cannot happen: without a mistake there is a configuration
        raise BadConfig((f"{findings.name}:1:1: the file cannot be read",))
    return config


def _stop(findings: Findings) -> None:
    if findings.mistakes:
        raise BadConfig(findings.told(findings.mistakes))


def _root(text: str, findings: Findings) -> Located:
    node = compose(text.removeprefix("\ufeff"), findings)
    if node is None:
        raise Mistake(Position(), "", "the file is empty; write `jobs: {}` if it should have no jobs")
    return Located(node, findings)


def _config(root: Located, name: str) -> Config | None:
    top = record(root, TOP_KEYS, allowed=EXTENSION)
    if top.get("name") in FOREIGN_NAMES:
        mistake = root.entries()["name"].mistake(f"{top['name']} means jobs that no file owns; choose another")
        root.findings.mistake(mistake)
    channels = read_channels(top["channels"]) if "channels" in top else {}
    defaults = read_defaults(top.get("defaults"))
    service = record(top["service"], SERVICE_KEYS) if "service" in top else {}
    entries = read_jobs(top["jobs"], defaults) if "jobs" in top else []
    _check_channels(top, entries)
    _tell_doubts(root, top, entries, defaults)
    if root.findings.mistakes:
        return None
    owner = top.get("name", name)
    jobs = tuple(job for job in (entry.job(owner) for entry in entries) if job)
    told = tuple(service.get("notify", defaults.values.get("notify") or channels))
    fallback = tuple(service.get("fallback") or service.get("notify", ()))
    return Config(
        name=owner,
        jobs=jobs,
        channels=channels,
        service=told,
        fallback=fallback,
        digest=_digest(jobs, channels, told, fallback),
        warnings=root.findings.told(root.findings.doubts),
    )


def _digest(jobs: tuple[Job, ...], *rest: object) -> str:
    meaning = [sorted(jobs, key=lambda job: job.slug), *rest]
    return hashlib.sha256(json.encode(meaning, order="sorted")).hexdigest()


def _naming(top: dict[str, Any], entries: list[DeclaredJob]) -> list[Located]:
    """Every place where channels are named."""
    sections = [top[name].entries() for name in ("defaults", "service") if name in top]
    spots = [section[key] for section in sections for key in ("notify", "fallback") if key in section]
    return spots + [entry.own["notify"] for entry in entries if "notify" in entry.own]


def _check_channels(top: dict[str, Any], entries: list[DeclaredJob]) -> None:
    known = top["channels"].entries() if "channels" in top else {}
    used: set[object] = set()
    for spot in _naming(top, entries):
        with spot.findings.kept():
            check_names(spot, known)
            used |= {element.plain() for element in spot.elements() if isinstance(element.plain(), str)}
    for name in known.keys() - used:
        top["channels"].key(name).doubt(UNUSED_CHANNEL)


def _tell_doubts(root: Located, top: dict[str, Any], entries: list[DeclaredJob], defaults: Defaults) -> None:
    for entry in entries:
        tell_doubts(entry)
    if "timezone" in defaults.spots:
        return
    adrift = [entry for entry in entries if "timezone" not in entry.own and _by_the_clock(entry)]
    if adrift:
        names = ", ".join(entry.slug for entry in adrift[:NAMES_SHOWN]) + (", …" if adrift[NAMES_SHOWN:] else "")
        problem = f"no timezone is set: {len(adrift)} of the jobs ({names}) are read in UTC; write defaults.timezone"
        root.findings.doubt(top["jobs"].place, "jobs", problem)


def _by_the_clock(entry: DeclaredJob) -> bool:
    return entry.schedule is not None and entry.schedule.interval_ms is None
