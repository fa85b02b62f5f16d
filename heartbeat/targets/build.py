"""A trigger from jobs.yaml → its target. References such as `${env:NAME}` are read here, at each start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.errors import BadSetting, StartFailed
from heartbeat.outbound.flaws import refuse
from heartbeat.redact import credentials, secrets_of, veiled
from heartbeat.secrets import everywhere, resolve
from heartbeat.targets.aws_lambda import AwsLambda
from heartbeat.targets.ecs import Ecs
from heartbeat.targets.flaws import flaws
from heartbeat.targets.http import Http
from heartbeat.targets.sqs import Sqs
from heartbeat.targets.step_functions import StepFunctions

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.model import Trigger
    from heartbeat.targets.protocol import StartCall, Target, TargetAnswer

KINDS: dict[str, Callable[..., Target]] = {
    "http": Http,
    "sqs": Sqs,
    "step_functions": StepFunctions,
    "ecs": Ecs,
    "aws_lambda": AwsLambda,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Discreet:
    """A target that never repeats its own secrets, whatever the other side echoes. See Target."""

    target: Target
    secrets: frozenset[str] = field(repr=False)
    timeout: int
    repeatable: int

    def start(self, call: StartCall, sent: Callable[[], None]) -> TargetAnswer:
        """See Target."""
        try:
            answer = self.target.start(call, sent)
        except StartFailed as failed:
            raise failed.saying(veiled(str(failed), self.secrets)) from None
        return replace(answer, text=veiled(answer.text, self.secrets), output=veiled(answer.output, self.secrets))


def build(trigger: Trigger, *, resolve: Callable[[str], str] = resolve) -> Target:
    """The target. Raises BadSetting, which never shows a value."""
    if trigger.kind not in KINDS:
        raise BadSetting(f"there is no trigger {trigger.kind!r}; there are {', '.join(KINDS)}")
    settings = {name: everywhere(value, resolve) for name, value in trigger.settings.items()}
    refuse(flaws(trigger.kind, settings))
    try:
        target = KINDS[trigger.kind](**settings)
    except TypeError:
        raise BadSetting(f"trigger {trigger.kind}: a setting is missing or unknown; apply jobs.yaml again") from None
    secrets = secrets_of(trigger.settings, resolve) | credentials()
    return Discreet(target=target, secrets=secrets, timeout=target.timeout, repeatable=target.repeatable)
