"""What the trigger function does: starts runs, each once, whoever calls it.

Callers: EventBridge Scheduler (`{"heartbeat": "start", "job": …, "at": …}`), a classic rule (`resources[0]` names the
job), the checker (`{"heartbeat": "go-on", "orders": […]}`), and people (`{"heartbeat": "run", "job": …}`).
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from heartbeat.core import slots
from heartbeat.core.run_history import BY_HAND
from heartbeat.core.start_orders import Order
from heartbeat.core.starting import EARLY
from heartbeat.doors.api.json_shapes import started_facts
from heartbeat.errors import BadSignal, CallerError, UnknownJob
from heartbeat.model import SECOND, Phase
from heartbeat.telemetry import Happened
from heartbeat.verbs.trigger import tell_started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from heartbeat.doors.lambdas.journal import Journal
    from heartbeat.model import Job
    from heartbeat.store.protocol import Store
    from heartbeat.verbs.trigger import Started, Starter

    Left = Callable[[], int]
    """Milliseconds until Lambda ends this call."""

RESERVE = 30 * SECOND
"""With less time left than this, a call makes no further attempt: the checker continues."""
PATIENCE = 60 * SECOND
"""How long it waits for the next attempt itself."""


class Starts:
    """now: milliseconds since the epoch; pause: waits for seconds."""

    def __init__(
        self,
        store: Store,
        starter: Starter,
        journal: Journal,
        now: Callable[[], int],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store, self._starter, self._journal, self._now, self._pause = store, starter, journal, now, pause

    def answer(self, event: Mapping[str, Any], left: Left, request: str = "") -> dict[str, Any]:
        """The runs, in the form of `heartbeat run --json`. Raises WorldError: then the caller should call again.

        request: Lambda's id for this call, the same when Lambda itself repeats it.
        """
        try:
            return {"runs": [started_facts(self._start(order, left)) for order in self._orders(event, request)]}
        except CallerError as problem:  # calling again would not help
            self._journal.tell(Happened.RUN_NOT_STARTED, error=problem)
            return {"error": str(problem)}

    def _start(self, order: Order, left: Left) -> Started:
        while True:
            started = self._starter.start(order)
            self._say(started)
            wait = None if started.again is None else started.again - self._now()
            if started.phase is not Phase.AGAIN or wait is None or wait > PATIENCE or wait > left() - RESERVE:
                return started
            self._pause(max(wait, 0) / SECOND)

    def _say(self, started: Started) -> None:
        tell_started(started, self._journal)
        if started.is_news and started.held is None:
            self._journal.count(**{"Started" if started.phase is Phase.STARTED else "NotStarted": 1})

    def _orders(self, event: Mapping[str, Any], request: str) -> Iterator[Order]:
        match event.get("heartbeat"):
            case "go-on":
                yield from (Order(**order) for order in event["orders"])
            case "run":
                yield self._by_hand(event, request or str(uuid4()))
            case "start":
                yield self._of_slot(str(event.get("job", "")), event.get("at"), event.get("life"))
            case None if event.get("resources"):
                yield self._of_slot(str(event["resources"][0]).rpartition("/")[2].lower(), event.get("time"))
            case _:
                raise BadSignal('this is no call to start a run; send {"heartbeat": "run", "job": "NAME"}')

    def _of_slot(self, slug: str, at: object, life: object = None) -> Order:
        """The latest slot by that time: a scheduler may be late, and of several calls for a slot only one starts it.

        life: of the job that the schedule was made for, None if it does not say.
        """
        found = self._store.load([slug]).get(slug)
        if found is None:
            raise UnknownJob(slug)
        if life is not None and life != found.state.life:
            raise BadSignal(f"this schedule was made for a {slug} that has been removed; the one of now has its own")
        slot = slots.schedule_of(found.job).previous_ms(self._instant(at) + EARLY + 1)
        return Order(slug=slug, slot=slot)

    def _instant(self, at: object) -> int:
        try:  # a placeholder that nobody filled in means now
            return min(round(datetime.fromisoformat(str(at)).timestamp() * SECOND), self._now())
        except ValueError:
            return self._now()

    def _by_hand(self, event: Mapping[str, Any], run_id: str) -> Order:
        slug, slot = str(event.get("job", "")), None
        if event.get("for"):
            found = self._store.load([slug]).get(slug)
            slot = None if found is None else _named(found.job, str(event["for"]), self._now())
        given = "" if event.get("input") is None else json.dumps(event["input"], ensure_ascii=False)
        return Order(slug=slug, slot=slot, run_id=run_id, by=str(event.get("by") or BY_HAND), input=given)


def _named(job: Job, text: str, now: int) -> int:
    try:
        slot = slots.named(job, text, now)
    except ValueError:
        slot = None
    if slot is None:
        raise BadSignal(f"for {text!r} names no slot of {job.slug}; write 2026-11-22 or 2026-11-22T09:00")
    return slot
