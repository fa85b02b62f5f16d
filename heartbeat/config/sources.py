"""A job's `sources`: which AWS events are its signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from heartbeat.config.findings import quoted
from heartbeat.config.keys import Key, keys_schema, kinds_schema, one_kind, record
from heartbeat.config.nodes import Mapping
from heartbeat.config.values import Type, matching, text
from heartbeat.model import LogGroup, Source

if TYPE_CHECKING:
    from heartbeat.config.located import Located

SOURCES_MAX = 20
_VALUE = text(2048)  # the length of the longest ARN


class SourceKind(Struct, frozen=True, kw_only=True):
    """One kind. starts: its events report a run's start; keys: most specific first; also: keys that need not match."""

    name: str
    doc: str
    keys: tuple[Key, ...]
    starts: bool = False
    also: tuple[Key, ...] = ()


LOG_KEYS = (
    Key(
        name="group",
        type=matching(r"[A-Za-z0-9_./#-]+", 512, "log group", "use letters, digits and _ . / # -"),
        required=True,
        example="group: /ecs/batch",
        doc="The log group (`awslogs-group`).",
    ),
    Key(
        name="prefix",
        type=matching(r"[^:*${}]+", 256, "prefix of log streams", "leave out : * $ { }"),
        required=True,
        example="prefix: app",
        doc="The prefix of its stream names (`awslogs-stream-prefix`).",
    ),
)


def _read_log(spot: Located) -> dict[str, str]:
    found = record(spot, LOG_KEYS)
    return found if len(found) == len(LOG_KEYS) else {}


LOG = Key(
    name="log",
    type=Type(
        words="`{group: …, prefix: …}`",
        schema={**keys_schema(LOG_KEYS), "required": [key.name for key in LOG_KEYS]},
        read=_read_log,
    ),
    doc="`{group: /ecs/batch, prefix: app}`: the task's awslogs group and stream prefix, for a link in alerts.",
)


def _key(name: str, doc: str) -> Key:
    return Key(name=name, type=_VALUE, doc=doc)


KINDS = (
    SourceKind(
        name="ecs",
        doc="ECS tasks.",
        starts=True,
        keys=(
            _key("family", "The task definition's family."),
            _key("group", "The task's group, `family:NAME` or `service:NAME`."),
            _key("started_by", "Who started the task, such as `events-rule/NAME`."),
            _key("container", "The container whose exit code counts; if left out, every container's does."),
            _key("cluster", "The cluster's name or ARN."),
        ),
        also=(LOG,),
    ),
    SourceKind(
        name="step_functions",
        doc="Executions of a standard workflow.",
        starts=True,
        keys=(_key("state_machine", "The state machine's name or ARN."),),
    ),
    SourceKind(
        name="batch",
        doc="AWS Batch jobs.",
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
            _key("function", "The function whose destinations report: name, `NAME:ALIAS` or ARN."),
            _key("dead_letters", "The name or ARN of its dead-letter queue or topic (its messages name no function)."),
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


def read_sources(spot: Located) -> tuple[Source, ...]:
    """One source, or a list of them."""
    spots = (spot,) if isinstance(spot.node, Mapping) else spot.elements()
    sources = []
    for each in spots:
        with spot.findings.kept():
            sources.append(_source(each))
    if not 1 <= len(spots) <= SOURCES_MAX:
        raise spot.mistake(f"write 1 to {SOURCES_MAX} sources; there are {len(spots)}")
    return tuple(sources)


def _source(spot: Located) -> Source:
    name, below = one_kind(spot, _BY_NAME, "source")
    return _read(below, _BY_NAME[name])


def _read(spot: Located, kind: SourceKind) -> Source:
    names = {key.name for key in kind.also}
    if not spot.entries().keys() - names:
        what = "nothing by which to know its events" if spot.entries() else "nothing"
        raise spot.mistake(f"holds {what}; write for example `{kind.keys[0].name}: NAME`")
    found = record(spot, (*kind.keys, *kind.also))
    return Source(kind=kind.name, log=log_of(found.pop("log", {})), keys=_plain(spot, found))


def log_of(found: dict[str, str]) -> LogGroup | None:
    """Where a task's output is; None when the file does not say."""
    return LogGroup(**found) if found else None


def _plain(spot: Located, found: dict[str, str]) -> tuple[tuple[str, str], ...]:
    for name, value in found.items():
        if "${" in value:
            remedy = "nothing is looked up here; write the name itself, with * for what varies"
            spot.findings.mistake(spot.entries()[name].mistake(f"{quoted(value)}: {remedy}"))
    return tuple(sorted(found.items()))


def _schema(kind: SourceKind) -> dict[str, Any]:
    least = {"anyOf": [{"required": [key.name]} for key in kind.keys]} if kind.also else {"minProperties": 1}
    return {"description": kind.doc, **keys_schema((*kind.keys, *kind.also)), **least}


_ONE_SOURCE = kinds_schema({kind.name: _schema(kind) for kind in KINDS})
SOURCES_SCHEMA = {
    "anyOf": [_ONE_SOURCE, {"type": "array", "items": _ONE_SOURCE, "minItems": 1, "maxItems": SOURCES_MAX}]
}
