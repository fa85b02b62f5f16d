"""What is decided and told: alerts, deliveries, and the change that a store commits.

All instants and durations are integers: milliseconds, instants since the epoch.
"""

from __future__ import annotations

from heartbeat.model.job import Job
from heartbeat.model.noun import FORMAT, Noun
from heartbeat.model.state import Entry, State
from heartbeat.model.words import Event, Outcome, Phase, Reason, Verdict


class Alert(Noun, frozen=True, kw_only=True):
    """The facts of one message, complete in themselves: a channel needs nothing else to word it.

    id: names the fact told, not the attempt (the idempotency key is made of it); slug is "" for an alert about the
    service itself; at: when it became true; expected: the slot; deadline: when the grace or runtime ran out; bad: slots
    in a row; next_slot: what is expected next; jobs: the names concerned, for an alert about many; triggered_at,
    attempts, answer, phase: when the run was triggered, how often its target was called, what it answered, and how far
    that start came; log_url: where the run's log is.
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
    triggered_at: int | None = None
    attempts: int = 0
    answer: str = ""
    log_url: str = ""
    phase: Phase | None = None


class Delivery(Noun, frozen=True, kw_only=True, tag=FORMAT):
    """One alert to one channel, with its attempts.

    next_at: when to try (again); while somebody sends it, until when they hold it; NEVER once it is finished.
    group: the idempotency key of the message that told this alert together with others, "" when told alone.
    receipt: what the channel answered and needs again to thread or update (JSON), "" until sent.
    unsure: tries of which nobody knows whether they arrived: as long as there is one, the message goes out again only
    as it was, under its key (None: an older version wrote this, and each try counts); holder: who sends it now, "" when
    it waits; under: the definitions of its channel under which it was tried or put off.
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
    unsure: int | None = None
    holder: str = ""
    under: tuple[str, ...] = ()


class Silence(Noun, frozen=True, kw_only=True):
    """People are not told of jobs that match, from start to end (exclusive). Slots are judged and recorded as ever.

    selector: a slug with * and ?, or "tag:NAME".
    """

    id: str
    selector: str
    start: int
    end: int
    reason: str = ""
    author: str = ""


class Illness(Noun, frozen=True, kw_only=True):
    """Something that ails the service itself and does not pass by itself.

    name: stays the same as long as it lasts ("sweep/stuck"); text: what is wrong, and what would help; since: when it
    was noticed; last: when it was noticed last; count: how often it has been written down; told: whether people know;
    fades: it is over after so long (milliseconds) without being noticed again, 0: when somebody says so.
    """

    name: str
    text: str
    since: int
    last: int
    count: int = 1
    told: bool = False
    fades: int = 0


class Document(Noun, frozen=True, kw_only=True):
    """One small record of the service itself (checkpoint, silences, strays), by name. `value` is JSON-able."""

    name: str
    version: int
    value: object


class Mark(Noun, frozen=True, kw_only=True):
    """How far the clock has looked: at everything due before `at`. key: the store's own, for what lies at it."""

    at: int
    key: str = ""


class Due(Noun, frozen=True, kw_only=True):
    """Jobs that somebody has to look at, earliest first. reached: the mark once they are settled; more: come back."""

    slugs: tuple[str, ...]
    reached: Mark
    more: bool = False


class Change(Noun, frozen=True, kw_only=True):
    """One decision, to be committed whole or not at all.

    expected: the version of the job's state that the decision was made from (0: there was no such job). `state` has
    version expected + 1. `due`: where the due row shall stand now; None leaves it where it is (a row that is no longer
    true is harmless). `look`: when the clock must look next by what is known now; the due row stands there or earlier,
    and a store may keep it beside the row. `deliveries` and `documents` carry their own next version: 1 is new, n
    replaces n - 1.
    `more`: there is more to judge at once than one change may hold.
    """

    slug: str = ""
    expected: int = 0
    job: Job | None = None
    state: State | None = None
    uuid: str = ""
    remove: bool = False
    due: int | None = None
    look: int | None = None
    entries: tuple[Entry, ...] = ()
    alerts: tuple[Alert, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    documents: tuple[Document, ...] = ()
    more: bool = False
