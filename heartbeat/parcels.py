"""Waiting deliveries → what to send, and what a try makes of them. Pure.

In order: within one incident and channel nothing is sent before what comes before it is finished.
Together: many first attempts of a kind become one message, whose key stands in each row, so that after a crash the same
alerts go out again under the same key.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.model import DAY, HOUR, MINUTE, NEVER, SECOND, Alert, Delivery, Event, Outcome
from heartbeat.wording import headline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from heartbeat.errors import ChannelFailed

FIRST_WAIT = 10 * SECOND
LONGEST_WAIT = 10 * MINUTE
PAUSE_MAX = 2 * MINUTE
RETRY_AFTER_MAX = 1 * HOUR
"""A receiver may not put us off for longer."""
PATIENCE = 1 * DAY
"""So long an alert is tried."""
ATTEMPTS_MIN = 5
"""So often it is tried in any case, also when we ourselves were away for the day."""
RECHECK = 15 * SECOND
"""How long to leave a delivery alone that waits for another one."""
ORDER = {Event.OPENED: 0, Event.ILL: 0, Event.REMINDER: 1, Event.RECOVERED: 2, Event.CLOSED: 2, Event.WELL: 2}

Siblings = dict[str, dict[str, Delivery]]
"""Per incident its deliveries on one channel, by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One message to be: its deliveries, its idempotency key, and the receipt of the incident's opened message."""

    rows: tuple[Delivery, ...]
    key: str
    receipt: str = ""


def uncut(rows: Sequence[Delivery]) -> Sequence[Delivery]:
    """Of a read that was full: the rows without the groups that it cut. All, if nothing else is left."""
    count = Counter(row.group for row in rows)
    whole = [row for row in rows if not row.group or count[row.group] == _size(row.group)]
    return whole or rows


def blocker(row: Delivery, siblings: Siblings) -> Delivery | None:
    """A delivery of the same incident that must be finished before this one, if there is one."""
    if row.alert.event not in ORDER or not row.alert.incident:
        return None
    others = (o for o in siblings.get(row.alert.incident, {}).values() if o.alert.event in ORDER)
    return next((o for o in others if o.outcome is Outcome.PENDING and _rank(o) < _rank(row)), None)


def arrange(rows: Iterable[Delivery], siblings: Siblings, group_above: int) -> list[Parcel]:
    """The messages that these deliveries make: those never tried first, then the oldest."""
    buckets: dict[tuple[str, ...], list[Delivery]] = defaultdict(list)
    for row in rows:
        buckets[_bucket(row, siblings)].append(row)
    found = [parcel for (kind, *_), some in buckets.items() for parcel in _parcels(kind, some, siblings, group_above)]
    return sorted(found, key=lambda parcel: min((row.attempts, row.created_at, row.id) for row in parcel.rows))


def claimed(parcel: Parcel, until: int) -> list[Delivery]:
    """The rows as they say that we are sending them."""
    group = parcel.key if len(parcel.rows) > 1 else ""
    return [_next(row, next_at=until, attempts=row.attempts + 1, group=group) for row in parcel.rows]


def sent(row: Delivery, receipt: str) -> Delivery:
    """The row once it was taken."""
    return replace(row, version=row.version + 1, next_at=NEVER, outcome=Outcome.SENT, receipt=receipt, error="")


def postponed(row: Delivery, until: int) -> Delivery:
    """A row that nobody tried yet, to be looked at later."""
    return _next(row, next_at=until, attempts=row.attempts, group=row.group)


def released(row: Delivery, until: int) -> Delivery:
    """A claimed row that was not tried after all. One never tried may be grouped anew."""
    attempts = row.attempts - 1
    return _next(row, next_at=until, attempts=attempts, group=row.group if attempts else "")


