"""Messages in dead-letter queues. Their attributes say what should have been called, and why it was not.

Sources: EventBridge Scheduler user guide, "Configuring a schedule's dead-letter queue"; EventBridge user guide, "Using
dead-letter queues to process undelivered events"; Lambda developer guide, "Adding a dead-letter queue".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.ingest.events.functions import FAILED
from heartbeat.ingest.events.heard import EventFacts, Teller
from heartbeat.ingest.events.shape import instant, joined, spelled
from heartbeat.model import SECOND, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heartbeat.model import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message. id: the queue's; place: the ARN of the queue or topic; sent: milliseconds, None if unknown."""

    id: str
    place: str
    sent: int | None
    attributes: Mapping[str, str] = field(default_factory=dict)


def told(letter: DeadLetter, now: int) -> EventFacts | None:
    """What a dead letter says; None when it is not one."""
    has = letter.attributes
    if "SCHEDULE_ARN" in has:
        names = spelled(has["SCHEDULE_ARN"], ":schedule/")
        return _told("scheduler", "schedule", _either(names), _undelivered("scheduler", letter, now))
    if "RULE_ARN" in has:
        names = spelled(has["RULE_ARN"], ":rule/")
        return _told("rule", "rule", _either(names), _undelivered("rule", letter, now))
    if "RequestID" in has and ("ErrorMessage" in has or "ErrorCode" in has):
        place = (letter.place, letter.place.rpartition(":")[2])
        return _told("lambda", "dead_letters", place, _not_run(letter, now))
    return None


def _told(kind: str, key: str, names: tuple[str, ...], signal: Signal) -> EventFacts:
    return EventFacts(kind=kind, facts={key: names}, signals=lambda _: [signal])


def _either(names: tuple[str, ...]) -> tuple[str, ...]:
    """With and without `default/`: ARNs of rules leave it out, those of schedules seldom do."""
    bare = tuple(name.removeprefix("default/") for name in names)
    return (*names, *bare, *(f"default/{name}" for name in bare if "/" not in name))


def _undelivered(source: str, letter: DeadLetter, now: int) -> Signal:
    has = letter.attributes
    signal = Teller(source=source, now=now).end(Kind.FAIL, has.get("EXECUTION_ID") or letter.id, letter.sent)
    missed = f"{has.get('TARGET_ARN', 'the target')} was not called"
    body = joined(missed, has.get("ERROR_CODE", ""), has.get("ERROR_MESSAGE", ""))
    return replace(signal, named=_slot(has.get("SCHEDULED_TIME", "")), body=body)


def _slot(scheduled: str) -> str:
    """The slot as signals name it: to the minute."""
    moment = instant(scheduled)
    return "" if moment is None else datetime.fromtimestamp(moment / SECOND, UTC).isoformat(timespec="minutes")


def _not_run(letter: DeadLetter, now: int) -> Signal:
    has = letter.attributes
    signal = Teller(source="lambda", now=now, run=has["RequestID"]).end(Kind.FAIL, FAILED, letter.sent)
    return replace(signal, body=joined(has.get("ErrorCode", ""), has.get("ErrorMessage", "")))
