"""What one look at a job decides: fields of the state, lines of history, and what people are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.core.alerts import doubted, job_alert
from heartbeat.core.transition import keep_row
from heartbeat.model import NEVER, Alert, Entry, Event, Incident, Reason, Ruled, Signal, Snapshot, State, Verdict

if TYPE_CHECKING:
    from typing import Unpack

    from heartbeat.core.deadlines import Blinds
    from heartbeat.model.state_fields import StateFields


class Decision:
    """Collects what one look at a job decides.

    now: when we look; quiet: until when people are not told (a silence), or None; blinds: when nobody listened;
    version: what the job's state will have.
    """

    def __init__(self, snapshot: Snapshot, now: int, quiet: int | None, blinds: Blinds = ()) -> None:
        self.snapshot, self.job, self.now, self.quiet, self.blinds = snapshot, snapshot.job, now, quiet, blinds
        self.state: State = snapshot.state
        self.entries: list[Entry] = []
        self.alerts: list[Alert] = []
        self.doubt = ""  # why what is told next may not be so
        self.version = self.state.version + 1
        self._unkept: Ruled | None = None  # a row of the table that no line of history carries yet

    def set(self, **fields: Unpack[StateFields]) -> None:
        """Decide these fields of the state."""
        self.state = replace(self.state, **fields)

    def note(
        self, slot: int | None, at: int, verdict: Verdict | None, reason: Reason | None, signal: Signal | None = None
    ) -> None:
        """Write one line of history."""
        slug, n = self.job.slug, self.version
        entry = Entry(slug=slug, n=n, slot=slot, at=at, verdict=verdict, reason=reason, signal=signal)
        self.entries.append(entry if self._unkept is None else keep_row(entry, self._unkept))
        self._unkept = None

    def remark(self, text: str) -> None:
        """Say more about the line just written."""
        self.entries[-1] = replace(self.entries[-1], remark=text)

    def tell_opened(self) -> None:
        """Tell that the open incident began."""
        incident = self.state.incident
        if incident is not None:
            self._tell(Event.OPENED, incident.opened_at, replace(incident, told_at=self.now))

    def tell_reminder(self) -> None:
        """Tell that the open incident still lasts."""
        known = self.state.incident
        if known is not None:
            self._tell(Event.REMINDER, self.now, replace(known, reminded_at=self.now, reminders=known.reminders + 1))

    def tell_recovered(self, at: int) -> None:
        """Tell that the open incident ended at this instant, and forget it."""
        if self.state.incident is not None:
            self._tell(Event.RECOVERED, at, self.state.incident)
            self.set(incident=None)

    def tell_closed(self) -> None:
        """Tell that nobody waits for the open incident's end any more: the job is removed."""
        if self.state.incident is not None:
            self._tell(Event.CLOSED, self.now, self.state.incident)

    def _tell(self, event: Event, at: int, incident: Incident) -> None:
        self.set(incident=incident)
        alert = job_alert(self.job, self.state, incident, event, at, self._latest_signal())
        self.alerts.append(doubted(alert, self.doubt))

    def _latest_signal(self) -> Signal | None:
        return next((entry.signal for entry in reversed(self.entries) if entry.signal is not None), None)

    def tell_owed(self) -> None:
        """Tell what a silence has held back, or the reminder whose time has come."""
        incident = self.state.incident
        if incident is None or self.quiet is not None:
            return
        if incident.ended_at is not None:
            self.tell_recovered(incident.ended_at)
        elif incident.told_at is None:
            self.tell_opened()
        elif (self._next_reminder(incident) or NEVER) <= self.now:
            self.tell_reminder()

    def next_telling(self, incident: Incident) -> int | None:
        """When there is more to tell of this incident, if nothing is heard; None: never."""
        if incident.told_at is None or incident.ended_at is not None:
            return min(self.now, self.snapshot.due) if self.quiet is None else self.quiet
        reminder = self._next_reminder(incident)
        return None if reminder is None else max(reminder, self.quiet or 0)

    def _next_reminder(self, incident: Incident) -> int | None:
        every = self.job.remind_every
        if every is None or incident.acked_at is not None or incident.told_at is None:
            return None
        return (incident.reminded_at or incident.told_at) + every
