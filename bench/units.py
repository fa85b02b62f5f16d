"""Write and read units of DynamoDB: what a ping, a slot, an idle minute, an alert and a start take, counted on moto."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from moto import mock_aws

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "cost")]

from counting import Units, counted, counted_starts  # noqa: E402 - found by the line above
from stack_table import create_table  # noqa: E402 - the same

from heartbeat.store.dynamodb.call import boto3_call  # noqa: E402 - the same

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.store.dynamodb.call import DynamoDBCall


def run() -> list[dict[str, object]]:
    """Units of each."""
    found = _on_an_empty_table(counted) | _on_an_empty_table(lambda call: counted_starts(call)[0])
    return [{"name": "units", "what": what, "written": u.written, "read": u.read} for what, u in found.items()]


def _on_an_empty_table(count: Callable[[DynamoDBCall], dict[str, Units]]) -> dict[str, Units]:
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    with mock_aws(), redirect_stdout(io.StringIO()):  # the functions log there, and the last line is the result
        call = boto3_call(boto3.client("dynamodb", region_name="us-east-1", **keys))
        create_table(call, "heartbeat")
        return count(call)


if __name__ == "__main__":
    for row in run():
        print(row)
