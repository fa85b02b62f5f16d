"""One job under judgment: takes verdicts one by one, in the order things happened, and becomes one `Change`.

judge.py (a signal came) and overdue.py (time passed) decide the verdicts; the status follows here, by transition.py.
"""

from __future__ import annotations

from msgspec.structs import replace

from heartbeat import limits, slots
from heartbeat.alerts import doubted, incident_id, job_alert
from heartbeat.model import (
    BAD,
    GOOD,
    NEVER,
    Alert,
    Change,
    Entry,
    Event,
    Incident,
    Reason,
    Ruled,
    Run,
    Signal,
    Snapshot,
    Span,
    State,
    Status,
    Verdict,
)
from heartbeat.transition import TRANSITIONS, Row, Tell, keep_row


class Case:
    """Collects what one look at a job decides.

    now: when we look; quiet: until when people are not told (a silence), or None; blinds: when nobody listened.
    """

    def __init__(self, snapshot: Snapshot, now: int, quiet: int | None, blinds: limits.Blinds = ()) -> None:
        self.snapshot, self.job, self.now, self.quiet, self.blinds = snapshot, snapshot.job, now, quiet, blinds
        self.state: State = snapshot.state
        self.entries: list[Entry] = []
        self.alerts: list[Alert] = []
        self.hung_since: int | None = None  # the limit of the run that was found hung last
        self.doubt = ""  # why what is told next may not be so
        self._n = self.state.version + 1
        self._unkept: Ruled | None = None  # a row of the table that no line of history carries yet

    def set(self, **fields: object) -> None:
        """Decide these fields of the state."""
        self.state = replace(self.state, **fields)

    def note(
        self, slot: int | None, at: int, verdict: Verdict | None, reason: Reason | None, signal: Signal | None = None
    ) -> None:
        """Write one line of history."""
        entry = Entry(slug=self.job.slug, n=self._n, slot=slot, at=at, verdict=verdict, reason=reason, signal=signal)
        self.entries.append(entry if self._unkept is None else keep_row(entry, self._unkept))
        self._unkept = None

    def remark(self, text: str) -> None:
        """Say more about the line just written."""
        self.entries[-1] = replace(self.entries[-1], remark=text)

    def meet(self, slot: int, at: int, *, good: bool) -> None:
        """The slot is met at this instant: move the cursor, or remember it ahead of earlier slots still open."""
        every = slots.schedule_of(self.job).interval_ms is not None
        if every and any(span.first > slot for span in self.state.ahead):
            self._meet_ahead(Span(first=slot, last=slot, since=at, until=slot, good=good))
            self.beat(at)
            return
        before = slots.heartbeat_cursor(self.state) if every else self.state.cursor
        last = max(at, before) if every else slot
        if not self.state.ahead and slots.next_slot(self.job, self.state.cursor) == slot:
            self.set(cursor=last)
            return
        self._meet_ahead(Span(first=slot, last=last, since=at, until=at, good=good))

    def meet_again(self, slot: int, at: int, *, good: bool) -> None:
        """A slot that was met already has ended: by a success, it is good ahead too; for `every`, it is a heartbeat."""
        spans = self.state.ahead
        newest = self.state.failed_at is None or at >= self.state.failed_at
        better = slots.bettered(spans, slot, at)
        if good and newest and better != spans:
            self.set(ahead=better)
        self.beat(at)

    def beat(self, at: int) -> None:
        """A heartbeat that meets no slot: `every` counts on from it, all the same."""
        interval, grace, ahead = slots.schedule_of(self.job).interval_ms, self.job.grace, self.state.ahead
        last = slots.heartbeat_cursor(self.state)
        if interval is None or at <= last:
            return
        if at >= last + interval + grace:  # what was overdue by then stays to be judged
            self.set(ahead=(*ahead, Span(first=at - grace + 1, last=at, since=at, until=at, good=False)))
        elif ahead:
            self.set(ahead=(*ahead[:-1], replace(ahead[-1], last=at, until=at)))
        else:
            self.set(cursor=at)

    def _meet_ahead(self, span: Span) -> None:
        # A slot just met at the cursor joins what was met ahead of it. Those verdicts are given already.
        self.set(ahead=slots.joined(self.job, self.state.ahead, span))
        while self.state.ahead and slots.next_slot(self.job, self.state.cursor) == self.state.ahead[0].first:
            span = self.state.ahead[0]
            self.set(cursor=max(self.state.cursor, span.last), ahead=self.state.ahead[1:])
            if span.good and self._is_newest(span.last, span.since):
                self.set(streak=0)

    def close(self, run: Run) -> None:
        """The run has ended; with it, runs of its slot that have no id (the same job started over)."""
        rest = (r for r in self.state.runs if r is not run and (r.id or r.slot is None or r.slot != run.slot))
        self.set(runs=tuple(rest))

    def rule(self, slot: int | None, at: int, verdict: Verdict, reason: Reason, *, again: bool = False) -> None:
        """A verdict that counts has been given at this instant: let the status follow. again: the slot was bad."""
        if verdict in BAD and self._is_old_news(at):
            return
        if verdict in BAD:
            self._bad(slot, at, verdict, reason, fresh=not again or not self.state.streak)
        elif verdict not in GOOD:
            self._row(verdict)
        elif self._is_newest(slot, at):
            self._good(slot, at, verdict)

    def _row(self, verdict: Verdict) -> Row:
        """The row of the table for this verdict, which the latest line of history keeps."""
        row: Ruled = (self.state.status, verdict)
        if self.entries:
            self.entries[-1] = keep_row(self.entries[-1], row)
        elif TRANSITIONS[row].next is not row[0]:
            self._unkept = row
        return TRANSITIONS[row]

    def _is_old_news(self, at: int) -> bool:
        # Found late: it went bad while the job was down anyway, and that it has recovered since is known.
        since, until = self.state.outage or (at, at - 1)
        return since <= at <= until

    def _is_newest(self, slot: int | None, at: int) -> bool:
        # A success undoes what is bad only if nothing newer is: neither a later slot nor a later fail.
        state = self.state
        if state.failed_at is not None and at < state.failed_at:
            return False
        return state.bad_slot is None or (at if slot is None else slot) >= state.bad_slot

    def _bad(self, slot: int | None, at: int, verdict: Verdict, reason: Reason, *, fresh: bool) -> None:
        state = self.state
        worst = slot if state.bad_slot is None else max(state.bad_slot, slot or 0)
        # A streak kept for the sake of a slot still open ends with a success before this.
        successes = [span.since for span in state.ahead if span.good]
        if state.mended_at is not None:
            successes.append(state.mended_at)
        streak = 0 if any((state.failed_at or 0) < success <= at for success in successes) else state.streak
        self.set(bad_slot=worst, streak=streak + fresh, mended_at=None)
        self._mark_runs(slot, bad=True)
        if state.status not in {Status.DOWN, Status.PAUSED} and self.state.streak < self.job.alert_after:
            return
        row = self._row(verdict)
        self._become(row.next, at)
        if row.tell is Tell.OPENED:
            self._open(slot, at, verdict, reason)
        elif state.incident is not None:
            self.set(incident=replace(state.incident, bad=state.incident.bad + fresh))

    def _good(self, slot: int | None, at: int, verdict: Verdict) -> None:
        row = self._row(verdict)
        self._mark_runs(slot, bad=False)
        if self.state.streak:
            kept = row.tell is not Tell.RECOVERED and slot is not None and self._may_go_on(slot, at)
            self.set(streak=self.state.streak if kept else 0, mended_at=at if kept else None)
        if self.state.bad_slot is not None:  # what was bad up to here is mended
            self.set(bad_slot=None)
        if row.next is not self.state.status:
            self._become(row.next, at)
        if row.tell is Tell.RECOVERED:
            self._recover(at)

    def _may_go_on(self, slot: int, at: int) -> bool:
        # What was bad before a slot that is still open may yet be in a row with it: when this success met a later slot,
        # or an earlier one after the open one's deadline.
        if any(s.first <= slot <= max(s.first, s.last) for s in self.state.ahead):
            return (self.state.bad_slot or 0) <= self.state.cursor
        after = slots.next_slot(self.job, self.state.cursor)
        return after is not None and slot < after and slots.due(self.job, self.state, after) <= at

    def _mark_runs(self, slot: int | None, *, bad: bool) -> None:
        # A slot counts once, though several of its runs may end badly.
        if slot is not None and any(run.slot == slot and run.after_bad != bad for run in self.state.runs):
            runs = self.state.runs
            self.set(runs=tuple(replace(run, after_bad=bad) if run.slot == slot else run for run in runs))

    def _become(self, status: Status, at: int) -> None:
        if status is not self.state.status:
            self.set(status=status, since=at)

    def _open(self, slot: int | None, at: int, verdict: Verdict, reason: Reason) -> None:
        known = self.state.incident
        if known is not None:  # it had ended within a silence and was never told so: the same incident goes on
            self.set(incident=replace(known, ended_at=None, bad=known.bad + 1))
            return
        name = incident_id(self.job.slug, self.state.life, self._n, len(self.entries))
        bad = self.state.streak
        incident = Incident(id=name, opened_at=at, verdict=verdict, reason=reason, slot=slot, bad=bad)
        self.set(incident=incident)
        if self.quiet is None:
            self.tell_opened()

    def _recover(self, at: int) -> None:
        incident = self.state.incident
        if incident is not None:
            self.set(outage=(incident.opened_at, at))
        if incident is None or incident.told_at is None:
            self.set(incident=None)
        elif self.quiet is not None:
            self.set(incident=replace(incident, ended_at=at))
        else:
            self.tell_recovered(at)

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

    def next_look(self) -> int:
        """The instant at which the clock must look at this job again, if nothing is heard before."""
        state = self.state
        looks = [start.until for start in state.starts if start.until] if state.starts else []
        if self.job.enabled:
            judged = limits.next_judged(self.job, state, self.blinds)
            telling = None if state.incident is None else self._next_telling(state.incident)
            looks += [look for look in (judged, state.paused_until, telling) if look is not None]
        return min(looks, default=NEVER)

    def _next_telling(self, incident: Incident) -> int | None:
        owed = incident.told_at is None or incident.ended_at is not None
        if owed:
            return min(self.now, self.snapshot.due) if self.quiet is None else self.quiet
        if self.job.remind_every is None or incident.acked_at is not None or incident.told_at is None:
            return None
        return max((incident.reminded_at or incident.told_at) + self.job.remind_every, self.quiet or 0)

    def change(self, *, more: bool = False) -> Change:
        """What has been decided; nothing more can be. The due row moves only to come earlier, or when it has come."""
        if self._unkept is not None:
            self.note(None, self.state.since, None, None)
            self.remark("what was known of a later run counts now")
        moved = self.entries or self.state is not self.snapshot.state
        self.set(version=self._n)
        look, due = self.next_look(), self.snapshot.due
        return Change(
            slug=self.job.slug,
            expected=self.snapshot.state.version,
            state=self.state if moved else None,
            due=self.now if more else look if look < due or due <= self.now else None,
            look=self.now if more else look,
            entries=tuple(self.entries),
            alerts=tuple(self.alerts),
            more=more,
        )
