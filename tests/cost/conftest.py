"""DynamoDB, as moto plays it."""

import boto3
import pytest
from moto import mock_aws
from stack_table import create_table

from heartbeat.store.dynamodb.call import boto3_call


@pytest.fixture
def call():
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    with mock_aws():
        made = boto3_call(boto3.client("dynamodb", region_name="us-east-1", **keys))
        create_table(made, "heartbeat")
        yield made
