"""What is decided and told: alerts, deliveries, and the change that a store commits."""

from __future__ import annotations

from heartbeat.model.job import Job
from heartbeat.model.noun import FORMAT, Noun
from heartbeat.model.state import Entry, State
from heartbeat.model.words import Event, Outcome, Phase, Reason, Verdict


class Alert(Noun, frozen=True, kw_only=True):
    """The facts of one message, complete in themselves: a channel needs nothing else to word it."""

    id: str
    """Names the fact told, not the attempt: the idempotency key is made of it."""
    event: Event
    at: int
    """The instant at which it became true."""
    incident: str = ""
    """The id of the incident, by which a channel keeps one thread."""
    slug: str = ""
    """The job; empty when the alert is about the service itself."""
    description: str = ""
    environment: str = ""
    owner: str = ""
    runbook: str = ""
    tags: tuple[str, ...] = ()
    timezone: str = "UTC"
    """The IANA zone in which its instants are written."""
    schedule: str = ""
    """The schedule in words."""
    verdict: Verdict | None = None
    """What opened the incident, and why."""
    reason: Reason | None = None
    expected: int | None = None
    """The slot that opened the incident; None: a run that belongs to none."""
    deadline: int | None = None
    """The instant at which the grace or the runtime ran out; None: it failed before."""
    opened_at: int | None = None
    """The instant at which the incident began."""
    last_success: int | None = None
    """The instant of the latest success."""
    last_signal: int | None = None
    """The instant of the latest word of the job."""
    next_slot: int | None = None
    """The slot expected next."""
    bad: int = 0
    """Bad slots of the incident so far."""
    reminders: int = 0
    """Reminders told so far, this one included."""
    exit_status: int | None = None
    """What the run exited with, where it said so."""
    run_id: str = ""
    """The run that went bad, where it is known."""
    output: str = ""
    """The body of the job's signal."""
    hint: str = ""
    """What may be wrong instead, such as the time zone."""
    text: str = ""
    """The message itself, where no facts make it: for an alert about the service."""
    jobs: tuple[str, ...] = ()
    """The slugs concerned, for an alert about many."""
    silent_all: bool = False
    """Every job that was due in that sweep was silent: the cause may be the network or us."""
    triggered_at: int | None = None
    """The instant at which its trigger was claimed first; None: we did not start it."""
    attempts: int = 0
    """How often its target was called."""
    answer: str = ""
    """What the target answered."""
    log_url: str = ""
    """Where a person finds the run's log."""
    phase: Phase | None = None
    """How far the start came."""


class Delivery(Noun, frozen=True, kw_only=True, tag=FORMAT):
    """One alert to one channel, with its attempts.

    next_at: when to try (again); while somebody sends it, until when they hold it; NEVER once it is finished.
    group: the idempotency key of the message that told this alert together with others, "" when told alone.
    receipt: what the channel answered and needs again to thread or update (JSON), "" until sent.
    unsure: tries that may or may not have arrived: as long as there is one, the message goes out again only as it was,
    under its key (None: an older version wrote this, and each try counts); holder: who sends it now, "" when it waits;
    under: the definitions of its channel under which it was tried or put off.
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
    """From start to end (exclusive), people are not told about jobs that match. Slots are judged and recorded as ever.

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

    name: stays the same as long as it lasts ("sweep/stuck"); text: what is wrong, and what would help; since, last:
    when it was noticed first and last; count: how often it has been written down; told: whether people know; fades: it
    is over when not noticed again for this long (milliseconds), 0: when somebody says so.
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
    """How far the clock has looked: at everything due before `at`. key: the store's place among what is due then."""

    at: int
    key: str = ""


class Due(Noun, frozen=True, kw_only=True):
    """Jobs that must be looked at, earliest first. reached: the mark once they are settled; more: come back at once."""

    slugs: tuple[str, ...]
    reached: Mark
    more: bool = False


class Change(Noun, frozen=True, kw_only=True):
    """One decision, to be committed whole or not at all."""

    slug: str = ""
    """The job; empty for a change of deliveries and documents alone."""
    expected: int = 0
    """The version of the job's state that the decision was made from; 0: there was no such job."""
    job: Job | None = None
    """Its new definition; None: as it is."""
    state: State | None = None
    """Its next state, of version expected + 1; None: as it is."""
    uuid: str = ""
    """Of a new job: the uuid of its ping URL."""
    remove: bool = False
    """Take the job away, and leave definition and state behind."""
    due: int | None = None
    """The instant at which the due row shall stand; None: where it is. A row that is no longer true is harmless."""
    look: int | None = None
    """When the clock must look next, by what is known now. The due row stands there or earlier, and a store may keep
    this beside the row."""
    entries: tuple[Entry, ...] = ()
    """New lines of history, in the order of finding."""
    alerts: tuple[Alert, ...] = ()
    """What is to be told. core/addressing.py makes deliveries of them; stores ignore them."""
    deliveries: tuple[Delivery, ...] = ()
    """Each carries its own next version: 1 is new, n replaces n - 1. So do documents."""
    documents: tuple[Document, ...] = ()
    more: bool = False
    """There is more to judge at once than one change may hold."""
