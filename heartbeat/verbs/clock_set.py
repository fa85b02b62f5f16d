"""The verb `follow`: the server's clock was set. It notices, says so, and takes the deadlines from the new clock.

The sweep's book says when a sweep last ran, so a clock that was set back shows as a `now` before that, after a restart
too. One that was set forward looks like an outage of ours and is treated as one; only a process that counts time in two
ways can tell that it was the clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.core.blind import Blind
from heartbeat.core.clock_set_back import set_back
from heartbeat.errors import TooBusy
from heartbeat.model import MINUTE, NEVER, SECOND, Change, Commit, Mark
from heartbeat.text.times import duration
from heartbeat.verbs.illness import fall_ill, get_well
from heartbeat.verbs.service_state import Back

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.model import Delivery, Snapshot
    from heartbeat.store.protocol import Store
    from heartbeat.verbs.service_state import ClockBook

ILL = "clock"
"""The name of the illness."""
STEP_MIN = 10 * SECOND
"""Less than this is a correction by NTP, or two machines whose clocks differ, and delays nothing worth a word."""
WELL_AFTER = 10 * MINUTE
"""A clock that has not been set again for this long counts as right."""
PAGE = 500
"""Jobs moved to the new clock in one sweep."""
TURNS = 20
WAITING_MAX = 10_000
"""Deliveries moved to the new clock; any more wait until it has caught up."""


def follow(store: Store, book: ClockBook, now: int, service: Sequence[str], *, ahead: int = 0) -> ClockBook:
    """The clock's book for a sweep at `now`. ahead: how far the clock was set since the last sweep, if known.

    Raises StoreUnavailable, TooBusy: the next sweep goes on from here.
    """
    by = max(book.alive - now, -ahead)  # an idle sweep is not written down each time
    if book.version and by > STEP_MIN:
        fall_ill(store, ILL, f"the clock of this machine was set back by {duration(by)}; {_HINT}", now, service)
        book = _keep(store, _moved(book, now, by))
        _move_deliveries(store, now, by)
    elif book.version and ahead > STEP_MIN:
        fall_ill(store, ILL, f"the clock of this machine was set forward by {duration(ahead)}; {_HINT}", now, service)
        book = _keep(store, replace(book, back=Back(at=now, before=now - ahead, after=None)))
    if book.back is None:
        return book
    if book.back.after is not None:
        return _move_jobs(store, book, book.back, now)
    if now >= book.back.at + WELL_AFTER:
        get_well(store, ILL, now, service)
        return _keep(store, replace(book, back=None))
    return book


_HINT = "deadlines are taken from the new time; is the time synchronised (NTP) and right now?"


def _moved(book: ClockBook, now: int, by: int) -> ClockBook:
    blinds = tuple(Blind(start=each.start, end=min(each.end, now)) for each in book.blinds if each.start < now)
    back = Back(at=now, before=now + by, after="")
    stuck = tuple(replace(each, since=min(each.since, now), again=min(each.again, now)) for each in book.stuck)
    mark = Mark(at=min(book.mark.at, now))
    return replace(book, alive=now, mark=mark, blinds=blinds, stuck=stuck, back=back)


def _keep(store: Store, book: ClockBook) -> ClockBook:
    if store.commit([Change(documents=(book.document(),))]) != [Commit.STORED]:
        raise TooBusy("another sweep has noticed that the clock was set; the next one goes on")
    return replace(book, version=book.version + 1)


def _move_jobs(store: Store, book: ClockBook, back: Back, now: int) -> ClockBook:
    page = store.page(back.after or "", PAGE)
    _move(store, page, back.before - back.at, now)
    return _keep(store, replace(book, back=replace(back, after=page[-1].job.slug if page else None)))


def _move(store: Store, page: Sequence[Snapshot], by: int, now: int) -> None:
    remark = f"the server's clock was set back by {duration(by)}"
    for _ in range(TURNS):
        changes = [change for each in page if (change := set_back(each, now, by, remark)) is not None]
        answers = store.commit(changes) if changes else []
        moved = [change.slug for change, answer in zip(changes, answers, strict=True) if answer is Commit.STALE]
        if not moved:
            return
        page = list(store.load(moved).values())
    raise TooBusy("jobs kept changing while the clock was set; the next sweep moves them")


def _move_deliveries(store: Store, now: int, by: int) -> None:
    ahead = [row for row in store.outbox(NEVER - 1, WAITING_MAX) if row.created_at > now or row.next_at > now]
    for row in ahead:  # one that somebody sends meanwhile is theirs
        store.commit([Change(deliveries=(_sooner(row, now, by),))])


def _sooner(row: Delivery, now: int, by: int) -> Delivery:
    return replace(
        row, version=row.version + 1, created_at=min(row.created_at, now), next_at=max(row.next_at - by, now)
    )
