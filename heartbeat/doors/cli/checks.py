"""The result of a `doctor` check, and the checks of the database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from heartbeat.core.blind import LONG
from heartbeat.model import DAY, MINUTE, NEVER
from heartbeat.text.times import ago, duration
from heartbeat.verbs import service_state
from heartbeat.verbs.illness import illnesses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.store.protocol import Store

WAITING_MAX = 10 * MINUTE
"""If an alert waits longer, something is wrong."""


DEAD_SHOWN = 7 * DAY
DEAD_MAX = 5


class CheckResult(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    found: CheckResult
    text: str


def check_store(store: Store, now: int, runner: str = "`heartbeat serve`") -> Iterator[Check]:
    """Whether the clock runs and is right, and alerts get out. runner: what sweeps and delivers here."""
    clock = service_state.clock(store, now)
    age = now - clock.alive
    if not clock.version:
        yield Check(
            "clock", CheckResult.WARNING, f"no sweep has run yet: is {runner} running? `heartbeat tick` sweeps once"
        )
    elif age < -MINUTE:
        late = duration(-age)
        yield Check(
            "clock", CheckResult.PROBLEM, f"the last sweep is {late} in the future: this machine's clock is wrong"
        )
    elif age > LONG:
        yield Check("clock", CheckResult.PROBLEM, f"the last sweep was {ago(clock.alive, now)}: is {runner} running?")
    else:
        yield Check("clock", CheckResult.OK, f"the last sweep was {ago(min(clock.alive, now), now)}")
    yield _check_outbox(store, now, runner)
    yield from _check_dead(store, now)
    for ill in illnesses(store):
        yield Check("service", CheckResult.PROBLEM, f"{ill.text} (since {ago(ill.since, now)})")


def _check_dead(store: Store, now: int) -> Iterator[Check]:
    """Undelivered alerts stay a problem for a week: somebody should know what they said."""
    died = [row for row in service_state.dead(store).latest if now - row.created_at <= DEAD_SHOWN]
    for row in reversed(died[-DEAD_MAX:]):
        what = f"{row.alert.event} {row.alert.slug}".strip()
        text = f"never delivered to {row.channel}: {what}, {ago(row.created_at, now)} ({row.error})"
        yield Check("alerts", CheckResult.PROBLEM, text)


def _check_outbox(store: Store, now: int, runner: str) -> Check:
    waiting = store.outbox(NEVER - 1, 1_000)
    oldest = min((delivery.created_at for delivery in waiting), default=now)
    if now - oldest <= WAITING_MAX:
        return Check("alerts", CheckResult.OK, f"{len(waiting)} wait to be delivered")
    error = next((f" {delivery.error}" for delivery in waiting if delivery.error), "")
    text = f"{len(waiting)} wait, the oldest for {duration(now - oldest)}; is {runner} running?"
    return Check("alerts", CheckResult.PROBLEM, f"{text}{error}")
