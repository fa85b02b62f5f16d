"""One channel's part of a pass: claim, send, mark, and what is learned of the channel on the way."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from heartbeat.core import addressing
from heartbeat.errors import ChannelFailed
from heartbeat.model import MINUTE, NEVER, SECOND, Change, Commit, Delivery, Outcome
from heartbeat.text.alert_text import headline
from heartbeat.verbs import batching, channel_state, service_state
from heartbeat.verbs.counts import Delivered, count

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from heartbeat.channels.protocol import Channel
    from heartbeat.store.protocol import Store
    from heartbeat.verbs.batching import Parcel, Siblings

    Sleep = Callable[[float], None]
    Threads = Callable[[int], Executor]

CLAIM = 2 * MINUTE
"""How long a delivery is ours once claimed: longer than a pass starts sends plus the time that the last one takes."""
BATCH = 100
"""Messages that are claimed, and neither sent nor given back."""


class Pass(Struct, frozen=True, kw_only=True):
    """What all lanes of one pass share.

    deadline: no send starts from then on; told: the channels that hear what another did not take, none given: all;
    holder: who sends; threads: makes a pool of so many.
    """

    store: Store
    clock: Callable[[], int]
    sleep: Sleep
    told: Sequence[str]
    channels: Collection[str]
    deadline: int
    holder: str
    threads: Threads

    def others(self, name: str) -> list[str]:
        """Who hears of trouble with this channel: the fallback, or else every other channel."""
        return [each for each in self.told if each != name] or [each for each in self.channels if each != name]

    def keep(self, changes: Sequence[Change]) -> tuple[list[Delivery], Delivered]:
        """Commit; answers the deliveries that were kept (a row that somebody else moved is theirs)."""
        answers = self.store.commit(changes) if changes else []
        kept = [change for change, answer in zip(changes, answers, strict=True) if answer is Commit.STORED]
        more = any(len(change.deliveries) > 1 for change in kept)
        died = [change.deliveries[0] for change in kept if change.deliveries[0].outcome is Outcome.DEAD]
        if died:
            service_state.note_dead(self.store, died)
        return [change.deliveries[0] for change in kept], Delivered(more=more)

    def failed(self, after: Iterable[Delivery], error: ChannelFailed, now: int) -> list[Change]:
        """A failed try: the rows' next versions and, for one that died, what others are told of it."""
        return [Change(deliveries=(row, *self._last_words(row, error, now))) for row in after]

    def _last_words(self, row: Delivery, error: ChannelFailed, now: int) -> tuple[Delivery, ...]:
        alert = batching.undelivered(row, error, now) if row.outcome is Outcome.DEAD else None
        return tuple(addressing.delivery(alert, name, now) for name in self.others(row.channel)) if alert else ()


class Tried(Struct, frozen=True, kw_only=True):
    """What came of one parcel. until: it was not tried, and may be from then on."""

    parcel: Parcel
    receipt: str = ""
    error: ChannelFailed | None = None
    until: int | None = None


