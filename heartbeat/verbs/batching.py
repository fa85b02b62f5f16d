"""Waiting deliveries → what to send, and what a try makes of them. Pure.

In order: within one incident and channel, nothing is sent until what comes before it is finished, unless both go into
one message: a job that failed and recovered while the channel took nothing is told of once.
Together: many alerts of a kind that wait become one message, whose key stands in each row. A try that may have arrived
ties the rows to that message: the same alerts go out again under the same key. A try that certainly did not arrive ties
them to nothing, and what waits is put together anew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from heartbeat.model import DAY, HOUR, MINUTE, NEVER, SECOND, Alert, Delivery, Event, Outcome
from heartbeat.text.alert_text import headline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from heartbeat.errors import ChannelFailed

FIRST_WAIT = 10 * SECOND
LONGEST_WAIT = 10 * MINUTE
REFUSED_WAIT = 1 * MINUTE
REFUSED_LONGEST = 30 * MINUTE
"""The first and the longest wait for a channel that refuses everything, until a person mends it."""
PAUSE_MAX = 2 * MINUTE
RETRY_AFTER_MAX = 1 * HOUR
"""A receiver may not put us off for longer."""
PATIENCE = 1 * DAY
"""How long an alert is tried."""
ATTEMPTS_MIN = 5
"""Minimum attempts, even after our own day-long outage."""
UNDER_MAX = 8
"""Definitions of its channel that a row remembers: two processes with different ones may take turns."""
RECHECK = 15 * SECOND
"""How long to leave a delivery alone that waits for another."""
ORDER = {Event.OPENED: 0, Event.ILL: 0, Event.REMINDER: 1, Event.RECOVERED: 2, Event.CLOSED: 2, Event.WELL: 2}

Siblings = dict[str, dict[str, Delivery]]
"""For each incident, its deliveries on one channel, by id."""


class Parcel(Struct, frozen=True, kw_only=True):
    """One message to send: its deliveries, its idempotency key, and the receipt of the incident's first message."""

    rows: tuple[Delivery, ...]
    key: str
    receipt: str = ""


def uncut(rows: Sequence[Delivery]) -> list[Delivery]:
    """The rows of a read that hit its limit, without the groups that the limit cut in two."""
    count = Counter(row.group for row in rows)
    return [row for row in rows if not row.group or count[row.group] == _size(row.group)]


def elders(row: Delivery, siblings: Siblings) -> list[Delivery]:
    """The deliveries of the same incident that must be finished before this one, or go into one message with it."""
    if row.alert.event not in ORDER or not row.alert.incident:
        return []
    family = (o for o in siblings.get(row.alert.incident, {}).values() if o.alert.event in ORDER)
    others = (o for o in family if not row.group or o.group != row.group)
    return [o for o in others if o.outcome is Outcome.PENDING and _rank(o) < _rank(row)]


def blocker(row: Delivery, siblings: Siblings) -> Delivery | None:
    """A delivery that must be finished before this one, if there is one."""
    return next(iter(elders(row, siblings)), None)


def free(rows: Sequence[Delivery], siblings: Siblings, group_above: int) -> list[Delivery]:
    """The rows that may be sent now: nothing comes before them, or only what goes into the same message."""
    loose = {row.id for row in rows if group_above and not tied(row)}

    def together(row: Delivery, before: Sequence[Delivery]) -> bool:
        return any(_opens(elder) for elder in before) and loose.issuperset([row.id, *(elder.id for elder in before)])

    before = {row.id: elders(row, siblings) for row in rows}
    found = {row.id for row in rows if not before[row.id] or together(row, before[row.id])}
    torn = {row.group for row in rows if row.id not in found and tied(row)} - {""}
    return [row for row in rows if row.id in found and row.group not in torn]


def tied(row: Delivery) -> bool:
    """Whether a try of it may have arrived, so that it must be repeated as it was."""
    return _unsure(row) > 0


def ready(row: Delivery, definition: str | None, now: int, gone: Callable[[str], bool]) -> bool:
    """Whether it may be tried now.

    Its time has come, or whoever was sending it is gone, or its channel was redefined since it was tried. definition:
    what the channel is now, None when it is unknown here.
    """
    if row.next_at <= now:
        return True
    return gone(row.holder) if row.holder else definition is not None and definition not in row.under


