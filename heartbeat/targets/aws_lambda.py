"""Invokes a Lambda function: in the background, or waiting for its answer, which is then the end of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from heartbeat import aws
from heartbeat.model import BODY_MAX, MINUTE, SECOND
from heartbeat.targets import aws_call
from heartbeat.targets.protocol import TargetAnswer, document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.targets.protocol import StartCall


class AwsLambda(Struct, frozen=True, kw_only=True):
    """See Target. timeout: milliseconds to wait for the answer, if waits."""

    function: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    waits: bool = False
    timeout: int = 15 * MINUTE
    region: str = ""
    repeatable: int = 0

    def start(self, call: StartCall, sent: Callable[[], None]) -> TargetAnswer:
        """See Target."""
        with aws_call.calling("Lambda"):
            region = self.region or (self.function.split(":")[3] if self.function.startswith("arn:") else "")
            functions = aws_call.client("lambda", region, self.timeout / SECOND if self.waits else aws.READ)
            if self.waits:
                sent()
            answer = functions.invoke(
                FunctionName=self.function,
                InvocationType="RequestResponse" if self.waits else "Event",
                Payload=document(call, self.payload).encode(),
            )
            output = answer["Payload"].read(BODY_MAX).decode("utf-8", "replace") if self.waits else ""
        error = answer.get("FunctionError")
        return TargetAnswer(
            text=f"{answer['StatusCode']}" + (f" {error}" if error else ""),
            ok=not error if self.waits else None,
            output=output,
        )
