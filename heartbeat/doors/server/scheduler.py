"""On one machine the server is the scheduler: it starts each slot once, on time, and continues what had to wait.

The store, not this, knows what was started: a restarted server continues where the last one was, and takes up the
latest slot of each job if there is still time.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heartbeat.core import slots
from heartbeat.core.start_orders import Order
from heartbeat.core.starting import refusal
from heartbeat.errors import HeartbeatError
from heartbeat.model import SECOND
from heartbeat.telemetry import Happened
from heartbeat.verbs.trigger import tell_started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from heartbeat.model import Job, Snapshot
    from heartbeat.store.sqlite.store import SQLiteStore
    from heartbeat.telemetry import Log
    from heartbeat.verbs.trigger import Starter

WORKERS = 64
"""Concurrent starts; one that waits for its run's end keeps its place for up to 15 minutes. More have to wait."""
LOOK_EVERY = 5 * SECOND
"""How often we look whether jobs were defined anew: other processes do that too."""
READ_EVERY = 60 * SECOND
"""How often the jobs with a trigger are read again, come what may."""
STEP_MAX = 1.0
"""Most seconds to sleep: the system clock may be set while we wait."""
AFTER_TROUBLE = 5 * SECOND


@dataclass(frozen=True, slots=True, order=True)
class ScheduledStart:
    """When to start a job, and for which slot."""

    at: int
    slug: str
    slot: int


class Scheduler:
    """One thread calls `step`; starts run in threads of their own."""

    name = "starts"

    def __init__(self, store: SQLiteStore, starter: Starter, log: Log, now: Callable[[], int]) -> None:
        self._store, self._starter, self._log, self._now = store, starter, log, now
        self._lock = threading.Condition()
        self._stopping = False
        self._waiting: deque[Order] = deque()
        self._places = WORKERS
        self._turns: list[ScheduledStart] = []
        self._jobs: dict[str, Job] = {}
        self._under_way: set[Order] = set()
        self._look_at = self._read_at = self._defined = 0

    def step(self) -> float:
        """Start what is due; returns the seconds until the next look."""
        now = self._now()
        if not 0 < self._look_at - now <= LOOK_EVERY:  # it is time, or the clock was set back
            self._look(now)
        with self._lock:
            while self._turns and self._turns[0].at <= now:
                turn = heapq.heappop(self._turns)
                self._begin(Order(slug=turn.slug, slot=turn.slot))
                self._plan(turn.slug, now)
            wait = (self._turns[0].at - now) / SECOND if self._turns else STEP_MAX
        return max(0.0, min(wait, STEP_MAX))

    def read_again(self) -> None:
        """The jobs have changed."""
        self._look_at = self._read_at = 0

    def go_on(self, orders: Iterable[Order]) -> None:
        """Continue these starts, which have waited long enough."""
        with self._lock:
            for order in orders:
                self._begin(order)

    def stop(self) -> None:
        """Begin nothing new."""
        with self._lock:
            self._stopping = True

    def join(self, seconds: float) -> bool:
        """Wait for the starts under way; returns whether they ended in time. What is cut off is found in the store."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._under_way, seconds)

    def _look(self, now: int) -> None:
        defined = self._store.defined
        if defined != self._defined or not 0 < self._read_at - now <= READ_EVERY:
            self._read(now)
        self._defined, self._look_at = defined, now + LOOK_EVERY

    def _read(self, now: int) -> None:
        triggered = [snapshot for snapshot in self._store.triggered() if snapshot.job.enabled]
        with self._lock:
            self._jobs = {snapshot.job.slug: snapshot.job for snapshot in triggered}
            self._turns = []
            for snapshot in triggered:
                self._catch_up(snapshot, now)
                self._plan(snapshot.job.slug, now)
            self._read_at = now + READ_EVERY

    def _catch_up(self, snapshot: Snapshot, now: int) -> None:
        slug, slot = snapshot.job.slug, slots.schedule_of(snapshot.job).previous_ms(now + 1)
        if slot is not None and refusal(snapshot, Order(slug=slug, slot=slot), now) is None:
            heapq.heappush(self._turns, ScheduledStart(now, slug, slot))

    def _plan(self, slug: str, now: int) -> None:
        job = self._jobs.get(slug)
        slot = None if job is None else slots.schedule_of(job).next_ms(now)
        if slot is not None:
            heapq.heappush(self._turns, ScheduledStart(slot, slug, slot))

    def _begin(self, order: Order) -> None:
        if self._stopping or order in self._under_way:
            return
        self._under_way.add(order)
        self._waiting.append(order)
        if self._places:
            self._places -= 1
            threading.Thread(target=self._work, name="start", daemon=True).start()

    def _work(self) -> None:
        """Start one after another, as long as any waits."""
        while True:
            with self._lock:
                if not self._waiting or self._stopping:
                    self._places += 1
                    self._under_way.difference_update(self._waiting)
                    self._waiting.clear()
                    self._lock.notify_all()
                    return
                order = self._waiting.popleft()
            self._start(order)

    def _start(self, order: Order) -> None:
        try:
            started = self._starter.start(order)
        except HeartbeatError as problem:
            self._log.tell(Happened.HINDERED, chore="start", job=order.slug, error=problem)
            self._try_later(order)
        except Exception as problem:  # noqa: BLE001 - a door: the pool must outlive whatever one start ran into
            self._log.crash("start", problem)
            self._try_later(order)
        else:
            tell_started(started, self._log)
        finally:
            with self._lock:
                self._under_way.discard(order)
                self._lock.notify_all()

    def _try_later(self, order: Order) -> None:
        """As far as we know nothing started: ask again, until it is too late for the slot."""
        if order.slot is not None and not order.by:  # the sweep asks for the others
            with self._lock:
                heapq.heappush(self._turns, ScheduledStart(self._now() + AFTER_TROUBLE, order.slug, order.slot))