def ripe(rows: Sequence[Delivery], is_ready: Callable[[Delivery], bool], group_above: int) -> set[str]:
    """The ids of what is tried now, of all that waits for one channel: what is ready, and what belongs to it.

    A repeated message is repeated whole. Alerts that can be told together come along with the first of them.
    """
    groups: dict[str, list[Delivery]] = defaultdict(list)
    for row in rows:
        groups[row.group if tied(row) and row.group else row.id].append(row)
    found = {name: [is_ready(row) for row in group] for name, group in groups.items()}
    held = {
        name
        for name, group in groups.items()
        if any(r.holder and not ok for r, ok in zip(group, found[name], strict=True))
    }
    chosen = {row.id for name, group in groups.items() if any(found[name]) and name not in held for row in group}
    loose = {row.id for row in rows if not row.holder and not tied(row)}
    return chosen | loose if chosen & loose and 0 < group_above < len(loose) else chosen


def arrange(rows: Iterable[Delivery], siblings: Siblings, group_above: int) -> list[Parcel]:
    """The messages that these deliveries make, those never tried first, then by age."""
    rows = sorted(rows, key=_rank)
    heads: dict[str, Delivery] = {}
    for row in rows:
        if _chained(row) and _opens(row) and not tied(row):
            heads.setdefault(row.alert.incident, row)
    buckets: dict[tuple[str, ...], list[Delivery]] = defaultdict(list)
    for row in rows:
        head = heads.get(row.alert.incident, row) if _chained(row) and group_above else row
        buckets[_bucket(row, head, siblings)].append(row)
    found = [parcel for (kind, *_), some in buckets.items() for parcel in _parcels(kind, some, siblings, group_above)]
    return sorted(found, key=lambda parcel: min((row.attempts, row.created_at, row.id) for row in parcel.rows))


def claimed(parcel: Parcel, until: int, holder: str) -> list[Delivery]:
    """The rows, marked as being sent by us."""
    group = parcel.key if parcel.key != parcel.rows[0].id else ""
    return [
        _next(row, next_at=until, attempts=row.attempts + 1, group=group, unsure=_unsure(row) + 1, holder=holder)
        for row in parcel.rows
    ]


def sent(row: Delivery, receipt: str) -> Delivery:
    """The row once it was taken."""
    return _next(row, next_at=NEVER, outcome=Outcome.SENT, receipt=receipt, error="", holder="", under=())


def postponed(row: Delivery, until: int, definition: str) -> Delivery:
    """A row that was not tried now, to be looked at later."""
    return _next(row, next_at=until, under=_under(row, definition))


def released(row: Delivery, until: int, definition: str) -> Delivery:
    """A claimed row that was not tried after all."""
    free = _untied(row)
    return replace(free, attempts=free.attempts - 1, next_at=until, under=_under(row, definition))


def failed(parcel: Parcel, error: ChannelFailed, definition: str, now: int) -> list[Delivery]:
    """The rows after a try that failed: to be tried again, together if they must stay so, or dead."""
    attempts = max(row.attempts for row in parcel.rows)
    again = now + wait(attempts, parcel.key, error)
    rows = [_untied(row) if error.unsent else _next(row, holder="") for row in parcel.rows]
    youngest = max(row.created_at for row in rows)
    after = []
    for row in rows:
        since = youngest if row.group else row.created_at
        if error.final or (now - since >= PATIENCE and attempts >= ATTEMPTS_MIN):
            after.append(replace(row, next_at=NEVER, outcome=Outcome.DEAD, error=str(error), under=()))
        else:
            after.append(replace(row, next_at=again, error=str(error), under=_under(row, definition)))
    return after


def unknown(parcel: Parcel, error: ChannelFailed, now: int) -> list[Delivery]:
    """The rows for a channel unknown here, left for a day to a process that knows it."""
    tried = [replace(row, attempts=row.attempts + 1, unsure=_unsure(row) + 1) for row in parcel.rows]
    after = failed(holding(parcel, tried), error, "", now)
    return [replace(new, under=row.under) for new, row in zip(after, parcel.rows, strict=True)]


def holding(parcel: Parcel, rows: Sequence[Delivery]) -> Parcel:
    """The same message with these versions of its rows."""
    return Parcel(rows=tuple(rows), key=parcel.key, receipt=parcel.receipt)


