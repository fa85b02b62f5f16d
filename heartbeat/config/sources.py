"""The `sources` of a job: whose events on AWS are its signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heartbeat.config.findings import nearest, quoted
from heartbeat.config.keys import Key, record
from heartbeat.config.nodes import Mapping
from heartbeat.config.values import text
from heartbeat.model import Source

if TYPE_CHECKING:
    from heartbeat.config.spots import Spot

SOURCES_MAX = 20
_VALUE = text(2048)  # the length of the longest ARN


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKind:
    """One kind. starts: its events tell when a run starts; keys: the most telling first."""

    name: str
    doc: str
    keys: tuple[Key, ...]
    starts: bool = False


def _key(name: str, doc: str) -> Key:
    return Key(name=name, type=_VALUE, doc=doc)


KINDS = (
    SourceKind(
        name="ecs",
        doc="Tasks on ECS.",
        starts=True,
        keys=(
            _key("family", "The task definition's family."),
            _key("group", "The task's group, `family:NAME` or `service:NAME`."),
            _key("started_by", "Who started the task, such as `events-rule/NAME`."),
            _key("container", "The container whose exit code counts; without it all containers' do."),
            _key("cluster", "The cluster's name or ARN."),
        ),
    ),
    SourceKind(
        name="step_functions",
        doc="Executions of a standard workflow.",
        starts=True,
        keys=(_key("state_machine", "The state machine's name or ARN."),),
    ),
    SourceKind(
        name="batch",
        doc="Jobs of AWS Batch.",
        starts=True,
        keys=(
            _key("job_name", "The name that the job was submitted under."),
            _key("job_definition", "The job definition's name, `NAME:REVISION` or ARN."),
            _key("queue", "The job queue's name or ARN."),
        ),
    ),
    SourceKind(
        name="lambda",
        doc="Asynchronous invocations of a function.",
        keys=(
            _key("function", "The function's name, `NAME:ALIAS` or ARN: its destinations."),
            _key(
                "dead_letters", "Its dead-letter queue's or topic's name or ARN (its messages do not name a function)."
            ),
        ),
    ),
    SourceKind(
        name="scheduler",
        doc="Messages in an EventBridge schedule's dead-letter queue.",
        keys=(_key("schedule", "`GROUP/NAME`, or `NAME` in the group `default`, or its ARN."),),
    ),
    SourceKind(
        name="rule",
        doc="Messages in the dead-letter queue of an EventBridge rule's target.",
        keys=(_key("rule", "`BUS/NAME`, or `NAME` on the bus `default`, or its ARN."),),
    ),
)
STARTING = frozenset(kind.name for kind in KINDS if kind.starts)
_BY_NAME = {kind.name: kind for kind in KINDS}


def read_sources(spot: Spot) -> tuple[Source, ...]:
    """One source, or a list of them."""
    spots = (spot,) if isinstance(spot.node, Mapping) else spot.elements()
    sources = []
    for each in spots:
        with spot.findings.kept():
            sources.append(_source(each))
    if not 1 <= len(spots) <= SOURCES_MAX:
        raise spot.mistake(f"write 1 to {SOURCES_MAX} sources; here are {len(spots)}")
    return tuple(sources)


def _source(spot: Spot) -> Source:
    kinds = spot.entries()
    known = f"; known are {', '.join(_BY_NAME)}"
    for name in kinds:
        if name not in _BY_NAME:
            raise spot.key(name).mistake(f"unknown source {quoted(name)}{nearest(name, _BY_NAME) or known}")
    if len(kinds) != 1:
        raise spot.mistake(f"write exactly one kind{known}")
    ((name, below),) = kinds.items()
    return Source(kind=name, keys=_keys(below, _BY_NAME[name]))


def _keys(spot: Spot, kind: SourceKind) -> tuple[tuple[str, str], ...]:
    if not spot.entries():
        raise spot.mistake(f"holds nothing; write for example `{kind.keys[0].name}: NAME`")
    found = record(spot, kind.keys)
    for name in found:
        if "${" in found[name]:
            remedy = "nothing is looked up here; write the name itself, with * for what varies"
            spot.findings.mistake(spot.entries()[name].mistake(f"{quoted(found[name])}: {remedy}"))
    return tuple(sorted(found.items()))


def _schema(kind: SourceKind) -> dict[str, Any]:
    keys = {key.name: {**key.type.schema, "description": key.doc} for key in kind.keys}
    shape = {"type": "object", "properties": keys, "additionalProperties": False, "minProperties": 1}
    return {"description": kind.doc, **shape}


_ONE_SOURCE = {
    "type": "object",
    "properties": {kind.name: _schema(kind) for kind in KINDS},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}
SOURCES_SCHEMA = {
    "anyOf": [_ONE_SOURCE, {"type": "array", "items": _ONE_SOURCE, "minItems": 1, "maxItems": SOURCES_MAX}]
}
