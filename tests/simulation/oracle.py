"""The oracle: from what really happened (the diary) to what people must have been told, and when.

Written from the rules in the design, slot by slot, as slowly as they read. It shares no line with heartbeat's core.
"""

from __future__ import annotations

from functools import partial
from math import inf

from heartbeat.model import Kind
from simulation.absence import counts_from
from simulation.slotting import Book, Run
from simulation.telling import Incident, Situation, Told
from simulation.wallclock import named

BAD = ("missed", "failed", "timed_out")
GOOD = ("on_time", "late")


class JobOracle:
    """Follows one job. `slots` is a Calendar or an Interval."""

    def __init__(self, job, slots, born):
        self.job, self.slots, self.born, self.begun = job, slots, born, born
        self.runs: list[Run] = []
        self.finished: set[str] = set()
        self.bads: dict[object, int] = {}  # since when each slot is bad (and fails without a slot)
        self.well: list[Book] = []  # slots with a success
        self.goods: list[int] = []  # when successes happened that mended everything known at that time
        self.last_finish = self.last_fail = self.worst = -inf
        self.incident: Incident | None = None
        self.past: list[tuple[int, int]] = []  # when the job was down before
        self.owed: list[Incident] = []  # incidents that ended in a silence, their recovery yet to be told
        self.paused = False
        self.floor = born
        self.told: list[Told] = []
        self.around: Situation | None = None

    # A signal

    def heard(self, signal, around):
        self.around = around
        if signal.kind is Kind.LOG:
            return
        run = self.run_of(signal)
        book = self.book_of(signal, run)
        {Kind.START: self.start, Kind.SUCCESS: self.success, Kind.FAIL: self.fail}[signal.kind](signal, book, run)

    def run_of(self, signal):
        """The run that a finish belongs to."""
        if signal.kind is Kind.START or signal.named:
            return None
        if signal.run_id:
            return next((run for run in self.runs if run.id == signal.run_id), None)
        going = [run for run in self.runs if not run.over and not run.expired and run.at <= signal.at]
        nameless = [run for run in going if not run.id]
        if nameless:
            return max(nameless, key=lambda run: run.at)
        return going[0] if len(going) == 1 else None

    def book_of(self, signal, run):
        called = named(signal.named, self.job.timezone) if signal.named else None
        if called in self.slots.known:  # else it names no slot, which is as if it named none
            return self.slots.books.get(called)
        if run is not None:
            return None if run.slot is None else self.book_at(run.slot)
        return self.slots.by_time(signal.at)

    def book_at(self, slot):
        """This slot, be it one of the times before an edit."""
        return self.slots.books.get(slot) or self.slots.older[slot]

    def start(self, signal, book, _run):
        if self.is_over(signal, book):
            return
        slot = None if book is None else book.slot
        self.slots.expect(book)
        run = Run(id=signal.run_id, slot=slot, at=signal.at, limit=self.limit_of(signal.at, slot))
        run.expired = book is None and signal.at <= self.begun
        self.runs.append(run)
        if book is not None and book.verdict is None and book.owner is None and signal.at < book.deadline:
            book.owner = run
        self.slots.beat(signal.at, book)

    def is_over(self, signal, book):
        """The run is known, or its end was heard before its start."""
        if signal.run_id:
            return signal.run_id in self.finished or any(run.id == signal.run_id for run in self.runs)
        expected = book is not None and book.verdict is None and book.owner is None
        return not expected and signal.at <= self.last_finish

    def end(self, signal, run):
        self.finished.add(signal.run_id)
        for other in self.runs:  # a run without an id that was started over ends with the one that finished
            same = run is not None and not other.id and other.slot is not None and other.slot == run.slot
            other.over = other.over or other is run or same

    def success(self, signal, book, run):
        self.end(signal, run)
        self.slots.expect(book)
        self.last_finish = max(self.last_finish, signal.at)
        if book is None:
            self.good(None, signal.at)
        elif any(at > signal.at for at in book.fails):  # a later fail is known
            book.lenient = True
        elif book.verdict in GOOD:  # the slot has its verdict; but the job is well again
            book.good.append(signal.at)
            book.lenient = book.lenient or run is book.owner is not None  # its own verdict may be kept as well
            if self.incident is not None:
                self.good(book.slot, signal.at)
        else:
            book.verdict = self.good_verdict(signal.at, book, run)
            self.well.append(book)
            book.good.append(signal.at)
            self.good(book.slot, signal.at)
        self.slots.beat(signal.at, book)

    def good_verdict(self, t, book, run):
        if book.verdict in {"missed", "timed_out", "unknown"}:
            return "late"
        limit = run.limit if run is not None and run is book.owner else book.deadline
        return "on_time" if limit is None or t < limit else "late"

    def fail(self, signal, book, run):
        self.end(signal, run)
        self.slots.expect(book)
        if signal.at >= self.last_finish:
            self.last_finish = self.last_fail = signal.at
            if book is None:
                self.bad(("no slot", signal.at), signal.at)
            else:
                book.fails.append(signal.at)
                book.verdict = "failed"
                self.bad(book.slot, signal.at)
        elif book is not None and book.verdict not in GOOD:  # newer is known: it counts for nothing
            book.verdict, book.lenient = book.verdict or "failed", True
        self.slots.beat(signal.at, book)

    # The clock

    def swept(self, around, sure=True):
        self.around = around
        if not self.job.enabled or (around.now < self.born and not sure):  # it lags behind, and need not have looked
            return
        if self.paused:
            for book in self.slots.overdue(around.now):
                self.slots.expect(book)
                book.verdict, book.lenient = "excused", True
            for run in self.runs:
                run.expired = run.expired or (run.limit is not None and run.limit <= around.now)
        else:
            for date, slot, since, finding in sorted(self.findings(), key=lambda found: found[:2]):
                counts = self.counts_from(since, date)
                if counts is not None and counts > around.now:
                    break  # what came after it waits with it
                self.recover_before(date)
                finding(date, slot, unknown=counts is None)
            self.recover_before(inf)
        self.tell_what_waits()

    def findings(self):
        """What the clock finds now: (since when, slot, what to do about it)."""
        now = self.around.now
        for book in self.slots.overdue(now):
            if book.slot > self.floor and book.owner is None:
                yield book.deadline, book.slot, book.slot, partial(self.miss, book)
        for run in self.runs:
            if not run.over and not run.expired and run.limit is not None and run.limit <= now:
                yield run.limit, run.at if run.slot is None else run.slot, run.at, partial(self.time_out, run)

    def miss(self, book, date, slot, *, unknown):
        self.slots.close(book)
        if unknown:
            book.verdict = "unknown"
            return
        book.verdict = "missed"
        later = (min(b.good) for b in self.well if b.slot > slot)
        if not any(at < date for at in later):
            self.bad(slot, date)

    def time_out(self, run, date, slot, *, unknown):
        run.expired = True
        book = None if run.slot is None else self.book_at(run.slot)
        verdict = "unknown" if unknown else "timed_out"
        if book is not None:
            book.verdict = verdict
        if verdict == "timed_out":
            self.bad(slot if book else ("no slot", run.at), date)

    def counts_from(self, start, end):
        """From when on it counts that nothing was heard; None: nobody can say."""
        rhythm = self.slots.rhythm(start) if self.around.blinds else None
        return counts_from(start, end, self.job.grace, rhythm, self.around.blinds)

    # Incidents

    def row(self, date):
        """How many slots went bad around this date without a success between them."""
        since, until = self.stretch(date)
        return sum(since <= at < until for at in self.bads.values())

    def stretch(self, date):
        """From the last success before this date to the first after it."""
        since = max((at for at in self.goods if at <= date), default=-inf)
        return since, min((at for at in self.goods if at > date), default=inf)

    def was_told_around(self, date):
        """These bad slots had their incident, which began with a later one of them."""
        since, until = self.stretch(date)
        return self.job.alert_after > 1 and any(max(since, date) <= opened_at < until for opened_at, _ in self.past)

    def bad(self, key, date):
        mended = max((at for at in self.goods if at <= date), default=-inf)
        again = self.bads.get(key, -inf) < mended and not self.row(date)  # it begins a row, but makes none longer
        if key not in self.bads or again:
            self.bads[key] = date
        if any(since <= date <= until for since, until in self.past[-1:]):
            return  # it was down then, which is told and over
        if not isinstance(key, tuple):
            self.worst = max(self.worst, key)
        if self.paused or self.incident is not None:
            return
        if self.row(date) >= self.job.alert_after and not self.was_told_around(date):
            self.open(date)

    def open(self, date):
        if self.owed:  # it ended within a silence and goes on before anybody was told of the end
            self.incident = self.owed.pop()
            self.incident.bad_at = date
            return
        self.incident = Incident(opened_at=date, bad_at=date)
        if not self.around.quiet:
            self.tell_opened()

    def good(self, key, at):
        """A success, and nothing newer is known."""
        if at >= self.last_fail and (at if key is None else key) >= self.worst:
            self.goods.append(at)
            self.bads = {k: date for k, date in self.bads.items() if date < at}
            self.worst = -inf
            self.recover(at)

    def recover_before(self, date):
        """A success that we have known of before we found what it mends."""
        if self.incident is None:
            return
        bad = self.worst
        since = max(self.last_fail, self.incident.bad_at)
        books = [b for b in self.well if b.slot >= bad]
        mends = []
        for book in books:
            after = [at for at in book.good if since <= at < date]
            if after:
                mends.append((min(after), book.slot))
        if mends:
            self.good(min(mends)[1], min(mends)[0])

    def recover(self, at):
        incident, self.incident = self.incident, None
        if incident is None:
            return
        self.past.append((incident.opened_at, at))
        if incident.told and self.around.quiet:
            incident.ended_at = at
            self.owed.append(incident)
        elif incident.told:
            self.tell("recovered", at)

    # Telling

    def tell(self, event, at):
        self.told.append(Told(step=self.around.step, slug=self.job.slug, event=event, at=at))

    def tell_opened(self):
        self.incident.told, self.incident.last_told = True, self.around.now
        self.tell("opened", self.incident.opened_at)

    def tell_what_waits(self):
        if self.around.quiet or self.paused:
            return
        for incident in self.owed:
            self.tell("recovered", incident.ended_at)
        self.owed.clear()
        incident, every = self.incident, self.job.remind_every
        if incident is not None and not incident.told:
            self.tell_opened()
        elif incident is not None and every and not incident.acked and self.around.now >= incident.last_told + every:
            incident.last_told = self.around.now
            self.tell("reminder", None)

    # The jobs file

    def removed(self, around):
        self.around = around
        if self.incident is not None and self.incident.told and not around.quiet:
            self.tell("closed", around.now)
            self.incident.told = False

    def inherit(self, left):
        """The same name was removed before: what was known of it, and said of it, goes on. Its slots begin anew."""
        for name in (
            "finished",
            "bads",
            "goods",
            "last_finish",
            "last_fail",
            "worst",
            "incident",
            "past",
            "owed",
            "paused",
        ):
            setattr(self, name, getattr(left, name))
        for book in left.slots.books.values():
            book.lenient = book.lenient or self.paused
        for run in left.runs:
            if run.id:  # its end, should it still come, is the end of nothing that is expected
                run.slot, run.expired = None, True
                self.runs.append(run)
        if self.slots.known == left.slots.known:
            met = [book.slot for book in left.slots.books.values() if book.verdict or book.owner]
            self.slots.skip(self.born, max(met, default=self.born))

    def redefined(self, job, now, other):
        """Another definition. Other times, or being enabled, mean that it is expected from now on only."""
        again, self.job = job.enabled and not self.job.enabled, job
        self.slots.regrace(job.grace)
        if other is not None:
            self.floor = self.begun = now
            self.slots.forget(now)
            met = [book.slot for book in self.slots.books.values() if book.verdict or book.owner]
            other.skip(now, max(met, default=now))
            other.remember(self.slots)
            self.slots = other
        elif again:
            self.floor = now
            self.slots.forget(now)
        for run in self.runs:
            if not run.over and not run.expired:
                run.limit = self.limit_of(run.at, run.slot)

    def limit_of(self, at, slot):
        return at + self.job.max_runtime if self.job.max_runtime else self.slots.limit(at, slot)

    # People

    def pause(self):
        self.paused, self.incident = True, None
        self.owed.clear()
        self.bads.clear()

    def resume(self, now):
        self.paused, self.floor = False, now
        self.bads.clear()
        self.slots.forget(now)
        for run in self.runs:
            run.expired = run.expired or (run.limit is not None and run.limit <= now)

    def acknowledge(self):
        for incident in filter(None, (self.incident, *self.owed)):
            incident.acked = True

    def verdicts(self):
        """What became of each slot that we are sure of."""
        if self.paused:  # of what happens in a pause nobody asks
            return {}
        books = (self.slots.older | self.slots.books).values()
        return {b.slot: b.verdict for b in books if b.verdict is not None and not b.lenient}

    def known_slots(self):
        return self.slots.books.keys() | self.slots.older.keys()
