"""The file's jobs: each with its defaults, its schedule parsed, its channel names checked."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from heartbeat.config.findings import Mistake, nearest, quoted
from heartbeat.config.keys import record
from heartbeat.config.tables import DEFAULT_KEYS, JOB_KEYS
from heartbeat.config.triggers import implied
from heartbeat.config.values import SLUG, UUID
from heartbeat.errors import BadSchedule
from heartbeat.model import Job
from heartbeat.schedule import Schedule, parse

if TYPE_CHECKING:
    from collections.abc import Collection

    from heartbeat.config.located import Located

_FIELDS = {key.name: key.field or key.name for key in JOB_KEYS if key.kept}
_NAME, _ID = re.compile(SLUG).fullmatch, re.compile(UUID).fullmatch
_TIMES = ("schedule", "timezone", "dialect")


class Defaults(Struct, kw_only=True):
    """What applies to every job that does not say otherwise, and where it is written."""

    values: dict[str, Any] = field(default_factory=dict)
    spots: dict[str, Located] = field(default_factory=dict)


class DeclaredJob(Struct, frozen=True, kw_only=True, gc=False):
    """One job as written. own: the keys it sets itself; values: with the defaults; spots: where each is written."""

    slug: str
    spot: Located
    own: dict[str, Located]
    spots: dict[str, Located]
    values: dict[str, Any]
    schedule: Schedule | None

    def at(self, name: str) -> Located:
        """Where this job has the key; the job itself when it does not."""
        return self.own.get(name, self.spot)

    def job(self, source: str) -> Job | None:
        """The definition; None when its schedule could not be read."""
        fields = {_FIELDS[name]: value for name, value in self.values.items() if name in _FIELDS and value is not None}
        if "trigger" in fields and "sources" not in fields:
            fields["sources"] = implied(self.slug, fields["trigger"])
        return Job(**{"slug": self.slug, "source": source, **fields}) if "schedule" in fields else None


def read_defaults(spot: Located | None) -> Defaults:
    """The `defaults` of the file."""
    if spot is None:
        return Defaults()
    return Defaults(values=record(spot, DEFAULT_KEYS), spots=spot.entries())


def read_jobs(spot: Located, defaults: Defaults) -> list[DeclaredJob]:
    """Every job that can be read."""
    entries = []
    for slug, below in spot.entries().items():
        with spot.findings.kept():
            if not _NAME(slug) or _ID(slug):
                spot.findings.mistake(_misnamed(spot.key(slug), slug))
            entries.append(_entry(slug, below, defaults))
    return entries


def _misnamed(spot: Located, slug: str) -> Mistake:
    if _ID(slug):
        return spot.mistake("a job's name may not look like a UUID: /ping/<uuid> means something else")
    shape = re.sub(r"[^a-z0-9_-]+", "-", slug.lower()).strip("-")[:100]
    hint = f"; write {shape}" if re.search("[a-z0-9]", shape) else ""
    return spot.mistake(f"a job's name has 1 to 100 small letters, digits, - and _{hint}")


def _entry(slug: str, spot: Located, defaults: Defaults) -> DeclaredJob:
    own = spot.entries()
    values = {**defaults.values, **record(spot, JOB_KEYS)}
    spots = {**defaults.spots, **own}
    entry = DeclaredJob(
        slug=slug, spot=spot, own=own, spots=spots, values=values, schedule=_schedule(own, spots, values)
    )
    if "trigger" in own and entry.schedule is not None and entry.schedule.interval_ms is not None:
        problem = "a trigger needs fixed times; write the schedule as cron, such as */15 * * * *"
        spot.findings.mistake(entry.at("trigger").mistake(problem))
    if (values.get("min_runtime") or 0) > (values.get("max_runtime") or values.get("min_runtime") or 0):
        spot.findings.mistake(entry.at("min_runtime").mistake("is longer than max_runtime; every run would fail"))
    return entry


def _schedule(own: dict[str, Located], spots: dict[str, Located], values: dict[str, Any]) -> Schedule | None:
    """The schedule, unless it or its zone or dialect is broken."""
    if "schedule" not in own or any(name in spots and name not in values for name in _TIMES):
        return None
    try:
        return _parsed(own["schedule"], values)
    except Mistake as mistake:
        own["schedule"].findings.mistake(mistake)
        return None


def _parsed(spot: Located, values: dict[str, Any]) -> Schedule:
    zone, dialect = values.get("timezone", "UTC"), values.get("dialect")
    with suppress(BadSchedule):
        return parse(values["schedule"], zone, dialect)
    for element in spot.elements():  # one of them is broken, or only their union
        _try(element, (element.text(),), zone, dialect)
    return _try(spot, values["schedule"], zone, dialect)


def _try(spot: Located, texts: tuple[str, ...], zone: str, dialect: str | None) -> Schedule:
    try:
        return parse(texts, zone, dialect)
    except BadSchedule as bad:
        where = "" if bad.field == "expression" else f" ({bad.field})"
        whole = " ".join(texts)
        inside = f" in {quoted(whole)}" if bad.text != whole else ""
        raise spot.mistake(f"{quoted(bad.text)}{where} {bad.problem}{inside}; {bad.remedy}") from None


def check_names(spot: Located, known: Collection[str]) -> None:
    """Keep a mistake for each channel that the file does not have."""
    for element in spot.elements():
        name = element.plain()
        if isinstance(name, str) and name not in known:
            hint = nearest(name, known) or (f"; known are {', '.join(known)}" if known else "; there are no channels")
            spot.findings.mistake(element.mistake(f"unknown channel {quoted(name)}{hint}"))
