"""Unwraps what came: reads it as the first shape that fits, and then what is wrapped inside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from heartbeat.errors import BadSignal
from heartbeat.ingest.events import batch, dead_letters, ecs, functions, objects, step_functions
from heartbeat.ingest.events.dead_letters import DeadLetter
from heartbeat.ingest.events.heard import Heard
from heartbeat.ingest.events.shape import instant, items, mapping, quoted, text
from heartbeat.ingest.written import parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.ingest.events.heard import EventFacts, Object
    from heartbeat.ingest.events.matcher import Matcher
    from heartbeat.model import Signal

DEPTH_MAX = 6
"""Wrappings: a batch of SQS messages that hold SNS notifications that hold a batch of S3 records has five."""
PARTS_MAX = 20_000
"""Records and messages read in one event; SQS passes on 10,000 messages at most."""
BODY_MAX = 8_000_000
"""Characters of a message; Lambda passes on 6 MB at most."""
ODD_MAX = 20
"""Sentences kept; more are counted."""
READERS: dict[tuple[str, str], Callable[[dict[str, Any], int], EventFacts | None]] = {
    ("aws.ecs", "ECS Task State Change"): ecs.task,
    ("aws.ecs", "ECS Service Action"): ecs.service,
    ("aws.states", "Step Functions Execution Status Change"): step_functions.execution,
    ("aws.batch", "Batch Job State Change"): batch.job,
    ("lambda", "Lambda Function Invocation Result - Success"): functions.result,
    ("lambda", "Lambda Function Invocation Result - Failure"): functions.result,
}
"""By source and detail-type. EventBridge: only AWS can send events whose source begins with `aws.`."""


def read(event: object, matcher: Matcher, now: int) -> Heard:
    """What an event says, whatever it is: never raises. now: when it came, milliseconds."""
    reading = _Reading(matcher=matcher, now=now)
    reading.part(event, 0)
    return reading.heard()


@dataclass(slots=True, kw_only=True)
class _Reading:
    matcher: Matcher
    now: int
    signals: dict[tuple[str, str], Signal] = field(default_factory=dict)
    objects: dict[Object, None] = field(default_factory=dict)
    odd: list[str] = field(default_factory=list)
    parts: int = 0
    strangers: int = 0

    def heard(self) -> Heard:
        odd = self.odd[:ODD_MAX]
        if self.odd[ODD_MAX:]:
            odd.append(f"and {len(self.odd) - ODD_MAX} more")
        return Heard(
            signals=tuple(self.signals.values()), objects=tuple(self.objects), odd=tuple(odd), strangers=self.strangers
        )

    def part(self, value: object, depth: int) -> None:
        self.parts += 1
        if depth > DEPTH_MAX or self.parts > PARTS_MAX:
            if self.parts <= PARTS_MAX + 1:
                self.odd.append("an event wrapped too deep, or with too many parts; the rest was not read")
            return
        try:
            self.shaped(value, depth)
        except BadSignal as problem:
            self.odd.append(str(problem))

    def shaped(self, value: object, depth: int) -> None:
        if isinstance(value, list):
            self.each(value, depth)
        elif not isinstance(value, dict):
            self.odd.append(f"{type(value).__name__} is no event")
        elif "detail-type" in value:
            self.event(value)
        elif isinstance(value.get("Records"), list):
            self.each(items(value, "Records"), depth)
        elif "eventSource" in value or "EventSource" in value:
            self.record(value, depth)
        elif "functionArn" in mapping(value, "requestContext"):
            self.told(functions.record(value, self.now))
        elif value.get("Type") == "Notification":
            self.message(_from_sns(value), text(value, "Message", most=BODY_MAX), depth)
        elif value.get("Event") != "s3:TestEvent":
            names = ", ".join(str(name)[:40] for name in list(value)[:5])
            self.odd.append(f"an event of no known shape, with {quoted(names)}")

    def each(self, values: list[Any], depth: int) -> None:
        for value in values:
            self.part(value, depth + 1)

    def event(self, event: dict[str, Any]) -> None:
        source, name = text(event, "source"), text(event, "detail-type")
        reader = READERS.get((source, name))
        if source == "aws.s3":
            if name == "Object Created":
                self.objects[objects.created(event)] = None
        elif reader is None:
            self.odd.append(f"nothing reads events of {quoted(source)}, {quoted(name)}")
        else:
            self.told(reader(event, self.now))

    def record(self, record: dict[str, Any], depth: int) -> None:
        source = text(record, "eventSource") or text(record, "EventSource")
        if source == "aws:s3":
            found = objects.notified(record)
            if found is not None:
                self.objects[found] = None
        elif source == "aws:sqs":
            self.message(_from_sqs(record), text(record, "body", most=BODY_MAX), depth)
        elif source == "aws:sns":
            sns = mapping(record, "Sns")
            self.message(_from_sns(sns), text(sns, "Message", most=BODY_MAX), depth)
        else:
            self.odd.append(f"nothing reads records of {quoted(source)}")

    def message(self, letter: DeadLetter, body: str, depth: int) -> None:
        """Read a dead letter by its attributes, any other by its body (a rule's dead letter contains the event)."""
        told = dead_letters.told(letter, self.now)
        known = told is not None and self.told(told)
        if told is None or (told.kind == "rule" and not known):
            self.written(body, depth)

    def written(self, body: str, depth: int) -> None:
        try:
            value = parsed(body)
        except ValueError:
            self.odd.append(f"a message that is no JSON: {quoted(body)}")
        else:
            self.part(value, depth + 1)

    def told(self, told: EventFacts | None) -> bool:
        if told is None:
            return False
        found = list(self.matcher.find(told))
        self.strangers += not found
        for slug, source in found:
            for signal in told.signals(source):
                self.signals.setdefault((slug, signal.id), replace(signal, slug=slug))
        return bool(found)


def _from_sqs(record: dict[str, Any]) -> DeadLetter:
    attributes = mapping(record, "messageAttributes")
    return DeadLetter(
        id=text(record, "messageId"),
        place=text(record, "eventSourceARN"),
        sent=instant(record, "attributes", "SentTimestamp"),
        attributes={name: text(each, "stringValue") for name, each in attributes.items() if isinstance(name, str)},
    )


def _from_sns(sns: dict[str, Any]) -> DeadLetter:
    attributes = mapping(sns, "MessageAttributes")
    return DeadLetter(
        id=text(sns, "MessageId"),
        place=text(sns, "TopicArn"),
        sent=instant(sns, "Timestamp"),
        attributes={name: text(each, "Value") for name, each in attributes.items() if isinstance(name, str)},
    )
