"""The table of keys. Reading, `jobs.schema.json` and the tables in `docs/jobs-yaml.md` are all made from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heartbeat.config import values
from heartbeat.config.findings import nearest, quoted
from heartbeat.config.values import Type, duration, many, matching, optional, text
from heartbeat.model import Bound, Evidence

if TYPE_CHECKING:
    from heartbeat.config.spots import Spot

EXTENSION = "x-"
"""Keys that begin so are left alone at the top of the file: a place for anchors."""
TRIGGERS = ("http", "sqs", "step_functions", "ecs", "aws_lambda")
METRICS_MAX = 20
_METRIC = r"[A-Za-z_][A-Za-z0-9_.-]{0,99}"
_DATE = r"\{date:[^{}]*%[^{}]*\}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key. default: as the docs say it; shared: may stand in `defaults` too; kept: becomes a field of the Job."""

    name: str
    type: Type
    doc: str
    default: str = ""
    example: str = ""
    shared: bool = False
    required: bool = False
    kept: bool = True
    field: str = ""


def record(spot: Spot, keys: tuple[Key, ...]) -> dict[str, Any]:
    """The values of a mapping by their keys, those that could be read; every other key is a mistake."""
    entries = spot.entries()
    check_keys(spot, keys)
    found: dict[str, Any] = {}
    for key in keys:
        if key.name in entries:
            with spot.findings.kept():
                found[key.name] = key.type.read(entries[key.name])
    return found


def check_keys(spot: Spot, keys: tuple[Key, ...], allowed: str = "") -> None:
    """Keep a mistake for each key that is not known, and for each that is missing."""
    entries, known = spot.entries(), [key.name for key in keys]
    for name in entries:
        if name not in known and not (allowed and name.startswith(allowed)):
            hint = nearest(name, known) or f"; known are {', '.join(known)}"
            spot.findings.mistake(spot.key(name).mistake(f"unknown key {quoted(name)}{hint}"))
    for key in keys:
        if key.required and key.name not in entries:
            spot.findings.mistake(spot.mistake(f"`{key.name}` is missing; write for example `{key.example}`"))


def read_section(spot: Spot) -> Spot:
    """A mapping that is read further by its own rules."""
    spot.entries()
    return spot


def read_evidence(spot: Spot) -> Evidence | None:
    """Where the evidence lies."""
    found = record(spot, EVIDENCE_KEYS)
    return Evidence(**found) if "key" in found else None


def read_metrics(spot: Spot) -> tuple[Bound, ...]:
    """What each metric must be."""
    bounds = []
    for name, below in spot.entries().items():
        with spot.findings.kept():
            METRIC_NAME.read(spot.key(name))
            bounds.append(_bound(name, below))
    if not 1 <= len(spot.entries()) <= METRICS_MAX:
        raise spot.mistake(f"name 1 to {METRICS_MAX} metrics, such as {{rows: {{min: 1}}}}")
    return tuple(bounds)


def _bound(name: str, spot: Spot) -> Bound:
    found = record(spot, BOUND_KEYS)
    low, high = found.get("min"), found.get("max")
    if not spot.entries():
        raise spot.mistake("holds nothing; write min, max or both")
    if low is not None and high is not None and low > high:
        raise spot.mistake(f"min {low:g} is more than max {high:g}; no value could be right")
    return Bound(metric=name, low=low, high=high)


def read_trigger(spot: Spot) -> None:
    """What will start the runs. Nothing is kept yet; only its kind is looked at."""
    kinds = spot.entries()
    for kind in kinds:
        if kind not in TRIGGERS:
            raise spot.key(kind).mistake(f"unknown trigger {quoted(kind)}{nearest(kind, TRIGGERS) or _TRIGGERS_KNOWN}")
    if len(kinds) != 1:
        raise spot.mistake(f"write exactly one kind{_TRIGGERS_KNOWN}")


def read_sources(spot: Spot) -> None:
    """Where signals will come from. Nothing is kept yet."""
    spot.plain()


def read_key_template(spot: Spot) -> str:
    """An S3 key, with `{date:…}` where the slot's date stands."""
    key = str(_KEY_TEXT.read(spot))
    if key.startswith(("/", "s3://")):
        raise spot.mistake(f"{quoted(key)} is more than a key; write no / or s3:// in front, the bucket as `bucket`")
    if set(re.sub(_DATE, "", key)) & {"{", "}"}:
        raise spot.mistake(f"{quoted(key)} has braces that are no date; write {{date:%Y-%m-%d}}")
    return key


_TRIGGERS_KNOWN = f"; known are {', '.join(TRIGGERS)}"
_KEY_TEXT = text(1024)
METRIC_NAME = matching(_METRIC, 100, "metric name", "begin with a letter; then letters, digits, _ . and -")
_ANY_MAP: dict[str, Any] = {"type": "object"}
SECTION = Type(words="mapping", schema=_ANY_MAP, read=read_section)

BOUND_KEYS = (
    Key(name="min", type=values.NUMBER, doc="The smallest value that is right."),
    Key(name="max", type=values.NUMBER, doc="The largest value that is right."),
)
EVIDENCE_KEYS = (
    Key(
        name="key",
        type=Type(words="S3 key", schema=_KEY_TEXT.schema, read=read_key_template),
        required=True,
        example='key: "backup/{date:%Y-%m-%d}/dump.sql.gz"',
        doc="The object's key; `{date:%Y-%m-%d}` stands for the date of the slot in the job's time zone.",
    ),
    Key(name="min_size", type=values.SIZE, default="`0`", doc="A smaller object is a failed run."),
    Key(
        name="content_type",
        type=matching(r"[\w.+-]+/[\w.+*-]+", 100, "content type", "write for example application/gzip"),
        doc="Another content type is a failed run.",
    ),
    Key(name="bucket", type=text(255), default="the stack's own", doc="The bucket that the object lies in."),
)
TRIGGER_SCHEMA = {"type": "object", "properties": {kind: {} for kind in TRIGGERS}, "additionalProperties": False}
METRICS_SCHEMA = {"type": "object", "propertyNames": {"pattern": f"^{_METRIC}$"}, "minProperties": 1}

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
        type=Type(words="mapping", schema=_ANY_MAP, read=read_evidence),
        doc="The object in S3 that proves a run.",
    ),
    Key(
        name="metrics",
        type=Type(words="mapping", schema=METRICS_SCHEMA, read=read_metrics),
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
        kept=False,
        doc="What starts the runs. Accepted, not carried out yet.",
    ),
    Key(
        name="sources",
        type=Type(words="anything", schema={}, read=read_sources),
        kept=False,
        doc="Where signals come from. Accepted, not carried out yet.",
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
        default="none",
        doc="The channels that are told when another channel's message could not be delivered.",
    ),
)
TOP_KEYS = (
    Key(
        name="name",
        type=matching(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}", 100, "name", "write letters, digits, _ . / and -"),
        default="the file's name",
        doc="Who owns the jobs of this file. `apply` removes only what the same owner had declared.",
    ),
    Key(name="defaults", type=SECTION, doc="What holds for every job that does not say otherwise."),
    Key(name="channels", type=SECTION, doc="Where alerts go: a name, and exactly one kind with its settings."),
    Key(name="service", type=SECTION, doc="Who hears about the service itself."),
    Key(name="jobs", type=SECTION, required=True, example="jobs: {}", doc="The jobs, each under its slug."),
)