def failed(row: Delivery, error: ChannelFailed, key: str, now: int) -> Delivery:
    """The row after a try that failed: to be tried again, or dead."""
    if hopeless(row, error, now):
        return replace(row, version=row.version + 1, next_at=NEVER, outcome=Outcome.DEAD, error=str(error))
    return replace(row, version=row.version + 1, next_at=now + wait(row.attempts, key, error), error=str(error))


def hopeless(row: Delivery, error: ChannelFailed, now: int) -> bool:
    """Whether trying again cannot help, or has been done for long enough."""
    return error.final or (now - row.created_at >= PATIENCE and row.attempts >= ATTEMPTS_MIN)


def wait(attempts: int, key: str, error: ChannelFailed) -> int:
    """How long until the next try: 10 s doubling to 10 min, spread by a quarter; or what the receiver asks for."""
    spread = int.from_bytes(sha256(f"{key} {attempts}".encode()).digest()[:4]) / (1 << 32)
    if error.retry_after is not None:
        asked = min(max(int(error.retry_after * SECOND), SECOND), RETRY_AFTER_MAX)
        return asked + int(spread * SECOND)
    doubled = FIRST_WAIT << min(max(attempts, 1) - 1, 10)
    return int(min(doubled, LONGEST_WAIT) * (0.75 + spread / 2))


def pause(attempts: int, key: str, error: ChannelFailed) -> int:
    """How long to leave a whole channel alone: not for too long, for it may have been this one message."""
    usual = wait(attempts, key, error)
    return usual if error.retry_after is not None else min(usual, PAUSE_MAX)


def undelivered(row: Delivery, error: ChannelFailed, now: int) -> Alert | None:
    """What the fallback is told of a dead delivery; nothing about a message that was itself of this sort."""
    if row.alert.event is Event.UNDELIVERED:
        return None
    text = f"channel {row.channel} did not take this message ({error}): {headline(row.alert, now)}"
    return replace(row.alert, id=f"{row.id}/undelivered", event=Event.UNDELIVERED, at=now, text=text)


def _next(row: Delivery, *, next_at: int, attempts: int, group: str) -> Delivery:
    return replace(row, version=row.version + 1, next_at=next_at, attempts=attempts, group=group)


def _rank(row: Delivery) -> tuple[int, int, str]:
    return ORDER[row.alert.event], row.created_at, row.id


def _bucket(row: Delivery, siblings: Siblings) -> tuple[str, ...]:
    if row.group:
        return "group", row.group
    if row.attempts:
        return "single", row.id
    return "fresh", str(row.alert.event), _receipt(row, siblings)


def _parcels(kind: str, rows: Sequence[Delivery], siblings: Siblings, group_above: int) -> list[Parcel]:
    several = kind == "group" or 0 < group_above < len(rows)
    return [_parcel(rows, siblings)] if several else [_parcel([row], siblings) for row in rows]


def _parcel(rows: Sequence[Delivery], siblings: Siblings) -> Parcel:
    return Parcel(rows=tuple(rows), key=_key(rows), receipt=_receipt(rows[0], siblings))


def _key(rows: Sequence[Delivery]) -> str:
    """One alert: its delivery's id. Several: a name for exactly these, so that a part of them never passes for all."""
    if len(rows) == 1:
        return rows[0].id
    names = "\n".join(sorted(row.id for row in rows))
    return f"group/{sha256(names.encode()).hexdigest()[:32]}/{len(rows)}@{rows[0].channel}"


def _size(group: str) -> int:
    return int(group.partition("@")[0].rpartition("/")[2])


def _receipt(row: Delivery, siblings: Mapping[str, Mapping[str, Delivery]]) -> str:
    """What the channel answered when it told that the incident opened, for what follows it."""
    if ORDER.get(row.alert.event, 0) == 0 or not row.alert.incident:
        return ""
    family = siblings.get(row.alert.incident, {}).values()
    opened = (o for o in family if ORDER.get(o.alert.event) == 0 and o.outcome is Outcome.SENT)
    return next((o.receipt for o in opened), "")
