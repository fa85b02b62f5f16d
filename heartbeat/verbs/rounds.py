"""Sweeps and passes of deliveries: again at once while there is more, and what the log says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.telemetry import Log
    from heartbeat.verbs.counts import Delivered, Swept


Done = TypeVar("Done", "Swept", "Delivered")


def again(once: Callable[[], Done], rounds: int, enough: Callable[[], bool] = lambda: False) -> Done:
    """Do it until nothing is left to do, `rounds` times at most, or until it is `enough`; all that was done."""
    done = total = once()
    for _ in range(1, rounds):
        if not done.more or enough():
            break
        done = once()
        total += done
    return total


def tell_swept(log: Log, swept: Swept) -> None:
    """Say what a sweep did, when it is worth a line."""
    if swept.told or swept.lost or swept.blind:
        blind = None if swept.blind is None else f"{swept.blind.start}..{swept.blind.end}"
        log.tell(Happened.SWEPT, judged=swept.judged, told=swept.told, lost=swept.lost, blind=blind)


def tell_delivered(log: Log, done: Delivered) -> None:
    """Say what was sent, when anything was."""
    if done.sent or done.failed or done.dead:
        log.tell(Happened.DELIVERED, sent=done.sent, failed=done.failed, dead=done.dead)
