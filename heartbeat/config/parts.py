"""The keys of a job that hold keys of their own: evidence, metrics."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.config import values
from heartbeat.config.findings import quoted
from heartbeat.config.keys import Key, record
from heartbeat.config.values import Type, matching, text
from heartbeat.model import Bound, Evidence

if TYPE_CHECKING:
    from heartbeat.config.located import Located

METRICS_MAX = 20
METRIC = r"[A-Za-z_][A-Za-z0-9_.-]{0,99}"
_DATE = r"\{date:[^{}%]*(%[YmdHMSyjGVuz][^{}%]*)+\}"
_TEMPLATE = rf"([^{{}}]|\{{\{{|\}}\}}|{_DATE})+"
_NO_KEY = r"/|s3://|(.*/)?\.\.(/|$)"
_BUCKET = rf"(?!{_NO_KEY}|\.$)[^{{}}\s]+"
_CONTENT_TYPE = r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w-]+)?"


def read_evidence(spot: Located) -> Evidence | None:
    """Where the evidence is."""
    found = record(spot, EVIDENCE_KEYS)
    return Evidence(**found) if "key" in found else None


def read_metrics(spot: Located) -> tuple[Bound, ...]:
    """What each metric must be."""
    bounds = []
    for name, below in spot.entries().items():
        with spot.findings.kept():
            METRIC_NAME.read(spot.key(name))
            bounds.append(_bound(name, below))
    if not 1 <= len(spot.entries()) <= METRICS_MAX:
        raise spot.mistake(f"name 1 to {METRICS_MAX} metrics, such as {{rows: {{min: 1}}}}")
    return tuple(bounds)


def _bound(name: str, spot: Located) -> Bound:
    found = record(spot, BOUND_KEYS)
    low, high = found.get("min"), found.get("max")
    if not spot.entries():
        raise spot.mistake("holds nothing; write min, max or both")
    if low is not None and high is not None and low > high:
        raise spot.mistake(f"min {low:g} is more than max {high:g}; no value could be right")
    return Bound(metric=name, low=low, high=high)


def read_key_template(spot: Located) -> str:
    """An S3 key, with `{date:…}` where the slot's date goes."""
    key = str(_KEY_TEXT.read(spot))
    if re.match(_NO_KEY, key):
        raise spot.mistake(f"{quoted(key)} is not a key; leave out .. and leading / or s3://; the bucket is `bucket`")
    if not re.fullmatch(_TEMPLATE, key):
        raise spot.mistake(f"{quoted(key)} has braces that are not a date; write {{date:%Y-%m-%d}}")
    return key


_KEY_TEXT = text(1024)
_KEY_FORM = f"^(?!{_NO_KEY}){_TEMPLATE}$"
METRIC_NAME = matching(METRIC, 100, "metric name", "begin with a letter; then letters, digits, _ . and -")
BOUND_KEYS = (
    Key(name="min", type=values.NUMBER, doc="The smallest acceptable value."),
    Key(name="max", type=values.NUMBER, doc="The largest acceptable value."),
)
EVIDENCE_KEYS = (
    Key(
        name="key",
        type=Type(words="S3 key", schema={**_KEY_TEXT.schema, "pattern": _KEY_FORM}, read=read_key_template),
        required=True,
        example='key: "backup/{date:%Y-%m-%d}/dump.sql.gz"',
        doc="The object's key; `{date:%Y-%m-%d}` stands for the date of the slot in the job's time zone.",
    ),
    Key(name="min_size", type=values.SIZE, default="`0`", doc="A smaller object counts as a failed run."),
    Key(
        name="content_type",
        type=matching(_CONTENT_TYPE, 100, "content type", "write for example application/gzip"),
        doc="Any other content type counts as a failed run.",
    ),
    Key(
        name="bucket",
        type=matching(_BUCKET, 255, "bucket", "write only its name, without a leading s3:// or / and without .."),
        default="the stack's own",
        doc="The bucket that holds the object.",
    ),
)
