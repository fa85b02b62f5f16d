"""What sweeps and passes over the outbox did, counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heartbeat.model import NEVER, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.core.blind import Blind
    from heartbeat.core.start_orders import Order
    from heartbeat.model import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one sweep did. due: jobs that it was to look at; lost: races lost (those jobs are looked at again at once).

    moved: milliseconds by which this sweep found the clock set forward (negative: back); age: milliseconds since the
    sweep before; starts: runs whose start somebody must go on with (`trigger`).
    """

    due: int = 0
    judged: int = 0
    told: int = 0
    lost: int = 0
    blind: Blind | None = None
    more: bool = False
    age: int = 0
    moved: int = 0
    starts: tuple[Order, ...] = ()

    def __add__(self, later: Swept) -> Swept:
        return Swept(
            due=self.due + later.due,
            judged=self.judged + later.judged,
            told=self.told + later.told,
            lost=self.lost + later.lost,
            blind=self.blind or later.blind,
            more=later.more,
            age=max(self.age, later.age),
            moved=self.moved + later.moved,
            starts=self.starts + later.starts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a pass did: deliveries sent, failed for now, dead. more: come back at once; next_at: otherwise not before.

    waiting: deliveries that it saw and left waiting.
    """

    sent: int = 0
    failed: int = 0
    dead: int = 0
    more: bool = False
    next_at: int = NEVER
    waiting: int = field(default=0, compare=False)

    def __add__(self, other: Delivered) -> Delivered:
        return Delivered(
            sent=self.sent + other.sent,
            failed=self.failed + other.failed,
            dead=self.dead + other.dead,
            more=self.more or other.more,
            next_at=min(self.next_at, other.next_at),
            waiting=other.waiting,
        )


def count(rows: Sequence[Delivery]) -> Delivered:
    """What became of these deliveries."""
    pending = [row for row in rows if row.outcome is Outcome.PENDING]
    return Delivered(
        sent=sum(row.outcome is Outcome.SENT for row in rows),
        dead=sum(row.outcome is Outcome.DEAD for row in rows),
        failed=len(pending),
        next_at=min((row.next_at for row in pending), default=NEVER),
    )
