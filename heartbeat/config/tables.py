"""The table of keys. The reader, `jobs.schema.json` and the tables in `docs/jobs-yaml.md` all come from it."""

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
"""Top-level keys with this prefix are ignored: a place for anchors."""


def read_section(spot: Located) -> Located:
    """A mapping with rules of its own, read later."""
    spot.entries()
    return spot


def _at(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _section(name: str) -> Type:
    return Type(words="mapping", schema=_at(name), read=read_section)


_MAYBE_DURATION = optional(duration(zero=False))
JOB_KEYS = (
    Key(name="description", type=text(1000, lines=True), doc="What the job does, for whoever it wakes up."),
    Key(
        name="schedule",
        type=many(values.EXPRESSION, most=20, least=1),
        required=True,
        example='schedule: "0 9 * * *"',
        doc="When it should run: cron, rate, at, every, RRULE or OnCalendar; a list is their union.",
    ),
    Key(name="timezone", type=values.ZONE, shared=True, default="`UTC`", doc="The time zone of the schedule."),
    Key(
        name="dialect",
        type=optional(values.DIALECT),
        shared=True,
        default="inferred from its form",
        doc="How to read the schedule.",
    ),
    Key(
        name="grace",
        type=duration(zero=True),
        shared=True,
        default="`10m`",
        doc="How long after the scheduled time a start or a success may arrive.",
    ),
    Key(
        name="early",
        type=duration(zero=True),
        shared=True,
        default="`5m`",
        doc="How long before the scheduled time a signal still counts for it; at most half the gap before it.",
    ),
    Key(
        name="max_runtime",
        type=_MAYBE_DURATION,
        shared=True,
        default="the next run's deadline",
        doc="How long after its start a run must have finished.",
    ),
    Key(
        name="min_runtime",
        type=_MAYBE_DURATION,
        shared=True,
        default="none",
        doc="A run that takes less time did nothing, so it counts as failed.",
    ),
    Key(
        name="alert_after",
        type=values.COUNT,
        shared=True,
        default="`1`",
        doc="How many bad runs in a row before people are told.",
    ),
    Key(
        name="remind_every",
        type=_MAYBE_DURATION,
        shared=True,
        default="no reminders",
        doc="How often people are reminded while the job stays bad.",
    ),
    Key(name="notify", type=many(values.NAME), shared=True, default="nobody", doc="The channels to notify."),
    Key(name="environment", type=text(100), shared=True, doc="Such as `production`; shown in the alert."),
    Key(name="owner", type=text(100), shared=True, doc="Who owns the job; shown in the alert."),
    Key(name="runbook", type=values.URL, shared=True, doc="What to do about it; linked in the alert."),
    Key(name="tags", type=many(values.TAG), shared=True, doc="For filtering and silencing (`tag:NAME`)."),
    Key(
        name="evidence",
        type=Type(words="mapping", schema=_at("evidence"), read=read_evidence),
        doc="The S3 object that proves a run.",
    ),
    Key(
        name="metrics",
        type=Type(words="mapping", schema=_at("metrics"), read=read_metrics),
        field="bounds",
        doc="The range for a metric sent with a success: `{rows: {min: 1, max: 100}}`; anything else is a failed run.",
    ),
    Key(
        name="enabled",
        type=values.FLAG,
        shared=True,
        default="`true`",
        doc="`false`: the job stays known, but nothing is expected of it.",
    ),
    Key(
        name="trigger",
        type=Type(words="mapping", schema=TRIGGER_SCHEMA, read=read_trigger),
        doc="What starts the runs, once for each scheduled time: `{http: {url: …}}`.",
    ),
    Key(
        name="overlap",
        type=OVERLAP,
        shared=True,
        default="`allow`",
        doc="What happens to a start while another run is under way: skip it, queue it, or start it anyway.",
    ),
    Key(
        name="at_least_once",
        type=values.FLAG,
        shared=True,
        default="`false`",
        doc="Repeat a start that may not have arrived: the work must tolerate being started twice.",
    ),
    Key(
        name="sources",
        type=Type(words="mapping, or a list", schema=SOURCES_SCHEMA, read=read_sources),
        doc="Which AWS events are this job's signals: `{ecs: {family: nightly}}`.",
    ),
)
DEFAULT_KEYS = tuple(key for key in JOB_KEYS if key.shared)
SERVICE_KEYS = (
    Key(
        name="notify",
        type=many(values.NAME),
        default="`defaults.notify`, else all channels",
        doc="The channels that hear about the service itself.",
    ),
    Key(
        name="fallback",
        type=many(values.NAME),
        default="`service.notify`, else every other channel",
        doc="The channels that hear when another channel takes no messages, and get what it never took.",
    ),
)
TOP_KEYS = (
    Key(
        name="name",
        type=matching(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}", 100, "name", "write letters, digits, _ . / and -"),
        default="the file's name",
        doc="Who owns this file's jobs. `apply` removes only what the same owner declared before.",
    ),
    Key(
        name="confirm",
        type=matching(r"[0-9a-f]{12}", 12, "digest", "write the one that the refusal of the file names"),
        doc="The file is meant, though it removes many jobs or takes some over: the digest that the refusal names.",
    ),
    Key(
        name="include",
        type=many(text(500), least=1),
        doc="Further files, as `teams/*.yaml`, from this one's folder. Without a `name` their jobs belong to this one.",
    ),
    Key(name="defaults", type=_section("defaults"), doc="What applies to every job that does not say otherwise."),
    Key(
        name="channels",
        type=_section("channels"),
        doc="Where alerts go: a name, then one kind of channel with its settings.",
    ),
    Key(name="service", type=_section("service"), doc="Who hears about the service itself."),
    Key(name="jobs", type=_section("jobs"), required=True, example="jobs: {}", doc="The jobs, each under its slug."),
)
