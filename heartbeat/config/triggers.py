"""A job's `trigger`: what starts its runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from heartbeat.config.channels import setting_text, tell_flaws
from heartbeat.config.findings import quoted
from heartbeat.config.keys import Key, keys_schema, kinds_schema, one_kind, record
from heartbeat.config.sources import LOG, log_of
from heartbeat.config.values import FLAG, Type, duration, many, one_of
from heartbeat.model import MINUTE, Overlap, Source, Trigger
from heartbeat.targets.ecs import name_of
from heartbeat.targets.flaws import flaws_as_written

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.config.located import Located

TIMEOUT_MAX = 15 * MINUTE
COMMAND_MAX = 100


class TriggerKind(Struct, frozen=True, kw_only=True):
    """One kind of target."""

    name: str
    doc: str
    keys: tuple[Key, ...]


def _read_text(spot: Located) -> str:
    return setting_text(spot, spot.path.rpartition(".")[2])


def _read_texts(spot: Located) -> tuple[str, ...]:
    found = tuple(_read_text(each) for each in spot.elements())
    if not 1 <= len(found) <= COMMAND_MAX:
        raise spot.mistake(f"write 1 to {COMMAND_MAX} values; there are {len(found)}")
    return found


def _each(read: Callable[[Located], Any]) -> Callable[[Located], dict[str, Any]]:
    return lambda spot: {name: read(below) for name, below in spot.entries().items()}


def _read_status(spot: Located) -> str:
    value = spot.scalar()
    if not re.fullmatch(_STATUS, value):
        raise spot.mistake(f"{quoted(value)} is not an HTTP status; write 202 or 2xx")
    return value


def _read_timeout(spot: Located) -> int:
    found = int(_DURATION.read(spot))
    if found > TIMEOUT_MAX:
        raise spot.mistake("is longer than 15m, the longest that a function on AWS can wait")
    return found


_STATUS = "[1-5]([0-9]{2}|xx)"
_DURATION = duration(zero=False)
_STRING = {"type": "string", "minLength": 1}
TEXT = Type(words="text", schema=_STRING, read=_read_text)
TEXTS = Type(
    words="text, or a list",
    schema={"anyOf": [_STRING, {"type": "array", "items": _STRING, "minItems": 1, "maxItems": COMMAND_MAX}]},
    read=_read_texts,
)
URL = Type(words="URL", schema=_STRING, read=_read_text)
MAP = Type(words="mapping of texts", schema={"type": "object", "additionalProperties": _STRING}, read=_each(_read_text))
JSON = Type(words="mapping", schema={"type": "object"}, read=_each(lambda spot: spot.plain()))
TIMEOUT = Type(words="duration up to `15m`", schema=_DURATION.schema, read=_read_timeout)
STATUSES = many(
    Type(
        words="HTTP status",
        schema={"type": ["string", "integer"], "pattern": f"^{_STATUS}$", "minimum": 100, "maximum": 599},
        read=_read_status,
    ),
    least=1,
)
LAUNCH_TYPES = one_of(("FARGATE", "EC2"), "launch type")
REGION = Key(name="region", type=TEXT, default="ours", doc="The AWS region.")
WAITS = Key(name="waits", type=FLAG, default="`false`", doc="The answer ends the run, good or bad: no ping is needed.")


def _body(name: str) -> Key:
    return Key(name=name, type=JSON, doc="JSON to pass along with what Heartbeat says about the run.")


KINDS = (
    TriggerKind(
        name="http",
        doc="POSTs JSON to your app.",
        keys=(
            Key(name="url", type=URL, required=True, example="url: https://app.example.org/jobs", doc="URL to call."),
            Key(name="method", type=one_of(("POST", "PUT"), "method"), default="`POST`", doc="HTTP method."),
            Key(name="token", type=TEXT, doc="Sent as `token` in the JSON, and as `Authorization: Bearer`."),
            Key(name="headers", type=MAP, doc="Further headers."),
            _body("body"),
            Key(name="expect_status", type=STATUSES, default="`2xx`", doc="The status that means success."),
            Key(name="expect_body", type=TEXT, doc="A text that the answer must contain."),
            Key(name="timeout", type=TIMEOUT, default="`30s`", doc="How long to wait for the answer."),
            WAITS,
            Key(
                name="idempotent",
                type=FLAG,
                default="`false`",
                doc="The app starts one run for each `Idempotency-Key`, so a call may be repeated.",
            ),
        ),
    ),
    TriggerKind(
        name="sqs",
        doc="Sends a message to a queue; `heartbeat worker` is the other side.",
        keys=(
            Key(name="queue", type=TEXT, required=True, example="queue: https://sqs…/jobs", doc="The queue's URL."),
            Key(name="group", type=TEXT, default="the job's name", doc="The message group on a FIFO queue."),
            Key(name="attributes", type=MAP, doc="Message attributes."),
            _body("body"),
            REGION,
        ),
    ),
    TriggerKind(
        name="step_functions",
        doc="Starts an execution of a state machine.",
        keys=(
            Key(
                name="state_machine",
                type=TEXT,
                required=True,
                example='state_machine: "${env:BATCH_MACHINE}"',
                doc="The state machine's ARN.",
            ),
            _body("input"),
            REGION,
        ),
    ),
    TriggerKind(
        name="ecs",
        doc="Runs an ECS task.",
        keys=(
            Key(
                name="task_definition",
                type=TEXT,
                required=True,
                example="task_definition: nightly",
                doc="The task definition: its family, `FAMILY:REVISION` or ARN.",
            ),
            Key(name="cluster", type=TEXT, default="`default`", doc="The cluster's name or ARN."),
            Key(name="launch_type", type=LAUNCH_TYPES, default="`FARGATE`", doc="The infrastructure to run on."),
            Key(name="capacity_provider", type=TEXT, doc="Instead of a launch type: `FARGATE_SPOT`."),
            Key(name="container", type=TEXT, default="the only one", doc="Where `command` and `environment` apply."),
            Key(name="command", type=TEXTS, doc="Its command."),
            Key(name="environment", type=MAP, doc="Variables to add to what Heartbeat says about the run."),
            Key(name="subnets", type=TEXTS, doc="Subnets for `awsvpc` tasks."),
            Key(name="security_groups", type=TEXTS, doc="Security groups for `awsvpc` tasks."),
            Key(name="public_ip", type=FLAG, default="`false`", doc="Give the task a public address."),
            LOG,
            REGION,
        ),
    ),
    TriggerKind(
        name="aws_lambda",
        doc="Invokes a Lambda function.",
        keys=(
            Key(name="function", type=TEXT, required=True, example="function: nightly", doc="Name, alias or ARN."),
            _body("payload"),
            WAITS,
            Key(name="timeout", type=TIMEOUT, default="`15m`", doc="With `waits`: how long to wait for the answer."),
            REGION,
        ),
    ),
)
_BY_NAME = {kind.name: kind for kind in KINDS}


def read_trigger(spot: Located) -> Trigger:
    """What starts the job's runs: exactly one kind."""
    name, below = one_kind(spot, _BY_NAME, "trigger")
    settings = record(below, _BY_NAME[name].keys)
    _check_container(below, settings)
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
    trigger = Trigger(kind=name, settings=plain)  # as a store returns it: definitions are compared with stored ones
    tell_flaws(below, flaws_as_written(trigger))
    return trigger


