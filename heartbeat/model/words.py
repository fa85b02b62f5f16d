"""The words with a fixed set of values, and the measures of time."""

from __future__ import annotations

from enum import StrEnum

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NEVER = 1 << 53
"""An instant that never comes: what is due then is never looked at. It still fits a JSON number."""
BODY_MAX = 10_000
"""Bytes of a signal's body that are kept (Healthchecks' PING_BODY_LIMIT)."""


class Kind(StrEnum):
    """What a signal says."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"
    LOG = "log"


class Verdict(StrEnum):
    """What became of a slot."""

    ON_TIME = "on_time"
    LATE = "late"
    MISSED = "missed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    EXCUSED = "excused"
    UNKNOWN = "unknown"


BAD = frozenset({Verdict.MISSED, Verdict.FAILED, Verdict.TIMED_OUT})
GOOD = frozenset({Verdict.ON_TIME, Verdict.LATE})


class Phase(StrEnum):
    """How far a start has come.

    claimed: somebody is about to call the target, or does so now; started: the target took it; again: it was refused
    for now; queued: it waits for another run to end; failed: it was refused; unknown: it may have started or not;
    skipped: another run was under way; dropped: its slot is expected no longer.
    """

    CLAIMED = "claimed"
    STARTED = "started"
    AGAIN = "again"
    QUEUED = "queued"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"
    DROPPED = "dropped"


class Overlap(StrEnum):
    """What becomes of a start while another run of the job is under way."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"


class Status(StrEnum):
    """Where a job stands. `late` and `running` are derived for display only."""

    WAITING = "waiting"
    UP = "up"
    DOWN = "down"
    PAUSED = "paused"


class Reason(StrEnum):
    """Why a slot got its verdict."""

    IN_TIME = "in_time"
    AFTER_DEADLINE = "after_deadline"
    REPORTED_LATE = "reported_late"
    GRACE_RAN_OUT = "grace_ran_out"
    LATER_SLOT_SUCCEEDED = "later_slot_succeeded"
    FAIL_SIGNAL = "fail_signal"
    EXIT_STATUS = "exit_status"
    TOO_SHORT = "too_short"
    ASSERTION = "assertion"
    MAX_RUNTIME_RAN_OUT = "max_runtime_ran_out"
    NEXT_SLOT_DUE = "next_slot_due"
    WE_WERE_BLIND = "we_were_blind"
    JOB_PAUSED = "job_paused"
    SCHEDULE_CHANGED = "schedule_changed"
    NOT_TRIGGERED = "not_triggered"
    TRIGGER_FAILED = "trigger_failed"
    NEVER_CHECKED_IN = "never_checked_in"
    STILL_RUNNING = "still_running"


class Event(StrEnum):
    """What an alert tells."""

    OPENED = "opened"
    REMINDER = "reminder"
    RECOVERED = "recovered"
    CLOSED = "closed"
    BLIND = "blind"
    UNDELIVERED = "undelivered"
    ILL = "ill"
    WELL = "well"
    TEST = "test"


class Outcome(StrEnum):
    """What became of a delivery."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"


class Commit(StrEnum):
    """What a store answers to a change."""

    STORED = "stored"
    STALE = "stale"
