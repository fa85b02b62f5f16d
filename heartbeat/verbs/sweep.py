"""The verb `sweep`: time passed. It looks at everything whose time has come, and at nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.core import starting
from heartbeat.core.addressing import address, quiet_until
from heartbeat.core.alerts import blind_alert, silent_together
from heartbeat.core.blind import ALIVE_EVERY, ALL_EARS, Blind, Ears, merged
from heartbeat.core.on_clock import at_stake, look
from heartbeat.core.slots import deadline
from heartbeat.errors import CallerError, StoreUnavailable
from heartbeat.model import MINUTE, NEVER, SECOND, Change, Commit, Kind, Status
from heartbeat.verbs import service_state, stuck
from heartbeat.verbs.clock_set import follow
from heartbeat.verbs.counts import Swept
from heartbeat.verbs.record import ATTEMPTS_MAX, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from heartbeat.core.start_orders import Order
    from heartbeat.model import Due, Signal, Silence, Snapshot, State
    from heartbeat.store.protocol import Store
    from heartbeat.verbs.service_state import ClockBook

    Look = Callable[[Snapshot, Sequence[int], int], Sequence[Signal]]
    """Evidence again: (job, slots at stake, now) -> the signals that the evidence itself gives for them."""

LIMIT = 1_000
"""Jobs looked at in one sweep; a full sweep says `more`."""
TURNS = 10
"""Looks in one sweep at a job that has more to judge, or that somebody else moved meanwhile."""
UNREADABLE_MAX = 10 * MINUTE
"""How long after its deadline a slot is not called missed while its evidence cannot be read: it may well be there."""
STARTS_AGAIN = 15 * SECOND
"""The pause before an unfinished start is asked for again, unless somebody has gone on with it."""
EVIDENCE_AGAIN = MINUTE
"""How often a job's evidence is looked at while its latest slot is bad: perhaps nobody tells us of the object."""


def nothing_to_see(_job: Snapshot, _slots: Sequence[int], _now: int) -> Sequence[Signal]:
    """For a service that reads no evidence."""
    return ()


def sweep(  # noqa: PLR0913 - what is looked at, and by whom
    store: Store,
    now: int,
    *,
    service: Sequence[str] = (),
    evidence: Look = nothing_to_see,
    limit: int = LIMIT,
    ears: Ears = ALL_EARS,
) -> Swept:
    """One look at what is due at `now`. service: the channels told about the service itself.

    Raises StoreUnavailable, TooBusy: nothing is lost, the next sweep finds the same rows.
    """
    book = follow(store, service_state.clock(store, now), now, service, ahead=ears.ahead)
    return _Sweep(store, now, service, evidence, book, ears).run(limit)


def settle(store: Store, slug: str, now: int) -> None:
    """Before a job is changed, judge everything of it whose time has come. Silences and blind times hold here too.

    A job with evidence is left to the sweep, which can look at it again.
    """
    for _ in range(ATTEMPTS_MAX):
        book = service_state.clock(store, now)
        decided = _Sweep(store, now, (), nothing_to_see, book, ALL_EARS).judge([slug])
        usual = [(s, c) for s, c in decided if c.state is not None and s.job.evidence is None]
        changes = [address(change, snapshot.job.notify, now) for snapshot, change in usual]
        if not changes:
            return
        store.commit(changes)


