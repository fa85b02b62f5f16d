"""Starts an execution of a state machine, named after the run: the same run starts once in 90 days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct, field

from heartbeat.model import DAY
from heartbeat.targets import aws_call
from heartbeat.targets.protocol import TargetAnswer, document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.targets.protocol import StartCall


class StepFunctions(Struct, frozen=True, kw_only=True):
    """See Target. state_machine: its ARN; input: the execution's input, to which `heartbeat` is added."""

    state_machine: str
    input: Mapping[str, Any] = field(default_factory=dict)
    region: str = ""
    timeout: ClassVar[int] = aws_call.TIMEOUT
    repeatable: ClassVar[int] = DAY
    """Express workflows do not remember names."""

    def start(self, call: StartCall, sent: Callable[[], None]) -> TargetAnswer:
        """See Target. AWS: for standard workflows, StartExecution is idempotent by name."""
        del sent
        with aws_call.calling("Step Functions"):
            states = aws_call.client("stepfunctions", self.region or self.state_machine.split(":")[3])
            try:
                answer = states.start_execution(
                    stateMachineArn=self.state_machine, name=call.run_id, input=document(call, self.input)
                )
            except states.exceptions.ExecutionAlreadyExists:
                return TargetAnswer(text=f"execution {call.run_id} had already been started")
        return TargetAnswer(text=f"execution {answer['executionArn'].rpartition(':')[2]}")
