"""One look at the store, and the lines about the service itself above the table of jobs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from heartbeat.core.blind import LONG
from heartbeat.core.explain import JobStanding, standing
from heartbeat.doors.cli.options import here
from heartbeat.doors.cli.screen import Cell, counted
from heartbeat.doors.cli.status_table import STYLES
from heartbeat.model import NEVER
from heartbeat.text.times import ago, duration
from heartbeat.verbs import service_state
from heartbeat.verbs.illness import illnesses
from heartbeat.verbs.jobs import everything, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heartbeat.model import Delivery, Illness, Silence, Snapshot
    from heartbeat.store.protocol import Store
    from heartbeat.verbs.service_state import ClockBook, Dead

PENDING_MAX = 1_000
STRAYS_SHOWN = 5
DEAD_SHOWN = 5
ORDER = list(JobStanding)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One look at the store. jobs: all of them; stands: where each stands; clock: version 0 if no sweep ever ran."""

    now: int
    jobs: tuple[Snapshot, ...]
    stands: Mapping[str, JobStanding]
    clock: ClockBook
    pending: tuple[Delivery, ...]
    dead: Dead
    ill: tuple[Illness, ...]
    silences: tuple[Silence, ...]
    strays: dict[str, dict[str, int]]

    @property
    def stale(self) -> bool:
        """Whether the clock once ran but no longer does."""
        return bool(self.clock.version) and self.now - self.clock.alive > LONG


def view(store: Store, now: int) -> View:
    """Everything that `status` shows."""
    jobs = tuple(everything(store))
    return View(
        now=now,
        jobs=jobs,
        stands={found.job.slug: standing(found, now) for found in jobs},
        clock=service_state.clock(store, now),
        pending=tuple(store.outbox(NEVER - 1, PENDING_MAX)),
        dead=service_state.dead(store),
        ill=illnesses(store),
        silences=tuple(s for s in service_state.silences(store) if s.end > now),
        strays=cast("dict[str, dict[str, int]]", store.document("strays").value or {}),
    )


def head(seen: View) -> list[Cell]:
    """What is wrong with the service, the clock first."""
    silences = [f"silence {s.id}: {_silence(s, seen.now)}" for s in seen.silences]
    return [
        _clock(seen),
        *(Cell(f"ill since {ago(ill.since, seen.now)}: {ill.text}", "bold red") for ill in seen.ill),
        *(Cell(text, "yellow") for text in _alerts(seen)),
        *(Cell(text, "magenta") for text in silences),
        *(Cell(text, "yellow") for text in _strays(seen)),
    ]


def totals(seen: View) -> list[str | Cell]:
    """How many jobs are in which state."""
    if not seen.jobs:
        return ["no jobs yet; `heartbeat apply` makes them from jobs.yaml"]
    counts = Counter(seen.stands.values())
    parts = [(", ", Cell(f"{counts[each]} {each}", STYLES[each])) for each in ORDER if counts[each]]
    return [f"{counted(len(seen.jobs), 'job')}: ", *[cell for part in parts for cell in part][1:]]


def _clock(seen: View) -> Cell:
    if not seen.clock.version:
        text = "no sweep has run yet, so nothing is watched; start `heartbeat serve`, or `heartbeat tick` from cron"
        return Cell(text, "red")
    age = ago(min(seen.clock.alive, seen.now), seen.now)
    if seen.stale:
        return Cell(f"last sweep {age}: nothing is watched; is `heartbeat serve` running?", "bold red")
    return Cell(f"last sweep {age}", "dim")


def _alerts(seen: View) -> list[str]:
    lines = []
    if seen.pending:
        oldest = duration(seen.now - min(delivery.created_at for delivery in seen.pending))
        errors = next((f"; last error: {d.error}" for d in reversed(seen.pending) if d.error), "")
        lines.append(f"{_alerts_count(len(seen.pending))} to be delivered, the oldest for {oldest}{errors}")
    if seen.dead.count:
        lines.append(f"{counted(seen.dead.count, 'alert')} never delivered, the latest:")
    return [*lines, *(_dead(delivery, seen.now) for delivery in reversed(seen.dead.latest[-DEAD_SHOWN:]))]


def _dead(delivery: Delivery, now: int) -> str:
    what = f"{delivery.alert.event} {delivery.alert.slug}".strip()
    return f"  to {delivery.channel}: {what}, {ago(delivery.created_at, now)} ({delivery.error})"


def _alerts_count(count: int) -> str:
    return "1 alert waits" if count == 1 else f"{count}{'+' if count >= PENDING_MAX else ''} alerts wait"


def _silence(silence: Silence, now: int) -> str:
    when = f"until {here(silence.end)} ({ago(silence.end, now)})"
    author = f", by {silence.author}" if silence.author else ""
    return f"{silence.selector} {when}{author}" + (f": {silence.reason}" if silence.reason else "")


def _strays(seen: View) -> list[str]:
    names = [found.job.slug for found in seen.jobs]
    latest = sorted(seen.strays.items(), key=lambda item: item[1]["last"], reverse=True)
    more = len(latest) - STRAYS_SHOWN
    lines = [_stray(slug, stray, names, seen.now) for slug, stray in latest[:STRAYS_SHOWN]]
    return [*lines, f"and {counted(more, 'more unknown name')}"] if more > 0 else lines


def _stray(slug: str, stray: dict[str, int], names: Sequence[str], now: int) -> str:
    near = nearest(slug, iter(names))
    hint = f"; did you mean {near}?" if near else ""
    return f"{counted(stray['count'], 'ping')} for the unknown name {slug}, the last {ago(stray['last'], now)}{hint}"
