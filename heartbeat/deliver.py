"""The verb: a message waits.

One pass over the outbox. Each channel has a lane of its own, so that one that hangs or fails holds up no other. A lane
claims a delivery for a while, sends it, and marks it; who crashes in between leaves a claim that runs out, and the
message is sent again under the same idempotency key. Two passes at once are harmless: only one gets the claim.
"""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from heartbeat import documents, outbox, parcels
from heartbeat.errors import ChannelFailed
from heartbeat.model import MINUTE, NEVER, SECOND, Change, Commit, Delivery, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from heartbeat.channels.protocol import Channel
    from heartbeat.parcels import Parcel, Siblings
    from heartbeat.store.protocol import Store

    Sleep = Callable[[float], None]

LIMIT = 1_000
"""Deliveries that one pass looks at."""
CLAIM = 2 * MINUTE
"""How long a delivery is ours once we claimed it: longer than a pass starts sends, and the last of them takes."""
BUDGET = 45 * SECOND
"""So long a pass starts new sends; the rest is for the next pass."""
BATCH = 100
"""Messages that are claimed at once."""
LANES = 32
"""Channels that are served at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a pass did: deliveries sent, failed for now, dead. more: come back at once; next_at: else not before."""

    sent: int = 0
    failed: int = 0
    dead: int = 0
    more: bool = False
    next_at: int = NEVER

    def __add__(self, other: Delivered) -> Delivered:
        return Delivered(
            sent=self.sent + other.sent,
            failed=self.failed + other.failed,
            dead=self.dead + other.dead,
            more=self.more or other.more,
            next_at=min(self.next_at, other.next_at),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What all lanes of one pass share. deadline: no send is started from then on."""

    store: Store
    clock: Callable[[], int]
    sleep: Sleep
    fallback: Sequence[str]
    deadline: int

    def keep(self, changes: Sequence[Change]) -> tuple[list[Delivery], Delivered]:
        """Commit; answers the deliveries that are as we say now (a row that somebody else moved is theirs)."""
        answers = self.store.commit(changes) if changes else []
        kept = [change for change, answer in zip(changes, answers, strict=True) if answer is Commit.STORED]
        more = any(len(change.deliveries) > 1 for change in kept)
        died = [change.deliveries[0] for change in kept if change.deliveries[0].outcome is Outcome.DEAD]
        if died:
            documents.note_dead(self.store, died)
        return [change.deliveries[0] for change in kept], Delivered(more=more)

    def failed(self, row: Delivery, error: ChannelFailed, key: str, now: int) -> Change:
        """A failed try: the row's next version, and when that is its end, what the fallback is told of it."""
        after = parcels.failed(row, error, key, now)
        alert = parcels.undelivered(row, error, now) if after.outcome is Outcome.DEAD else None
        others = [name for name in self.fallback if name != row.channel] if alert else []
        told = tuple(outbox.delivery(alert, name, now) for name in others if alert)
        return Change(deliveries=(after, *told))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of one parcel. until: it was not even tried, and may be from then on."""

    parcel: Parcel
    receipt: str = ""
    error: ChannelFailed | None = None
    until: int | None = None


def deliver(  # noqa: PLR0913  (the last five are limits that have a default)
    store: Store,
    channels: Mapping[str, Channel],
    clock: Callable[[], int],
    *,
    limit: int = LIMIT,
    fallback: Sequence[str] = (),
    parallel: int = LANES,
    budget: int = BUDGET,
    sleep: Sleep = time.sleep,
) -> Delivered:
    """Send what waits, up to `limit` deliveries. `fallback`: the channels that are told of what another never took."""
    start = clock()
    rows = store.outbox(start, limit)
    full = len(rows) >= limit
    queues: dict[str, list[Delivery]] = defaultdict(list)
    for row in parcels.uncut(rows) if full else rows:
        queues[row.channel].append(row)
    run = Pass(store=store, clock=clock, sleep=sleep, fallback=fallback, deadline=start + min(budget, BUDGET))
    homeless = [row for name, queue in queues.items() if name not in channels for row in queue]
    whole = _bury(run, homeless) + Delivered(more=full)
    lanes = [Lane(channels[name], queue, run) for name, queue in queues.items() if name in channels]
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="deliver") as pool:
        done = [pool.submit(lane.run) for lane in lanes]
    return sum((lane.result() for lane in done), whole)


def _bury(run: Pass, rows: Iterable[Delivery]) -> Delivered:
    """What is addressed to a channel that there is not: it dies at once, and the fallback is told."""
    now, problem = run.clock(), "no channel named {!r} in the config"
    errors = [(row, ChannelFailed(problem.format(row.channel), final=True)) for row in rows]
    kept, answer = run.keep([run.failed(row, error, row.id, now) for row, error in errors])
    return answer + _count(kept)


class Lane:
    """One channel's part of a pass."""

    def __init__(self, channel: Channel, rows: list[Delivery], run: Pass) -> None:
        self._channel, self._rows, self._pass = channel, rows, run
        self._siblings: Siblings = {}
        self._lock = Lock()
        self._free_at = 0  # when the pace lets the next send start
        self._failures = 0  # in a row
        self._shut_until: int | None = None  # the channel is down, or asked for a pause

    def run(self) -> Delivered:
        """Send what may be sent, in waves: what one wave has finished may free something for the next."""
        self._know_siblings()
        total = Delivered()
        waiting = self._rows
        while waiting and self._refusal() is None:
            ready = [row for row in waiting if parcels.blocker(row, self._siblings) is None]
            batch = parcels.arrange(ready, self._siblings, self._channel.group_above)[:BATCH]
            if not batch:
                break
            total += self._ship(batch)
            gone = {row.id for parcel in batch for row in parcel.rows}
            waiting = [row for row in waiting if row.id not in gone]
        return total + self._put_off(waiting)

    def _know_siblings(self) -> None:
        later = {row.alert.incident for row in self._rows if parcels.ORDER.get(row.alert.event, 0)} - {""}
        for incident in later:
            family = self._pass.store.deliveries(incident)
            self._siblings[incident] = {row.id: row for row in family if row.channel == self._rows[0].channel}

    def _ship(self, batch: Iterable[Parcel]) -> Delivered:
        """Claim, send, mark. Marks whatever has come in while the last mark was written."""
        held = self._claim(batch)
        total = Delivered()
        if not held:
            return total
        with ThreadPoolExecutor(max_workers=min(self._channel.parallel, len(held))) as pool:
            pending: set[Future[Tried]] = {pool.submit(self._try, parcel) for parcel in held}
            try:
                while pending:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    total += self._mark([one.result() for one in done])
            finally:
                for one in pending:
                    one.cancel()
        return total

    def _claim(self, batch: Iterable[Parcel]) -> list[Parcel]:
        """The parcels with only those rows that are ours now."""
        batch, until = list(batch), self._pass.clock() + CLAIM
        rows = [row for parcel in batch for row in parcels.claimed(parcel, until)]
        kept, _ = self._pass.keep([Change(deliveries=(row,)) for row in rows])
        ours = {row.id: row for row in kept}
        held = [replace(p, rows=tuple(ours[row.id] for row in p.rows if row.id in ours)) for p in batch]
        return [parcel for parcel in held if parcel.rows]

    def _try(self, parcel: Parcel) -> Tried:
        """Runs in a thread of its own, and touches nothing but the channel."""
        if self._refusal() is None:
            self._keep_pace()
        refused_until = self._refusal()
        if refused_until is not None:
            return Tried(parcel=parcel, until=refused_until)
        try:
            alerts = [row.alert for row in parcel.rows]
            receipt = self._channel.send(alerts, key=parcel.key, now=self._pass.clock(), receipt=parcel.receipt)
        except ChannelFailed as error:
            return self._tried(Tried(parcel=parcel, error=error))
        except Exception as error:  # noqa: BLE001  (the door out: a channel's bug is a failure like any other, and told)
            return self._tried(
                Tried(parcel=parcel, error=ChannelFailed(f"a bug in the channel: {type(error).__name__}"))
            )
        return self._tried(Tried(parcel=parcel, receipt=receipt))

    def _keep_pace(self) -> None:
        if self._channel.pace:
            with self._lock:
                now = self._pass.clock()
                self._pass.sleep(max(0, self._free_at - now) / SECOND)
                self._free_at = max(now, self._free_at) + self._channel.pace

    def _refusal(self) -> int | None:
        """Until when nothing more is sent here; None: go on."""
        now = self._pass.clock()
        return self._shut_until if self._shut_until is not None else now if now >= self._pass.deadline else None

    def _tried(self, tried: Tried) -> Tried:
        """Learn from a try. A pause that was asked for, or nothing but failures: leave the channel alone for now."""
        error, now = tried.error, self._pass.clock()
        with self._lock:
            temporary = error is not None and not error.final
            self._failures = self._failures + 1 if temporary else 0
            if error and temporary and (error.retry_after is not None or self._failures >= self._channel.parallel):
                tries = max(row.attempts for row in (*self._rows, *tried.parcel.rows))
                self._shut_until = now + parcels.pause(tries, tried.parcel.key, error)
        return tried

    def _mark(self, results: Iterable[Tried]) -> Delivered:
        now = self._pass.clock()
        results = list(results)
        changes = [self._change(row, tried, now) for tried in results for row in tried.parcel.rows]
        kept, answer = self._pass.keep(changes)
        for row in kept:
            if row.alert.incident in self._siblings:
                self._siblings[row.alert.incident][row.id] = row
        released = {row.id: tried.until for tried in results if tried.until is not None for row in tried.parcel.rows}
        until = min(released.values(), default=NEVER)
        told = _count([row for row in kept if row.id not in released])
        return answer + told + Delivered(more=until <= now, next_at=until)

    def _change(self, row: Delivery, tried: Tried, now: int) -> Change:
        if tried.until is not None:
            return Change(deliveries=(parcels.released(row, tried.until),))
        if tried.error is not None:
            return self._pass.failed(row, tried.error, tried.parcel.key, now)
        return Change(deliveries=(parcels.sent(row, tried.receipt),))

    def _put_off(self, waiting: Iterable[Delivery]) -> Delivered:
        """What was not sent waits for its channel, or its elder, out of the way of others."""
        now = self._pass.clock()
        changes, more = [], False
        for row in waiting:
            elder = parcels.blocker(row, self._siblings)
            until = self._shut_until or (min(max(elder.next_at, now), now + parcels.RECHECK) if elder else None)
            more = more or until is None
            if until is not None:
                changes.append(Change(deliveries=(parcels.postponed(row, until),)))
        kept, _ = self._pass.keep(changes)
        return Delivered(more=more, next_at=min((row.next_at for row in kept), default=NEVER))


def _count(rows: Sequence[Delivery]) -> Delivered:
    pending = [row for row in rows if row.outcome is Outcome.PENDING]
    return Delivered(
        sent=sum(row.outcome is Outcome.SENT for row in rows),
        dead=sum(row.outcome is Outcome.DEAD for row in rows),
        failed=len(pending),
        next_at=min((row.next_at for row in pending), default=NEVER),
    )
