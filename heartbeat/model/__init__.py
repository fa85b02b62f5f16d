"""The nouns (DESIGN.md, "The words"): frozen, keyword-only; `msgspec.structs.replace` makes the next version of one."""

from heartbeat.model.change import Alert, Change, Delivery, Document, Silence
from heartbeat.model.job import Bound, Evidence, Job, Source
from heartbeat.model.noun import FORMAT, Noun
from heartbeat.model.state import Entry, Incident, Run, Signal, Snapshot, Span, State
from heartbeat.model.words import (
    BAD,
    BODY_MAX,
    DAY,
    GOOD,
    HOUR,
    MINUTE,
    NEVER,
    SECOND,
    Commit,
    Event,
    Kind,
    Outcome,
    Reason,
    Status,
    Verdict,
)

__all__ = [
    "BAD",
    "BODY_MAX",
    "DAY",
    "FORMAT",
    "GOOD",
    "HOUR",
    "MINUTE",
    "NEVER",
    "SECOND",
    "Alert",
    "Bound",
    "Change",
    "Commit",
    "Delivery",
    "Document",
    "Entry",
    "Event",
    "Evidence",
    "Incident",
    "Job",
    "Kind",
    "Noun",
    "Outcome",
    "Reason",
    "Run",
    "Signal",
    "Silence",
    "Snapshot",
    "Source",
    "Span",
    "State",
    "Status",
    "Verdict",
]