def implied(slug: str, trigger: Trigger) -> tuple[Source, ...]:
    """The sources whose events are signals of exactly the runs that this trigger starts."""
    match trigger.kind:
        case "ecs":
            log = log_of(trigger.settings.get("log", {}))
            return (Source(kind="ecs", keys=(("job", name_of(slug)),), log=log),)
        case "step_functions":
            return (Source(kind="step_functions", keys=(("job", slug),)),)
        case _:
            return ()


def _check_container(spot: Located, settings: dict[str, Any]) -> None:
    # ECS: overrides need the container's name.
    for key in ("command", "environment"):
        if key in settings and "task_definition" in settings and "container" not in settings:
            spot.findings.mistake(spot.entries()[key].mistake("is for a container: write its name as `container`"))


_WORDS = one_of(tuple(map(str, Overlap)), "overlap")
OVERLAP = Type(words=_WORDS.words, schema=_WORDS.schema, read=lambda spot: Overlap(_WORDS.read(spot)))


def _schema(kind: TriggerKind) -> dict[str, Any]:
    required = [key.name for key in kind.keys if key.required]
    return {"description": kind.doc, **keys_schema(kind.keys), "required": required}


TRIGGER_SCHEMA = kinds_schema({kind.name: _schema(kind) for kind in KINDS})
