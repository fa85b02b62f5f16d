"""One job under judgment: verdicts go in one by one, the status follows them, and one `Change` comes out.

on_signal.py (a signal came) and on_clock.py (time passed) decide the verdicts, `Judgment.rule` counts them, and
transition.py says what follows. What must be true:

- Verdicts count in the order in which things happened. A miss is dated when the grace ran out, a hang when the limit
  did, and neither date depends on when somebody looked.
- Nothing old undoes anything newer: a success mends only if no later slot (`bad_slot`) and no later fail (`failed_at`)
  is known to be bad.
- No incident opens for a time of which people know already that it is over.

But things arrive in another order: signals are delayed, and the clock looks when it can. Take an hourly job with
`grace: 10m` and `max_runtime: 30m`. Its runs have ids, c names its slot (`?for=` 10:00), nobody looks before 12:30:

    slots     08:00       09:00       10:00       11:00       12:00
              ├───────────┼───────────┼───────────┼───────────┼─────┊──→
    heard     a▸          b●                          c●      d●    ┊       ▸ start   ● success
    limits          ┤ 08:31 (a)         ┤ 10:10     ┤ 11:10         look

a meets 08:00 and owes an end by 08:31. b moves the *cursor* to 09:00: every slot up to the cursor is met or judged. c
moves it to 10:00, which is `late`: nobody had called it missed. d meets 12:00 while 11:00 is open, so it is a *span*
in `ahead`, and the cursor stays. The job has been `up` since b, as far as anybody knows. At 12:30 the clock takes what
is due, earliest first (what must wait after a gap of ours holds up all behind it: blind.py), and people read
"08:31 down, 09:02 up, 11:10 down, 12:02 up":

`mends`. That a hung is known only now, and b is behind the cursor already. So while a run is open, the first successes
after its limit are kept, with their slots: should the run prove to have hung, the first of them that is new enough has
mended it. Before the clock counts a miss or a hang, it counts what is known to have happened earlier (`_mend`): b
comes before 11:10.

`ahead`. d made the job `up` when it was heard, but whether it is a recovery depends on 11:00. Once that is judged, the
cursor passes over the span, and its first success since things went bad counts again: up at 12:02. Where the grace is
longer than the gap, an open incident ends with a success ahead though a slot before it is still open; and a slot whose
deadline passes after a later one has succeeded is recorded as missed and counts for nothing.

`outage`. Had somebody looked at 10:30 too, people would know of "10:10 down, 11:20 up" by 12:30. The miss of 11:10 is
then old news: it lies within the last outage, so it is recorded, and nobody is told.

`streak` and `mended_at`. Say `alert_after: 2`, and looks at 10:30 and 12:30. The first finds 10:00 missed, one in a
row. c makes it good and would end the streak; but 11:00 is open, and its deadline came before c. If it was missed, the
two were in a row. So the streak stays, and `mended_at` says when it ended if nothing of the kind turns up. The next bad
verdict settles it: dated before the success it makes the streak longer (11:10: two, down), dated after it begins a new
one. The same holds for a success that meets a slot ahead.

What is not pretty:

- A signal is judged when it is heard, by what is known then. So what c means depends on the looks before it: after none
  it makes 10:00 late; after one at 10:30 it is a recovery; after one at 11:15 a later slot than its own is known to be
  bad, and the job is down until 12:02. Each is true of what was known.
- `mended_at` waits for slots, not for runs. Where a miss and then a hang came before a success, and the hang is found
  after it, `alert_after: 2` counts one and one.
- A span at the cursor is passed over at once, even if a run hung before it. That hang comes out as old news, or is
  mended by what `mends` and `recent` hold.
- Memory is short: five successes in `mends`, five in `recent`, one outage. More would make every ping's row longer.
- The history lists what was found in the order of finding; its dates are those of what happened.
"""

from __future__ import annotations

from msgspec.structs import replace

from heartbeat.core import deadlines, slots
from heartbeat.core.alerts import incident_id
from heartbeat.core.decision import Decision
from heartbeat.core.transition import TRANSITIONS, Tell, Transition, keep_row
from heartbeat.model import BAD, GOOD, NEVER, Change, Incident, Reason, Ruled, Run, Span, Status, Verdict


