"""The table of keys. Reading, `jobs.schema.json` and the tables in `docs/jobs-yaml.md` are all made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.config import values
from heartbeat.config.keys import Key
from heartbeat.config.parts import read_evidence, read_metrics
from heartbeat.config.sources import SOURCES_SCHEMA, read_sources
from heartbeat.config.triggers import OVERLAP, TRIGGER_SCHEMA, read_trigger
from heartbeat.config.values import Type, duration, many, matching, optional, text

if TYPE_CHECKING:
    from heartbeat.config.located import Located

EXTENSION = "x-"
"""Keys that begin so are left alone at the top of the file: a place for anchors."""


def read_section(spot: Located) -> Located:
    """A mapping that is read further by its own rules."""
    spot.entries()
    return spot


def _at(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _section(name: str) -> Type:
    return Type(words="mapping", schema=_at(name), read=read_section)


_MAYBE_DURATION = optional(duration(zero=False))
JOB_KEYS = (
    Key(name="description", type=text(1000, lines=True), doc="What the job does, for whoever is woken by it."),
    Key(
        name="schedule",
        type=many(values.EXPRESSION, most=20, least=1),
        required=True,
        example='schedule: "0 9 * * *"',
        doc="When it should run: cron, rate, at, every, RRULE or OnCalendar; a list is their union.",
    ),
    Key(name="timezone", type=values.ZONE, shared=True, default="`UTC`", doc="The zone that the schedule is read in."),
    Key(
        name="dialect",
        type=optional(values.DIALECT),
        shared=True,
        default="read from the form",
        doc="How the schedule is to be read.",
    ),
    Key(
        name="grace",
        type=duration(zero=True),
        shared=True,
        default="`10m`",
        doc="By the scheduled time plus this there must be a start or a success.",
    ),
    Key(
        name="early",
        type=duration(zero=True),
        shared=True,
        default="`5m`",
        doc="A signal this long before the scheduled time counts for it; at most half the gap before it.",
    ),
    Key(
        name="max_runtime",
        type=_MAYBE_DURATION,
        shared=True,
        default="the next run's deadline",
        doc="After a start, the finish must come within this.",
    ),
    Key(
        name="min_runtime",
        type=_MAYBE_DURATION,
        shared=True,
        default="none",
        doc="A run that took less time did nothing: it failed.",
    ),
    Key(
        name="alert_after",
        type=values.COUNT,
        shared=True,
        default="`1`",
        doc="People are told after so many bad runs in a row.",
    ),
    Key(
        name="remind_every",
        type=_MAYBE_DURATION,
        shared=True,
        default="no reminders",
        doc="While it stays bad, people are told again this often.",
    ),
    Key(
        name="notify",
        type=many(values.NAME),
        shared=True,
        default="nobody",
        doc="The channels that are told.",
    ),
    Key(name="environment", type=text(100), shared=True, doc="Such as `production`; shown in the alert."),
    Key(name="owner", type=text(100), shared=True, doc="Whose job it is; shown in the alert."),
    Key(name="runbook", type=values.URL, shared=True, doc="What to do about it; linked in the alert."),
    Key(name="tags", type=many(values.TAG), shared=True, doc="For filtering and silencing (`tag:NAME`)."),
    Key(
        name="evidence",
        type=Type(words="mapping", schema=_at("evidence"), read=read_evidence),
        doc="The object in S3 that proves a run.",
    ),
    Key(
        name="metrics",
        type=Type(words="mapping", schema=_at("metrics"), read=read_metrics),
        field="bounds",
        doc="What a metric sent with a success must be: `{rows: {min: 1, max: 100}}`; anything else is a failed run.",
    ),
    Key(
        name="enabled",
        type=values.FLAG,
        shared=True,
        default="`true`",
        doc="`false`: the job is known, but nothing is expected of it.",
    ),
    Key(
        name="trigger",
        type=Type(words="mapping", schema=TRIGGER_SCHEMA, read=read_trigger),
        doc="What starts the runs, each scheduled time once: `{http: {url: …}}`.",
    ),
    Key(
        name="overlap",
        type=OVERLAP,
        shared=True,
        default="`allow`",
        doc="What becomes of a start while another run is under way: skipped, queued, or made all the same.",
    ),
    Key(
        name="at_least_once",
        type=values.FLAG,
        shared=True,
        default="`false`",
        doc="A start of which nobody knows whether it arrived is made again: the work must bear being started twice.",
    ),
    Key(
        name="sources",
        type=Type(words="mapping, or a list", schema=SOURCES_SCHEMA, read=read_sources),
        doc="Whose events on AWS are this job's signals: `{ecs: {family: nightly}}`.",
    ),
)
DEFAULT_KEYS = tuple(key for key in JOB_KEYS if key.shared)
SERVICE_KEYS = (
    Key(
        name="notify",
        type=many(values.NAME),
        default="`defaults.notify`, else all channels",
        doc="The channels that are told about the service itself.",
    ),
    Key(
        name="fallback",
        type=many(values.NAME),
        default="`service.notify`, else every other channel",
        doc="The channels that are told when another channel takes no messages, and what it never took.",
    ),
)
TOP_KEYS = (
    Key(
        name="name",
        type=matching(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}", 100, "name", "write letters, digits, _ . / and -"),
        default="the file's name",
        doc="Who owns the jobs of this file. `apply` removes only what the same owner had declared.",
    ),
    Key(name="defaults", type=_section("defaults"), doc="What holds for every job that does not say otherwise."),
    Key(
        name="channels",
        type=_section("channels"),
        doc="Where alerts go: a name, then one kind with its settings.",
    ),
    Key(name="service", type=_section("service"), doc="Who hears about the service itself."),
    Key(name="jobs", type=_section("jobs"), required=True, example="jobs: {}", doc="The jobs, each under its slug."),
)
