"""The oracle's slots: which there are, which one a signal's time points at, and by when each must be met."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import takewhile


@dataclass(kw_only=True, eq=False)
class Run:
    """A start that we heard of."""

    id: str
    slot: int | None
    at: int
    limit: int | None
    over: bool = False
    expired: bool = False


@dataclass(kw_only=True, eq=False)
class Book:
    """One slot and what is known of it."""

    slot: int
    deadline: int
    verdict: str | None = None
    owner: Run | None = None
    good: list[int] = field(default_factory=list)
    fails: list[int] = field(default_factory=list)
    lenient: bool = False


class Calendar:
    """Slots that stand in the calendar. `known` reaches back before the job was applied and on after the world ends."""

    def __init__(self, known, born, grace, early):
        self.known, self.born, self.grace, self.early = known, born, grace, early
        self.older = {}
        self.books = {slot: Book(slot=slot, deadline=slot + grace) for slot in known if slot > born}
        self.open = list(self.books.values())

    def claims_from(self, i):
        gap = self.known[i] - self.known[i - 1] if i else 2 * self.early
        return self.known[i] - min(self.early, gap / 2)

    def by_time(self, t):
        """The latest slot whose early time has begun, unless it lies before the job was born."""
        i = bisect_right(self.known, t + self.early) - 1
        while i >= 0 and t < self.claims_from(i):
            i -= 1
        return self.books.get(self.known[i]) if i >= 0 and self.known[i] > self.born else None

    def limit(self, at, slot):
        """By when a run without max_runtime must end: the deadline of the slot after its own."""
        i = bisect_right(self.known, max(at, slot or at))
        return self.known[i] + self.grace if i < len(self.known) else None

    def expect(self, book):
        """All slots are known from the beginning."""

    def beat(self, t, book):
        """A heartbeat moves nothing here."""

    def overdue(self, now):
        """Slots without a verdict whose deadline has passed."""
        due = list(takewhile(lambda book: book.deadline <= now, self.open))
        still = [book for book in due if book.verdict is None]
        self.open[: len(due)] = still
        return still

    def close(self, book):
        """The clock has judged this slot."""

    def regrace(self, grace):
        """Another grace, for what is still to come of any slot."""
        self.grace = grace
        for book in self.books.values():
            book.deadline = book.slot + grace

    def skip(self, after, last):
        """These were met before the job was removed, early."""
        for book in self.books.values():
            if after < book.slot <= last:
                book.verdict, book.lenient = "excused", True

    def remember(self, before):
        """Slots of other times, which nobody expects any more; runs may still be theirs."""
        for slot, book in before.books.items():
            book.lenient = book.lenient or book.verdict is None or slot in self.books
            self.older[slot] = book
        self.older |= before.older

    def forget(self, now):
        """The job is expected from now on only: what lies before is nobody's any more."""
        for book in self.books.values():
            if book.slot <= now:
                book.verdict, book.lenient = book.verdict or "excused", True
            elif book.verdict is not None or book.owner:
                book.lenient = True


class Interval:
    """`every X`: the next slot is the last heartbeat, or the last slot that was judged, plus X."""

    def __init__(self, every, born, grace):
        self.every, self.grace = every, grace
        self.anchor = born
        self.books, self.older, self.open = {}, {}, []

    def book(self, slot):
        if slot not in self.books:
            self.expect(Book(slot=slot, deadline=slot + self.grace))
        return self.books[slot]

    def by_time(self, t):
        if t <= self.anchor:  # older than what is known
            return None
        first = self.anchor + self.every
        slot = first if t < first + self.grace else self.anchor + (t - self.anchor) // self.every * self.every
        return self.books.get(slot) or Book(slot=slot, deadline=slot + self.grace)

    def limit(self, at, slot):
        return max(at, slot or at) + self.every + self.grace

    def expect(self, book):
        """This slot has come to be, by the heartbeat that met it."""
        if book is not None and book.slot not in self.books:
            self.books[book.slot] = book
            self.open.append(book)

    def beat(self, t, book):
        """The slots that this heartbeat jumps over stay to be judged; the next is counted from here."""
        if t <= self.anchor:
            return
        slot = self.anchor + self.every
        while slot + self.grace <= t or (book is not None and slot < book.slot):
            self.book(slot)
            slot += self.every
        self.anchor = t

    def overdue(self, now):
        slot = self.anchor + self.every
        while slot + self.grace <= now:
            self.book(slot)
            slot += self.every
        self.open = [book for book in self.open if book.verdict is None]
        return [book for book in self.open if book.deadline <= now]

    regrace = Calendar.regrace
    known = ()

    def skip(self, after, last):
        """What was met is behind."""

    def close(self, book):
        self.anchor = max(self.anchor, book.slot)

    def forget(self, now):
        for book in self.books.values():
            book.verdict, book.lenient = book.verdict or "excused", True
        self.anchor = max(self.anchor, now)
