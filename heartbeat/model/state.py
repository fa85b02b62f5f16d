"""What happens to a job: signals, runs, incidents, its state and its history."""

from __future__ import annotations

from heartbeat.model.job import Job
from heartbeat.model.noun import FORMAT, Noun
from heartbeat.model.words import Kind, Phase, Reason, Status, Verdict


class Signal(Noun, frozen=True, kw_only=True):
    """Something that a job told us.

    at: when it happened; received: when we heard of it (never before `at`); id: the same for a duplicate signal,
    "" when the sender gave none; run_id "" when the sender gave none; named: the slot as the sender wrote it
    ("2026-11-22", "2026-11-22T09:00"), read in the job's zone; duration in milliseconds as reported by the job;
    log_url: where a person finds the run's log, "" when we know of none. Only our own readers write it.
    skew: milliseconds by which the sender's clock is slow (`at` is corrected by it), 0: not worth a word, None: it did
    not say.
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
    log_url: str = ""
    skew: int | None = None


class Run(Noun, frozen=True, kw_only=True):
    """A run that started and has not finished.

    owns: its start met its slot, so its end decides the slot's verdict; expired: its deadline has passed; after_bad:
    its slot is bad already, so a bad end does not count again.
    """

    id: str
    slot: int | None
    started_at: int
    owns: bool = False
    expired: bool = False
    after_bad: bool = False


class Start(Noun, frozen=True, kw_only=True):
    """A run that we start.

    slot: None for one started by hand for no slot; until: if claimed, until when its holder may be calling; if again or
    queued, not to be called before; at: when it was claimed first; attempts: calls of the target, the one under way
    included; by: who asked for it ("" for the schedule); input: what is handed over besides the settings (JSON);
    began, called: when its target was called first (after waiting for other runs) and last; 0: it still waits, or was
    made before these were written down.
    """

    run_id: str
    slot: int | None
    phase: Phase
    at: int
    until: int = 0
    attempts: int = 0
    by: str = ""
    input: str = ""
    answer: str = ""
    began: int = 0
    called: int = 0


class Span(Noun, frozen=True, kw_only=True):
    """Slots that were met ahead of the cursor, while an earlier slot is still open: first to last, without a gap.

    since: when one of them was met first; until: when the last one was; good: by a success, not a start or a fail.
    """

    first: int
    last: int
    since: int
    until: int
    good: bool


class Incident(Noun, frozen=True, kw_only=True):
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


class State(Noun, frozen=True, kw_only=True, tag=FORMAT):
    """Where a job stands. Never in the file; applying a file never changes it.

    The head of core/judgment.py tells how cursor, ahead, streak, outage, mends and mended_at play together.
    """

    version: int
    """Rises by one with each change of the job, through all its lives."""
    born: int
    """The instant after which its slots exist."""
    cursor: int
    """Every slot up to this instant is met or judged. For `every`, also the heartbeat from which slots are counted."""
    status: Status = Status.WAITING
    since: int = 0
    """The instant at which the status began."""
    ahead: tuple[Span, ...] = ()
    """Slots met while an earlier one is still open, in order."""
    runs: tuple[Run, ...] = ()
    """The runs that have started and not finished, in the order in which we heard of them."""
    streak: int = 0
    """Bad slots in a row; people are told when there are `alert_after`."""
    bad_slot: int | None = None
    """The latest slot known to be bad that no success has mended; None: there is none."""
    failed_at: int | None = None
    """The instant of the latest fail that counts."""
    finished_at: int | None = None
    """The instant of the latest success or fail."""
    last_signal: int | None = None
    """The instant of the latest word of the job itself."""
    signals: int = 0
    """How many signals have come from the job itself."""
    recent: tuple[int, ...] = ()
    """The instants of the latest few successes, oldest first."""
    seen: tuple[str, ...] = ()
    """Marks of the ids of the latest signals and finished runs, by which a duplicate is known."""
    incident: Incident | None = None
    """The incident that is open, or whose recovery is still to be told."""
    paused_until: int | None = None
    """The instant at which the pause ends; None: not paused, or until somebody resumes it."""
    pause_reason: str = ""
    outage: tuple[int, int] | None = None
    """From when to when the job was down last; what is found late to have gone bad within it is old news."""
    mends: tuple[tuple[int, int], ...] = ()
    """The first successes after the limit of a run still open, as (instant, slot)."""
    mended_at: int | None = None
    """The instant of the success that ends the streak, unless a slot still open went bad before it."""
    starts: tuple[Start, ...] = ()
    """The latest runs that we started; the one that has moved last stands last."""
    claimed_slot: int | None = None
    """The latest slot that the schedule started."""
    life: int = 0
    """Which life of the job this is, named by about the instant at which it began; 0: older than such names."""
    removed_at: int | None = None
    """The instant of its removal; None: the job is there."""
    deaf_before: int = 0
    """Silences of just this job that began before this instant were meant for another life."""
    skew: int = 0
    """Milliseconds by which the clock of its latest sender is slow, as far as that one said."""

    @property
    def last_success(self) -> int | None:
        """When the latest success happened."""
        return self.recent[-1] if self.recent else None


class Snapshot(Noun, frozen=True, kw_only=True):
    """One consistent read of a job: its definition, its state, its uuid and the instant its due row stands at."""

    job: Job
    state: State
    due: int
    uuid: str


Ruled = tuple[Status, Verdict]
"""Names one row of the table of transitions: the status before, and the verdict that was given."""


class Entry(Noun, frozen=True, kw_only=True, tag=FORMAT):
    """One line of a job's history: a signal, the clock's finding, or what a person did.

    n: the state's version that it came with; verdict: the slot's verdict after it (None: it has none yet); row: the row
    of the table of transitions that it brought about, the status alone when the verdict is the entry's own (every ping
    writes it); None: none, or the line is older than this field.
    """

    slug: str
    n: int
    slot: int | None
    at: int
    verdict: Verdict | None = None
    reason: Reason | None = None
    remark: str = ""
    signal: Signal | None = None
    row: Ruled | Status | None = None
