"""Who starts a run by hand: this machine, or a stack's trigger function, which may do what this machine may not."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from heartbeat.doors.api.json_shapes import iso, started_facts
from heartbeat.doors.cli.options import add_store, open_store
from heartbeat.errors import BadSetting, WorldError
from heartbeat.targets.build import build
from heartbeat.verbs.trigger import Starter

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator

    from heartbeat.core.start_orders import Order
    from heartbeat.doors.cli.commands import Invocation
    from heartbeat.doors.cli.stack import Aws, Stack
    from heartbeat.store.protocol import Store

    Start = Callable[[Order], dict[str, Any]]
    """Carries out an order; returns the result in the form of `started_facts`."""


def add_starter(parser: ArgumentParser) -> None:
    """--stack and --region, and options for where the jobs are without them."""
    add_store(parser).add_argument(
        "--stack", metavar="NAME", help="the jobs of this stack on AWS; its trigger function starts them"
    )
    parser.add_argument("--region", help="where the stack is (AWS_REGION)")


@contextmanager
def starter(call: Invocation) -> Iterator[tuple[Store, Start]]:
    """The jobs, and what starts one. Raises BadSetting."""
    if not call.args.stack:
        with open_store(call.args) as store:
            local = Starter(store, build, lambda: call.now)
            yield store, lambda order: started_facts(local.start(order))
        return
    from heartbeat.doors.cli import stack  # noqa: PLC0415 - only who has a stack needs it

    aws = stack.connect(call.args.region)
    found = stack.find(aws, call.args.stack)
    if "TriggerFunctionArn" not in found.outputs:
        raise BadSetting(f"the stack {found.name} has no trigger function; deploy it again with this version")
    call.args.store = f"dynamodb://{found.outputs['TableName']}"
    with open_store(call.args) as store:
        yield store, lambda order: _by_function(aws, found, order)


def _by_function(aws: Aws, stack: Stack, order: Order) -> dict[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see above

    asked = {"heartbeat": "run", "job": order.slug, "by": order.by, "for": iso(order.slot)}
    if order.input:
        asked["input"] = json.loads(order.input)
    try:
        answer = aws.client("lambda").invoke(
            FunctionName=stack.outputs["TriggerFunctionArn"], Payload=json.dumps(asked).encode()
        )
        told = json.loads(answer["Payload"].read())
    except (BotoCoreError, ClientError) as problem:
        raise WorldError(f"the trigger function of {stack.name} was not called: {problem}") from None
    if "FunctionError" in answer:
        raise WorldError(f"the trigger function of {stack.name} failed: {told.get('errorMessage', told)}")
    if "error" in told:
        raise BadSetting(told["error"])
    run: dict[str, Any] = told["runs"][0]
    return run