class _Sweep:
    def __init__(  # noqa: PLR0913, PLR0917 - what is looked at, and by whom
        self, store: Store, now: int, service: Sequence[str], evidence: Look, book: ClockBook, ears: Ears
    ) -> None:
        self.store, self.now, self.service, self.evidence = store, now, service, evidence
        patience = book.patience if ears.patience is None else ears.patience
        self.book = replace(book, patience=patience)
        found = [Blind(start=book.alive, end=now)] if now - book.alive > patience else []
        if ears.deaf is not None and book.version:
            found.append(ears.deaf)
        self.blinds = merged((*book.blinds, *found))
        self.blind = self.blinds[-1] if found else None
        self.age = now - book.alive if book.version else 0
        self.judged = self.told = self.lost = 0
        self.unreadable: set[str] = set()
        self.starts: list[Order] = []
        self.known_stuck = self.book.stuck
        self.unfinished: list[str] = []
        self.failed: dict[str, str] = {}
        self.broken: dict[str, str] = {}

    def run(self, limit: int) -> Swept:
        """One sweep. Wherever it dies, the next one finds the same rows.

        1. Read what is due from the mark on, and choose whose turn it is.
        2. Decide for each; nothing is written yet.
        3. After a gap of ours, write the gap down before anything that was judged by it, and tell of a long one. If
           another sweep was faster, leave the rest to that one.
        4. Commit. Jobs that somebody else moved, or that have more to judge, are decided again, TURNS times in all.
        5. Remember by name what could not be judged, so that the mark may move on without it.
        6. Move the mark, last of all and only if everything before it is settled.
        """
        due = self.store.due(self.book.mark, self.now, limit + len(self.book.stuck))
        slugs = self.turns(due.slugs)
        decided = self.decide(slugs)
        if self.blind is not None and not self.tell_blind(decided):
            return Swept(lost=1, more=True, age=self.age, moved=self.book.moved(self.now))
        self.settle_all(decided)
        done = self.hold(slugs) and not self.unfinished
        ours = self.keep_book(due, done=done)
        return self.swept(due, more=ours and (due.more or bool(self.unfinished) or self.is_moving()))

    def swept(self, due: Due, *, more: bool) -> Swept:
        return Swept(
            due=len(due.slugs),
            judged=self.judged,
            told=self.told,
            lost=self.lost,
            blind=self.blind,
            more=more,
            age=self.age,
            moved=self.book.moved(self.now),
            starts=tuple({order.run_id: order for order in self.starts}.values()),
        )

    def is_moving(self) -> bool:
        """Jobs wait to be brought to a clock that was set."""
        return self.book.back is not None and self.book.back.after is not None

    def turns(self, due: Sequence[str]) -> list[str]:
        # What is due, except what is stuck and must wait; and what is stuck and has waited.
        waiting = stuck.waiting(self.book.stuck, self.now)
        again = [each.slug for each in self.book.stuck if each.slug not in waiting]
        return list(dict.fromkeys([*(slug for slug in due if slug not in waiting), *again]))

    def settle_all(self, decided: Sequence[tuple[Snapshot, Change]]) -> None:
        rest = self.settle(decided)
        for _ in range(TURNS - 1):
            if not rest:
                break
            rest = self.settle(self.decide(rest))

    def settle(self, decided: Sequence[tuple[Snapshot, Change]]) -> list[str]:
        # Commits; answers the jobs to look at again, because somebody else moved them or they have more to judge.
        changes = [change for _, change in decided]
        answers = self.commit(changes)
        kept = [change for change, answer in zip(changes, answers, strict=True) if answer is Commit.STORED]
        stale = [change.slug for change, answer in zip(changes, answers, strict=True) if answer is Commit.STALE]
        self.judged += len(kept)
        self.told += sum(len(change.alerts) for change in kept)
        self.lost += len(stale)
        self.unfinished = [change.slug for change in kept if change.more]
        self.failed = dict.fromkeys(stale, stuck.REFUSED)
        return stale + self.unfinished

    def commit(self, changes: Sequence[Change]) -> list[Commit | None]:
        # A change that the store cannot hold must not cost the others anything.
        try:
            return list(self.store.commit(changes)) if changes else []
        except CallerError as problem:
            if len(changes) > 1:
                return [self.commit([change])[0] for change in changes]
            self.broken[changes[0].slug] = str(problem)
            return [None]

    def decide(self, slugs: Sequence[str]) -> list[tuple[Snapshot, Change]]:
        decided = silent_together([pair for some in self.apart(slugs) for pair in some])
        return [(snapshot, address(change, snapshot.job.notify, self.now)) for snapshot, change in decided]

    def apart(self, slugs: Sequence[str]) -> Iterator[list[tuple[Snapshot, Change]]]:
        # All at once; if that breaks, each by itself, so that one bad row, or a bug of ours, stops nobody else.
        known = {each.slug for each in self.known_stuck}
        usual = [slug for slug in slugs if slug not in known]
        for some in (usual, *([slug] for slug in slugs if slug in known)):
            try:
                yield self.judge(some)
            except StoreUnavailable:
                raise
            except Exception as problem:  # noqa: BLE001 - told as an illness of the service, with its reason
                if len(some) == 1:
                    self.broken[some[0]] = f"{type(problem).__name__}: {problem}"
                else:
                    yield from (pairs for slug in some for pairs in self.apart([slug]))

    def judge(self, slugs: Sequence[str]) -> list[tuple[Snapshot, Change]]:
        if not slugs:
            return []
        silences = service_state.silences(self.store)
        found = self.store.load(slugs)
        snapshots = [self.look_again(found[slug]) for slug in slugs if slug in found]
        return [(snapshot, self.look(snapshot, silences)) for snapshot in snapshots]

    def hold(self, slugs: Sequence[str]) -> bool:
        # False: there is too much of it to remember by name.
        failed = self.failed | self.broken
        after = stuck.renewed(self.book.stuck, failed, slugs, self.now)
        if len(after) > stuck.STUCK_MAX:
            return False
        if self.book.stuck or after:
            stuck.tell(self.store, self.book.stuck, after, self.now, self.service)
            self.book = replace(self.book, stuck=after)
        return True

    def look(self, snapshot: Snapshot, silences: list[Silence]) -> Change:
        if snapshot.job.slug in self.unreadable:
            again = self.now + EVIDENCE_AGAIN
            return Change(slug=snapshot.job.slug, expected=snapshot.state.version, due=again, look=again)
        quiet = quiet_until(snapshot, silences, self.now) if silences else None
        change = look(snapshot, self.now, blind=self.blinds, quiet=quiet)
        if change.due is None:  # the job is not due after all, and the row that led here will lie behind the mark
            change = replace(change, due=change.look)
        return self.look_at_starts(snapshot, self.look_for_evidence(snapshot, change))

    def look_for_evidence(self, snapshot: Snapshot, change: Change) -> Change:
        if snapshot.job.evidence is None or not _may_mend(change.state or snapshot.state):
            return change
        return replace(change, due=min(change.due or NEVER, self.now + EVIDENCE_AGAIN))

    def look_at_starts(self, snapshot: Snapshot, change: Change) -> Change:
        # Whoever starts runs is told of these. In case that fails, the job is looked at again.
        starts = starting.due(snapshot.job, change.state or snapshot.state, self.now)
        if not starts:
            return change
        self.starts += starts
        return replace(change, due=self.now + STARTS_AGAIN)

    def look_again(self, snapshot: Snapshot) -> Snapshot:
        # The object is the truth: its event may have been late or lost.
        if snapshot.job.evidence is None:
            return snapshot
        slots = at_stake(snapshot, self.now)
        if _may_mend(snapshot.state) and snapshot.state.bad_slot is not None:
            slots = [snapshot.state.bad_slot, *slots]
        signals = self.evidence(snapshot, slots, self.now) if slots else ()
        if not signals:
            return snapshot
        unread = any(signal.kind is Kind.LOG for signal in signals)
        if unread and self.now < deadline(snapshot.job, slots[0]) + UNREADABLE_MAX:
            self.unreadable.add(snapshot.job.slug)
        Recorder(self.store).record(signals)
        return self.store.load([snapshot.job.slug])[snapshot.job.slug]

    def tell_blind(self, decided: list[tuple[Snapshot, Change]]) -> bool:
        # A long one is told, once. False: another sweep was faster.
        if self.blind is None:
            return True
        told = any(known.is_long and known.start == self.blind.start for known in self.book.blinds)
        tell = self.blind.is_long and not told
        alerts = (blind_alert(self.blind, [c for _, c in decided]),) if tell else ()
        self.book = replace(self.book, alive=self.now, blinds=self.blinds)
        change = Change(documents=(self.book.document(),), alerts=alerts)
        stored = self.store.commit([address(change, self.service, self.now)]) == [Commit.STORED]
        self.book = replace(self.book, version=self.book.version + 1)
        return stored

    def keep_book(self, due: Due, *, done: bool) -> bool:
        # Whether the book was ours to write; if not, another sweep goes on from it.
        idle = not due.slugs and not due.more and self.book.stuck == self.known_stuck
        if idle and self.book.version and self.now - self.book.alive < ALIVE_EVERY:
            return True
        book = replace(self.book, alive=self.now, mark=due.reached if done else self.book.mark)
        return self.store.commit([Change(documents=(book.document(),))]) == [Commit.STORED]


def _may_mend(state: State) -> bool:
    # Down, or on the way there (`alert_after`): an object that comes late can still mend it.
    return state.status is Status.DOWN or (state.streak > 0 and state.status is not Status.PAUSED)
