"""The nouns (DESIGN.md, "The words"). All instants and durations are integers: milliseconds, instants since the epoch.

Every noun is frozen and keyword-only and becomes its next version with `dataclasses.replace`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NEVER = 1 << 53
"""An instant that does not come: what is due then is never looked at (and still fits a JSON number)."""
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


class Event(StrEnum):
    """What an alert tells."""

    OPENED = "opened"
    REMINDER = "reminder"
    RECOVERED = "recovered"
    BLIND = "blind"
    UNDELIVERED = "undelivered"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where a run's evidence object lies and what it must be.

    key: template such as "backup/{date:%Y-%m-%d}/dump.sql.gz", the date in the job's zone; min_size in bytes.
    """

    key: str
    min_size: int = 0
    content_type: str = ""
    bucket: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a metric reported with a success must be: low <= value <= high; an end that is None is open."""

    metric: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A named piece of recurring work, as declared. Durations are in milliseconds."""

    slug: str
    schedule: tuple[str, ...]
    timezone: str = "UTC"
    dialect: str | None = None
    grace: int = 10 * MINUTE
    early: int = 5 * MINUTE
    max_runtime: int | None = None
    min_runtime: int | None = None
    alert_after: int = 1
    remind_every: int | None = None
    notify: tuple[str, ...] = ()
    description: str = ""
    environment: str = ""
    owner: str = ""
    runbook: str = ""
    tags: tuple[str, ...] = ()
    evidence: Evidence | None = None
    bounds: tuple[Bound, ...] = ()
    enabled: bool = True
    source: str = ""
    """Who owns the definition: the config's name, or "ping" for a job made by `?create=1`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something that a job told us.

    at: when it happened; received: when we heard of it (at <= received always); id: the same for a doubled signal,
    "" when the sender gave none; run_id "" when the sender gave none; named: the slot as the sender wrote it
    ("2026-11-22", "2026-11-22T09:00"), read in the job's zone; duration in milliseconds as reported by the job.
    """

    slug: str
    kind: Kind
    at: int
    received: int
    id: str = ""
    run_id: str = ""
    named: str = ""
    exit_status: int | None = None
    duration: int | None = None
    body: str = ""
    size: int | None = None
    content_type: str = ""
    metrics: tuple[tuple[str, float], ...] = ()
    source: str = "ping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that started and has not finished. `expired`: its deadline passed and its slot is `timed_out`."""

    id: str
    slot: int | None
    started_at: int
    expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Slots that were met ahead of the cursor, while an earlier slot is still open: first to last, without a gap.

    since, until: when the first and the last of them was met.
    """

    first: int
    last: int
    since: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """From the first bad verdict that counts to the recovery.

    opened_at: when it went bad (the deadline, not the look); bad: how many slots; told_at: when people were told that
    it opened, None while they have not been; ended_at: set while a recovery waits for a silence to end.
    """

    id: str
    opened_at: int
    verdict: Verdict
    reason: Reason
    slot: int | None
    bad: int = 1
    told_at: int | None = None
    reminded_at: int | None = None
    reminders: int = 0
    acked_at: int | None = None
    acked_by: str = ""
    ended_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a job stands. Never in the file; applying a file never changes it.

    cursor: every slot at or before it has its verdict (for `every`: also the last heartbeat, from which the next slot
    is counted); born: slots exist after this instant; streak: bad slots in a row; bad_slot: the latest slot with a bad
    verdict; failed_at: when the latest fail happened; recent: when the latest successes happened, oldest first;
    seen: ids of the latest signals and finished runs.
    """

    version: int
    born: int
    cursor: int
    status: Status = Status.WAITING
    since: int = 0
    ahead: tuple[Span, ...] = ()
    runs: tuple[Run, ...] = ()
    streak: int = 0
    bad_slot: int | None = None
    failed_at: int | None = None
    finished_at: int | None = None
    last_signal: int | None = None
    signals: int = 0
    recent: tuple[int, ...] = ()
    seen: tuple[str, ...] = ()
    incident: Incident | None = None
    paused_until: int | None = None
    pause_reason: str = ""

    @property
    def last_success(self) -> int | None:
        """When the latest success happened."""
        return self.recent[-1] if self.recent else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One consistent read of a job: its definition, its state, its uuid and the instant its due row stands at."""

    job: Job
    state: State
    due: int
    uuid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a job's history: a signal, the clock's finding, or what a person did.

    n: the state's version that it came with; verdict: the slot's verdict after it (None: it changed none).
    """

    slug: str
    n: int
    slot: int | None
    at: int
    verdict: Verdict | None = None
    reason: Reason | None = None
    remark: str = ""
    signal: Signal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """The facts of one message, complete in themselves: a channel needs nothing else to word it.

    id: names the fact told, not the attempt (the idempotency key is made of it); slug is "" for an alert about the
    service itself; at: when it became true; expected: the slot; deadline: when the grace or runtime ran out; bad: slots
    in a row; next_slot: what is expected next; jobs: the names concerned, for an alert about many.
    """

    id: str
    event: Event
    at: int
    incident: str = ""
    slug: str = ""
    description: str = ""
    environment: str = ""
    owner: str = ""
    runbook: str = ""
    tags: tuple[str, ...] = ()
    timezone: str = "UTC"
    schedule: str = ""
    verdict: Verdict | None = None
    reason: Reason | None = None
    expected: int | None = None
    deadline: int | None = None
    opened_at: int | None = None
    last_success: int | None = None
    last_signal: int | None = None
    next_slot: int | None = None
    bad: int = 0
    reminders: int = 0
    exit_status: int | None = None
    run_id: str = ""
    output: str = ""
    hint: str = ""
    text: str = ""
    jobs: tuple[str, ...] = ()
    silent_all: bool = False
    """Every job that was due in that sweep was silent: the cause may be the network or us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One alert to one channel, with its attempts.

    next_at: when to try (again); while somebody sends it, until when they hold it; NEVER once it is finished.
    group: the idempotency key of the message that told this alert together with others, "" when told alone.
    receipt: what the channel answered and needs again to thread or update (JSON), "" until sent.
    """

    id: str
    channel: str
    alert: Alert
    created_at: int
    next_at: int
    version: int = 1
    attempts: int = 0
    outcome: Outcome = Outcome.PENDING
    group: str = ""
    receipt: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """People are not told of jobs that match, from start to end (exclusive). Slots are judged and recorded as ever.

    selector: a slug with * and ?, or "tag:NAME".
    """

    id: str
    selector: str
    start: int
    end: int
    reason: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One small record of the service itself (checkpoint, silences, strays), by name. `value` is JSON-able."""

    name: str
    version: int
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One decision, to be committed whole or not at all.

    expected: the version of the job's state that the decision was made from (0: there was no such job). `state` has
    version expected + 1. `due`: where the due row shall stand now; None leaves it where it is (a row that is no longer
    true is harmless). `deliveries` and `documents` carry their own next version: 1 is new, n replaces n - 1.
    `more`: there is more to judge at once than one change may hold.
    """

    slug: str = ""
    expected: int = 0
    job: Job | None = None
    state: State | None = None
    uuid: str = ""
    remove: bool = False
    due: int | None = None
    entries: tuple[Entry, ...] = ()
    alerts: tuple[Alert, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    documents: tuple[Document, ...] = field(default=())
    more: bool = False
