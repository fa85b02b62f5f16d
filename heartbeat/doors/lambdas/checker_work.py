"""What the checker does: sweep, apply, deliver, tell the watchdog; and whatever else it is asked to do."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from heartbeat.core.blind import Ears, patience
from heartbeat.errors import ChannelFailed, StartFailed
from heartbeat.model import DAY, MINUTE, SECOND, Alert, Event
from heartbeat.settings import Scheduling
from heartbeat.targets import aws_call
from heartbeat.telemetry import Happened
from heartbeat.verbs import channel_state, documents
from heartbeat.verbs.aws_schedules import Schedules
from heartbeat.verbs.deliver import deliver
from heartbeat.verbs.illness import review
from heartbeat.verbs.rollout import Rollout
from heartbeat.verbs.rounds import again, tell_delivered, tell_swept
from heartbeat.verbs.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from heartbeat.channels.protocol import Channel
    from heartbeat.config import Config
    from heartbeat.core.start_orders import Order
    from heartbeat.doors.http.watchdog import Watchdog
    from heartbeat.doors.lambdas.journal import Journal
    from heartbeat.store.dynamodb.store import DynamoDBStore
    from heartbeat.verbs.counts import Delivered, Swept
    from heartbeat.verbs.sweep import Look

    Left = Callable[[], int]
    """Milliseconds until Lambda ends this call."""

EARS = Ears(patience=patience(MINUTE))
"""The checker runs every minute."""
RESERVE = 20 * SECOND
"""With less time left than this, a call begins nothing new."""
ROUNDS_MAX = 1_000
"""Most sweeps, or delivery passes, in one call."""
SCRUB = "scrub"
"""Document: the job where the last scrub stopped, "" if it reached the end."""
SCRUB_PAGE = 500
ORDERS_MAX = 500
"""Starts to ask for in one call of the trigger function; the next sweep asks for the rest."""
WAITING_MAX = 100
"""Deliveries to look at to find the age of the oldest."""


@dataclass(slots=True, kw_only=True)
class Rounds:
    """The checker's work. config: the compiled jobs file of this build; now: milliseconds since the epoch."""

    store: DynamoDBStore
    config: Config
    channels: Mapping[str, Channel]
    look: Look
    watchdog: Watchdog
    journal: Journal
    now: Callable[[], int]
    scheduling: Scheduling = field(default_factory=Scheduling)
    rollout: Rollout = field(init=False)
    schedules: Schedules = field(init=False)

    def __post_init__(self) -> None:
        self.rollout = Rollout(self.store, self.config, self.journal)
        slugs = [job.slug for job in self.config.jobs if job.trigger is not None]
        self.schedules = Schedules(self.store, slugs, self.scheduling, self.journal)

    def sweep(self, left: Left) -> dict[str, Any]:
        """Look at what is due, apply a changed jobs file, send what waits."""
        swept = again(self._sweep, ROUNDS_MAX, lambda: left() < RESERVE)
        self._go_on(swept.starts)
        self.rollout.step(self.now())
        alive = self.watchdog.beat()
        ill = review(self.store, self.now(), self.config.service)
        told = self.deliver(left)
        self._keep_schedules()
        self.journal.count(Due=swept.due, Judged=swept.judged, Told=swept.told, LostRaces=swept.lost)
        self.journal.count(Sweeps=1, SweepAge=swept.age / SECOND, WatchdogFailed=int(not alive), Ill=len(ill))
        return {"judged": swept.judged, "told": swept.told, "more": swept.more, **told}

    def deliver(self, left: Left) -> dict[str, Any]:
        """Send what waits."""

        def once() -> Delivered:
            budget = max(left() - RESERVE, 0)
            return deliver(self.store, self.channels, self.now, fallback=self.config.fallback, budget=budget)

        total = again(once, ROUNDS_MAX, lambda: left() < RESERVE)
        tell_delivered(self.journal, total)
        self.journal.count(
            Sent=total.sent,
            Failed=total.failed,
            Dead=total.dead,
            OldestAlertAge=self._oldest() if total.waiting else 0.0,
        )
        return {"sent": total.sent, "failed": total.failed, "dead": total.dead}

    def scrub(self, left: Left) -> dict[str, Any]:
        """Go through all jobs, from where the last scrub ended, and write missing due rows."""
        before = self.store.document(SCRUB)
        after, written = str(before.value or ""), 0
        while left() > RESERVE:
            done = self.store.scrub(after, self.now(), SCRUB_PAGE)
            written, after = written + done.written, done.last
            if not after:
                break
        if before.value != after:
            documents.keep(self.store, before, after)
        self.journal.tell(Happened.SCRUBBED, written=written, reached=after or None)
        return {"written": written, "whole": not after}

    def try_channels(self) -> dict[str, Any]:
        """Send a test alert through every channel; returns what each answered."""
        now = self.now()
        name = f"test/{now}"
        alert = Alert(id=name, event=Event.TEST, at=now, incident=name, text="sent by heartbeat doctor")
        answers = {}
        for each in self.channels:
            try:
                self.channels[each].send([alert], key=f"{name}@{each}", now=now, receipt="")
                answers[each] = "sent"
                self._is_well(each, now)
            except ChannelFailed as problem:
                answers[each] = str(problem)
            except Exception as problem:  # noqa: BLE001 - a door: the others are tried too; its text may hold a secret
                answers[each] = f"a bug in the channel: {type(problem).__name__}"
            self.journal.tell(Happened.TOLD, channel=each, answer=answers[each])
        return {"channels": answers}

    def _is_well(self, name: str, now: int) -> None:
        others = self.config.fallback or [each for each in self.channels if each != name]
        channel_state.recover(self.store, channel_state.read(self.store, name), now, others)

    def _go_on(self, starts: Sequence[Order]) -> None:
        """Ask the trigger function; if that fails, the next sweep asks again."""
        if not starts or not self.scheduling.function:
            return
        payload = json.dumps({"heartbeat": "go-on", "orders": [asdict(order) for order in starts[:ORDERS_MAX]]})
        with self._told("starts"), aws_call.calling("Lambda"):
            functions = aws_call.client("lambda", "")
            functions.invoke(FunctionName=self.scheduling.function, InvocationType="Event", Payload=payload.encode())

    def _keep_schedules(self) -> None:
        with self._told("schedules"), aws_call.calling("EventBridge Scheduler"):
            self.schedules.step(self.now())

    @contextmanager
    def _told(self, chore: str) -> Iterator[None]:
        """Trouble with starting runs must not delay anybody's alerts."""
        try:
            yield
        except StartFailed as problem:
            self.journal.tell(Happened.HINDERED, chore=chore, error=problem)

    def _sweep(self) -> Swept:
        swept = sweep(self.store, self.now(), service=self.config.service, evidence=self.look, ears=EARS)
        tell_swept(self.journal, swept)
        return swept

    def _oldest(self) -> float:
        """How many seconds the oldest alert has waited."""
        now = self.now()
        waiting = self.store.outbox(now + DAY, WAITING_MAX)
        return max((now - delivery.created_at for delivery in waiting), default=0) / SECOND