class Lane:
    """rows: what may be sent now; later: what waits for this channel besides."""

    def __init__(self, channel: Channel, rows: list[Delivery], later: Sequence[Delivery], run: Pass) -> None:
        self._channel, self._rows, self._later, self._pass = channel, rows, later, run
        self._siblings: Siblings = {}
        self._lock = Lock()
        self._failures = 0  # in a row
        self._error: ChannelFailed | None = None  # the latest
        self._shut_until: int | None = None  # the channel is down, or asked for a pause

    def run(self) -> Delivered:
        """Send what may be sent, in waves: what one wave finishes may free something for the next."""
        self._learn()
        total = Delivered()
        waiting = self._rows
        while waiting and self._refusal() is None:
            ready = batching.free(waiting, self._siblings, self._channel.group_above)
            wave = deque(batching.arrange(ready, self._siblings, self._channel.group_above))
            if not wave:
                break
            total += self._ship(wave)
            gone = {row.id for row in ready}.difference(row.id for parcel in wave for row in parcel.rows)
            waiting = [row for row in waiting if row.id not in gone]
        total += self._put_off(waiting)
        self._note(total)
        return total

    def _learn(self) -> None:
        now = self._pass.clock()
        self._traffic = channel_state.read(self._pass.store, self._channel.name).of(self._channel.definition)
        self._shut_until = self._traffic.until if self._traffic.until > now else None
        later = (row.alert.incident for row in self._rows if batching.ORDER.get(row.alert.event, 0))
        for incident in filter(None, dict.fromkeys(later)):
            family = self._pass.store.deliveries(incident)
            self._siblings[incident] = {row.id: row for row in family if row.channel == self._rows[0].channel}

    def _ship(self, wave: deque[Parcel]) -> Delivered:
        """Claim, send, mark, until the wave is over or the channel takes no more: then the rest stays in it.

        The next are claimed while the last ones are being sent. Marks whatever has come in while others were written.
        """
        total, pending = Delivered(), set[Future[Tried]]()
        done: SimpleQueue[Future[Tried]] = SimpleQueue()
        with self._pass.threads(min(self._channel.parallel, len(wave))) as pool:
            try:
                while pending or (wave and self._refusal() is None):
                    if wave and len(pending) <= BATCH // 2 and self._refusal() is None:
                        count = min(BATCH - len(pending), len(wave))
                        held, let_go = self._claim([wave.popleft() for _ in range(count)])
                        total += let_go
                        for one in [pool.submit(self._try, parcel) for parcel in held]:
                            pending.add(one)
                            one.add_done_callback(done.put)
                    came = [done.get() for _ in range(max(done.qsize(), 1))] if pending else []
                    total += self._mark([one.result() for one in came])
                    pending.difference_update(came)
            finally:
                for one in pending:
                    one.cancel()
        return total

    def _claim(self, batch: Iterable[Parcel]) -> tuple[list[Parcel], Delivered]:
        """The parcels that are ours now. One that somebody else got a part of is let go: a part is another message."""
        batch, until = list(batch), self._pass.clock() + CLAIM
        rows = [row for parcel in batch for row in batching.claimed(parcel, until, self._pass.holder)]
        kept, _ = self._pass.keep([Change(deliveries=(row,)) for row in rows])
        ours = {row.id: row for row in kept}
        found = [batching.holding(parcel, [ours[r.id] for r in parcel.rows if r.id in ours]) for parcel in batch]
        if len(kept) < len(rows):
            refused = [row for parcel in batch for row in parcel.rows if row.id not in ours]
            channel_state.unclaimed(
                self._pass.store, refused, until - CLAIM, self._pass.told or list(self._pass.channels)
            )
        whole = [len(mine.rows) == len(parcel.rows) for mine, parcel in zip(found, batch, strict=True)]
        parts = [mine for mine, all_of_it in zip(found, whole, strict=True) if mine.rows and not all_of_it]
        let_go = self._mark([Tried(parcel=part, until=self._pass.clock()) for part in parts])
        return [mine for mine, all_of_it in zip(found, whole, strict=True) if all_of_it], let_go

    def _try(self, parcel: Parcel) -> Tried:
        """Runs in its own thread, and touches nothing but the channel and what is known of it."""
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
        except Exception as error:  # noqa: BLE001 - the door out: a channel's bug is a failure like any other, and told
            return self._tried(
                Tried(parcel=parcel, error=ChannelFailed(f"a bug in the channel: {type(error).__name__}"))
            )
        return self._tried(Tried(parcel=parcel, receipt=receipt))

    def _keep_pace(self) -> None:
        with self._lock:
            now = self._pass.clock()
            pace = self._traffic.pace(self._channel.pace, now)
            if pace:
                self._update(lambda known: replace(known, free=max(now, known.free) + pace))
                self._pass.sleep((self._traffic.free - pace - now) / SECOND)
                if self._traffic.until > self._pass.clock():
                    self._shut_until = self._traffic.until

    def _update(self, change: Callable[[channel_state.Traffic], channel_state.Traffic]) -> None:
        definition = self._channel.definition
        self._traffic = channel_state.update(
            self._pass.store, self._traffic, lambda known: change(known.of(definition))
        )

    def _refusal(self) -> int | None:
        """Until when nothing more is sent here; None: carry on."""
        now = self._pass.clock()
        return self._shut_until if self._shut_until is not None else now if now >= self._pass.deadline else None

    def _tried(self, tried: Tried) -> Tried:
        """Learn from a try. If it asked for a pause, or nothing but failures came, leave the channel alone for now."""
        error, now = tried.error, self._pass.clock()
        with self._lock:
            self._error = error or self._error
            temporary = error is not None and not error.final
            self._failures = self._failures + 1 if temporary else 0
            if error and temporary and self._closes(error):
                tries = max(row.attempts for row in (*self._rows, *tried.parcel.rows))
                self._shut_until = until = now + batching.pause(tries, tried.parcel.key, error)
                if error.retry_after is not None:  # at once: others may be sending too
                    self._update(lambda known: known.paused(until))
        return tried

    def _closes(self, error: ChannelFailed) -> bool:
        return error.retry_after is not None or error.refused or self._failures >= self._channel.parallel

    def _mark(self, results: Iterable[Tried]) -> Delivered:
        now = self._pass.clock()
        results = list(results)
        kept, answer = self._pass.keep([change for tried in results for change in self._changes(tried, now)])
        for row in kept:
            if row.alert.incident in self._siblings:
                self._siblings[row.alert.incident][row.id] = row
        released = {row.id: tried.until for tried in results if tried.until is not None for row in tried.parcel.rows}
        until = min(released.values(), default=NEVER)
        told = count([row for row in kept if row.id not in released])
        return answer + told + Delivered(more=until <= now, next_at=until)

    def _changes(self, tried: Tried, now: int) -> list[Change]:
        definition, rows = self._channel.definition, tried.parcel.rows
        if tried.until is not None:
            return [Change(deliveries=(batching.released(row, tried.until, definition),)) for row in rows]
        if tried.error is not None:
            after = batching.failed(tried.parcel, tried.error, definition, now)
            return self._pass.failed(after, tried.error, now)
        return [Change(deliveries=(batching.sent(row, tried.receipt),)) for row in rows]

    def _put_off(self, waiting: Iterable[Delivery]) -> Delivered:
        """What was not sent waits for its channel or its elder, out of the way of others."""
        now, definition = self._pass.clock(), self._channel.definition
        changes, more = [], False
        over = self._shut_until is None and self._refusal() is not None  # no time was left; the next pass carries on
        for row in waiting:
            elder = batching.blocker(row, self._siblings)
            check_at = min(max(elder.next_at, now), now + batching.RECHECK) if elder else now + batching.RECHECK
            until = self._shut_until or (None if over and not elder else check_at)
            more = more or until is None
            if until is not None and (until != row.next_at or definition not in row.under):
                changes.append(Change(deliveries=(batching.postponed(row, until, definition),)))
        kept, _ = self._pass.keep(changes)
        return Delivered(more=more, next_at=min((row.next_at for row in kept), default=NEVER))

    def _note(self, total: Delivered) -> None:
        """Write what others must know of this channel; nothing while it is well."""
        if self._error is not None:
            self._note_trouble(self._error, total)
        elif total.sent and any(row.attempts for row in self._later):  # it takes messages, but not all of them
            self._update(lambda known: replace(known, since=None))
        elif total.sent and (self._traffic.since is not None or self._traffic.ill):
            others = self._pass.others(self._channel.name)
            self._traffic = channel_state.recover(self._pass.store, self._traffic, self._pass.clock(), others)

    def _note_trouble(self, error: ChannelFailed, total: Delivered) -> None:
        now = self._pass.clock()
        again = bool(total.sent)
        self._update(lambda known: replace(known, since=now if again or known.since is None else known.since))
        if total.dead or (not total.sent and self._is_ill(error, now)):
            others, text = self._pass.others(self._channel.name), self._complaint(error, total.dead, now)
            self._traffic = channel_state.ail(self._pass.store, self._traffic, text, now, others)

    def _is_ill(self, error: ChannelFailed, now: int) -> bool:
        since = self._traffic.since
        again = error.refused and any(row.attempts for row in self._rows)
        return again or self._traffic.ill or (since is not None and now - since >= channel_state.ILL_AFTER)

    def _complaint(self, error: ChannelFailed, dead: int, now: int) -> str:
        what, waiting = ("given up", dead) if dead else ("waiting for it", len(self._rows) + len(self._later))
        first = headline(min(self._rows, key=lambda row: (row.created_at, row.id)).alert, now)
        also = f", and {waiting - 1} more" if waiting > 1 else ""
        return f"the channel {self._channel.name} takes no messages ({error}); {what}: {first}{also}"
