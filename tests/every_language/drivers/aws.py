"""Of the AWS command line what the shell client calls, with its options and no others: `aws … s3 cp - s3://bucket/key`."""

import argparse
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

parser = argparse.ArgumentParser(prog="aws", allow_abbrev=False)
parser.add_argument("--endpoint-url")
parser.add_argument("--region")
parser.add_argument("--cli-connect-timeout", type=int)
parser.add_argument("--cli-read-timeout", type=int)
parser.add_argument("service", choices=["s3"])
parser.add_argument("verb", choices=["cp"])
parser.add_argument("source", choices=["-"])
parser.add_argument("target")
parser.add_argument("--content-type")
parser.add_argument("--only-show-errors", action="store_true", required=True)
asked = parser.parse_args()
bucket, key = asked.target.removeprefix("s3://").split("/", 1)
config = Config(connect_timeout=asked.cli_connect_timeout, read_timeout=asked.cli_read_timeout)
client = boto3.client("s3", endpoint_url=asked.endpoint_url, region_name=asked.region, config=config)
try:
    client.put_object(Bucket=bucket, Key=key, Body=sys.stdin.buffer.read(), ContentType=asked.content_type)
except (BotoCoreError, ClientError) as problem:
    sys.exit(f"upload failed: - to {asked.target} {problem}")
