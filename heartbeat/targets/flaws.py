"""What is wrong with a trigger's settings (`outbound.flaws`): the same for who reads and who starts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from heartbeat.outbound.flaws import Flaw, form_flaws, header_flaws, url_flaws, word_flaws
from heartbeat.secrets import UNKNOWN, everywhere, unresolved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from heartbeat.model import Trigger

    Settings = Mapping[str, Any]

MACHINE = re.compile(r"arn:[a-z-]+:states:[a-z0-9-]+:\d+:stateMachine:\S+")
QUEUE = re.compile(r"arn:[a-z-]+:sqs:[a-z0-9-]+:\d+:\S+|[A-Za-z0-9_-]{1,80}(\.fifo)?")
FUNCTION = re.compile(r"[A-Za-z0-9:$_-]{1,170}")
"""AWS Lambda, Invoke: a name, NAME:ALIAS, an ARN or a part of one."""
ATTRIBUTES_MAX = 7
"""Amazon SQS: ten attributes a message; three are ours."""


def flaws(kind: str, settings: Settings) -> Iterator[Flaw]:
    """What makes every start fail, whatever stands for the references."""
    return _KINDS[kind](settings)


def flaws_as_written(trigger: Trigger) -> Iterator[Flaw]:
    """What `build` would refuse, as far as it can be known without any secret."""
    return flaws(trigger.kind, everywhere(trigger.settings, unresolved))


def _http(settings: Settings) -> Iterator[Flaw]:
    if "url" in settings:
        yield from url_flaws("url", settings["url"], allow_private=True)
    yield from header_flaws(settings.get("headers", {}))
    if settings.get("token"):
        yield from word_flaws("token", settings["token"])


def _sqs(settings: Settings) -> Iterator[Flaw]:
    queue = settings.get("queue", UNKNOWN)
    if "://" in queue:
        yield from url_flaws("queue", queue, allow_private=True)
    else:
        yield from form_flaws("queue", queue, QUEUE, "must be the queue's URL, ARN or name, such as jobs or jobs.fifo")
    if len(settings.get("attributes", {})) > ATTRIBUTES_MAX:
        yield Flaw(("attributes",), f"must be at most {ATTRIBUTES_MAX}: a message has ten, and three are ours")


def _step_functions(settings: Settings) -> Iterator[Flaw]:
    problem = "must be an ARN, such as arn:aws:states:eu-west-1:123456789012:stateMachine:settle"
    yield from form_flaws("state_machine", settings.get("state_machine", UNKNOWN), MACHINE, problem, begins="arn:")


def _aws_lambda(settings: Settings) -> Iterator[Flaw]:
    problem = "must be a function's name, NAME:ALIAS or ARN, such as nightly"
    yield from form_flaws("function", settings.get("function", UNKNOWN), FUNCTION, problem)


_KINDS: dict[str, Callable[[Settings], Iterator[Flaw]]] = {
    "http": _http,
    "sqs": _sqs,
    "step_functions": _step_functions,
    "ecs": lambda _: iter(()),
    "aws_lambda": _aws_lambda,
}
