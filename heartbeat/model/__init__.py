"""The nouns (DESIGN.md, "The words"): frozen, keyword-only; `msgspec.structs.replace` makes the next version of one.

All instants and durations are integers: milliseconds, instants since the epoch.
"""

from heartbeat.model.change import Alert, Change, Delivery, Document, Due, Illness, Mark, Silence
from heartbeat.model.job import Bound, Evidence, Job, LogGroup, Source, Trigger
from heartbeat.model.noun import FORMAT, Noun
from heartbeat.model.state import Entry, Incident, Ruled, Run, Signal, Snapshot, Span, Start, State
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
    Overlap,
    Phase,
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
    "Due",
    "Entry",
    "Event",
    "Evidence",
    "Illness",
    "Incident",
    "Job",
    "Kind",
    "LogGroup",
    "Mark",
    "Noun",
    "Outcome",
    "Overlap",
    "Phase",
    "Reason",
    "Ruled",
    "Run",
    "Signal",
    "Silence",
    "Snapshot",
    "Source",
    "Span",
    "Start",
    "State",
    "Status",
    "Trigger",
    "Verdict",
]