def wait(attempts: int, key: str, error: ChannelFailed) -> int:
    """How long until the next try: 10 s doubling to 10 min, give or take a quarter; or what the receiver asks for.

    When everything is refused: a minute, doubling to half an hour.
    """
    spread = int.from_bytes(sha256(f"{key} {attempts}".encode()).digest()[:4]) / (1 << 32)
    if error.retry_after is not None:
        asked = min(max(int(error.retry_after * SECOND), SECOND), RETRY_AFTER_MAX)
        return asked + int(spread * SECOND)
    first, longest = (REFUSED_WAIT, REFUSED_LONGEST) if error.refused else (FIRST_WAIT, LONGEST_WAIT)
    doubled = first << min(max(attempts, 1) - 1, 10)
    return int(min(doubled, longest) * (0.75 + spread / 2))


def pause(attempts: int, key: str, error: ChannelFailed) -> int:
    """How long to leave a whole channel alone: not too long, since it may have been just this message."""
    usual = wait(attempts, key, error)
    return usual if error.retry_after is not None or error.refused else min(usual, PAUSE_MAX)


def undelivered(row: Delivery, error: ChannelFailed, now: int) -> Alert | None:
    """What the fallback is told of a dead delivery; None if the message was itself of this kind."""
    if row.alert.event is Event.UNDELIVERED:
        return None
    text = f"channel {row.channel} did not take this message ({error}): {headline(row.alert, now)}"
    return replace(row.alert, id=f"{row.id}/undelivered", event=Event.UNDELIVERED, at=now, text=text)


def _next(row: Delivery, **changes: object) -> Delivery:
    return replace(row, version=row.version + 1, **changes)


def _unsure(row: Delivery) -> int:
    return row.attempts if row.unsure is None else row.unsure


def _untied(row: Delivery) -> Delivery:
    """The next version of a claimed row whose try did not arrive."""
    unsure = _unsure(row) - 1
    return _next(row, unsure=unsure, group=row.group if unsure else "", holder="")


def _under(row: Delivery, definition: str) -> tuple[str, ...]:
    return (*(known for known in row.under if known != definition), definition)[-UNDER_MAX:]


def _rank(row: Delivery) -> tuple[int, int, str]:
    return ORDER.get(row.alert.event, 0), row.created_at, row.id


def _chained(row: Delivery) -> bool:
    return row.alert.event in ORDER and bool(row.alert.incident)


def _opens(row: Delivery) -> bool:
    return ORDER.get(row.alert.event, 0) == 0


def _bucket(row: Delivery, head: Delivery, siblings: Siblings) -> tuple[str, ...]:
    """head: the first of its incident among what is sent now."""
    if tied(row):
        return ("group", row.group) if row.group else ("single", row.id)
    return "fresh", str(head.alert.event), _receipt(head, siblings)


def _parcels(kind: str, rows: Sequence[Delivery], siblings: Siblings, group_above: int) -> list[Parcel]:
    if kind == "group" or 0 < group_above < len(rows):
        return [_parcel(rows, siblings)]
    families: dict[str, list[Delivery]] = defaultdict(list)
    for row in rows:
        families[row.alert.incident if _chained(row) and group_above else row.id].append(row)
    return [_parcel(family, siblings) for family in families.values()]


def _parcel(rows: Sequence[Delivery], siblings: Siblings) -> Parcel:
    return Parcel(rows=tuple(rows), key=_key(rows), receipt=_receipt(rows[0], siblings))


def _key(rows: Sequence[Delivery]) -> str:
    """One alert: its delivery's id. Several: a name for exactly these, so that some of them never pass for all.

    What is left of a group whose other rows are marked already keeps the key: the message has arrived.
    """
    if tied(rows[0]) and rows[0].group:
        return rows[0].group
    if len(rows) == 1:
        return rows[0].id
    names = "\n".join(sorted(row.id for row in rows))
    return f"group/{sha256(names.encode()).hexdigest()[:32]}/{len(rows)}@{rows[0].channel}"


def _size(group: str) -> int:
    return int(group.partition("@")[0].rpartition("/")[2])


def _receipt(row: Delivery, siblings: Mapping[str, Mapping[str, Delivery]]) -> str:
    """What the channel answered to the incident's first message, for the messages that follow it."""
    if ORDER.get(row.alert.event, 0) == 0 or not row.alert.incident:
        return ""
    family = siblings.get(row.alert.incident, {}).values()
    opened = (o for o in family if ORDER.get(o.alert.event) == 0 and o.outcome is Outcome.SENT)
    return next((o.receipt for o in opened), "")
