"""Write and read units of DynamoDB: what a ping, a slot, an idle minute and an alert take, counted on moto."""

from __future__ import annotations

import sys
from pathlib import Path

import boto3
from moto import mock_aws

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "cost")]

from counting import counted  # noqa: E402 - found by the line above

from heartbeat.store.dynamodb_call import boto3_call, create_table  # noqa: E402 - the same


def run() -> list[dict[str, object]]:
    """Units of each."""
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    with mock_aws():
        call = boto3_call(boto3.client("dynamodb", region_name="us-east-1", **keys))
        create_table(call, "heartbeat")
        found = counted(call)
    return [{"name": "units", "what": what, "written": u.written, "read": u.read} for what, u in found.items()]


if __name__ == "__main__":
    for row in run():
        print(row)