class Judgment(Decision):
    """One look at a job: verdicts go in, one `Change` comes out."""

    hung_since: int | None = None
    """The limit of the run that this look found hung, or the deadline of a slot found missed after it."""

    def meet(self, slot: int, at: int, *, good: bool) -> None:
        """The slot is met at this instant: move the cursor, or keep a span if an earlier slot is still open."""
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
        """Another end of a slot already met: a success makes its span good; for `every`, it is a heartbeat."""
        spans = self.state.ahead
        newest = self.state.failed_at is None or at >= self.state.failed_at
        better = slots.bettered(spans, slot, at)
        if good and newest and better != spans:
            self.set(ahead=better)
        self.beat(at)

    def beat(self, at: int) -> None:
        """A heartbeat that meets no slot. `every` counts on from it all the same."""
        interval, grace, ahead = slots.schedule_of(self.job).interval_ms, self.job.grace, self.state.ahead
        last = slots.heartbeat_cursor(self.state)
        if interval is None or at <= last:
            return
        if at >= last + interval + grace:  # what was overdue by then is still to be judged
            self.set(ahead=(*ahead, Span(first=at - grace + 1, last=at, since=at, until=at, good=False)))
        elif ahead:
            self.set(ahead=(*ahead[:-1], replace(ahead[-1], last=at, until=at)))
        else:
            self.set(cursor=at)

    def _meet_ahead(self, span: Span) -> None:
        # If the cursor can now reach what was met ahead, it moves on. Those verdicts have been given already.
        self.set(ahead=slots.joined(self.job, self.state.ahead, span))
        while self.state.ahead and slots.next_slot(self.job, self.state.cursor) == self.state.ahead[0].first:
            span = self.state.ahead[0]
            self.set(cursor=max(self.state.cursor, span.last), ahead=self.state.ahead[1:])
            if span.good and self._is_newest(span.last, span.since):
                self.set(streak=0)

    def close(self, run: Run) -> None:
        """The run has ended, and with it the runs of its slot that have no id: the same job started over."""
        rest = (r for r in self.state.runs if r is not run and (r.id or r.slot is None or r.slot != run.slot))
        self.set(runs=tuple(rest))

    def rule(self, slot: int | None, at: int, verdict: Verdict, reason: Reason, *, again: bool = False) -> None:
        """Count a verdict, given for this instant, and let the status follow. again: the slot was bad already."""
        if verdict in BAD and self._is_old_news(at):
            return
        if verdict in BAD:
            self._bad(slot, at, verdict, reason, fresh=not again or not self.state.streak)
        elif verdict not in GOOD:
            self._row(verdict)
        elif self._is_newest(slot, at):
            self._good(slot, at, verdict)

    def _row(self, verdict: Verdict) -> Transition:
        """The row of the table for this verdict; the latest line of history keeps it."""
        row: Ruled = (self.state.status, verdict)
        if self.entries:
            self.entries[-1] = keep_row(self.entries[-1], row)
        elif TRANSITIONS[row].next is not row[0]:
            self._unkept = row
        return TRANSITIONS[row]

    def _is_old_news(self, at: int) -> bool:
        # It went bad while the job was down, and the job is known to have recovered since.
        since, until = self.state.outage or (at, at - 1)
        return since <= at <= until

    def _is_newest(self, slot: int | None, at: int) -> bool:
        # A success mends what is bad only if neither a later slot nor a later fail is bad.
        state = self.state
        if state.failed_at is not None and at < state.failed_at:
            return False
        return state.bad_slot is None or (at if slot is None else slot) >= state.bad_slot

    def _bad(self, slot: int | None, at: int, verdict: Verdict, reason: Reason, *, fresh: bool) -> None:
        state = self.state
        worst = slot if state.bad_slot is None else max(state.bad_slot, slot or 0)
        # A streak that was kept for a slot still open has ended if a success came before this.
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
        if self.state.bad_slot is not None:  # everything bad up to here is mended
            self.set(bad_slot=None)
        if row.next is not self.state.status:
            self._become(row.next, at)
        if row.tell is Tell.RECOVERED:
            self._recover(at)

    def _may_go_on(self, slot: int, at: int) -> bool:
        # A slot still open may prove bad before this success, and so be in a row with what was bad before it: when the
        # success met a later slot, or met an earlier one after the open slot's deadline.
        if any(s.first <= slot <= max(s.first, s.last) for s in self.state.ahead):
            return (self.state.bad_slot or 0) <= self.state.cursor
        after = slots.next_slot(self.job, self.state.cursor)
        return after is not None and slot < after and slots.due(self.job, self.state, after) <= at

    def _mark_runs(self, slot: int | None, *, bad: bool) -> None:
        # A slot counts once, however many of its runs end badly.
        if slot is not None and any(run.slot == slot and run.after_bad != bad for run in self.state.runs):
            runs = self.state.runs
            self.set(runs=tuple(replace(run, after_bad=bad) if run.slot == slot else run for run in runs))

    def _become(self, status: Status, at: int) -> None:
        if status is not self.state.status:
            self.set(status=status, since=at)

    def _open(self, slot: int | None, at: int, verdict: Verdict, reason: Reason) -> None:
        known = self.state.incident
        if known is not None:  # it ended within a silence and nobody was told: the same incident goes on
            self.set(incident=replace(known, ended_at=None, bad=known.bad + 1))
            return
        name = incident_id(self.job.slug, self.state.life, self.version, len(self.entries))
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

    def next_look(self) -> int:
        """The instant at which the clock must look at this job again, if nothing is heard before."""
        state = self.state
        looks = [start.until for start in state.starts if start.until] if state.starts else []
        if self.job.enabled:
            judged = deadlines.next_judged(self.job, state, self.blinds)
            telling = None if state.incident is None else self.next_telling(state.incident)
            looks += [look for look in (judged, state.paused_until, telling) if look is not None]
        return min(looks, default=NEVER)

    def change(self, *, more: bool = False) -> Change:
        """What has been decided, for good. The due row moves only to an earlier instant, or when its time has come."""
        if self._unkept is not None:
            self.note(None, self.state.since, None, None)
            self.remark("what was known of a later run counts now")
        moved = self.entries or self.state is not self.snapshot.state
        if self.state.version != self.version:
            self.set(version=self.version)
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
