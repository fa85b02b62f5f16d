"""Every built artefact under Lambda's runtime interface, with nothing else to import than what it holds, and boto3."""

import subprocess

import boto3
import pytest
from ministack import CREDENTIALS, REGION, ministack, tool
from runtime_api import Sandbox
from stack_table import create_table

from heartbeat.store.dynamodb.call import boto3_call

MODULES = "import sys, heartbeat.doors.lambdas.{name}; print(*sorted(n for n in sys.modules if '.' not in n))"


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with ministack(tmp_path_factory.mktemp("aws")) as url:
        yield url


@pytest.fixture
def environ(aws, request):
    """What the stack and Lambda set; with a table of its own."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    table = "".join(c for c in request.node.name if c.isalnum())
    create_table(boto3_call(boto3.client("dynamodb", region_name=REGION, endpoint_url=aws, **keys)), table)
    stack = {"HEARTBEAT_STACK": "hb", "HEARTBEAT_TABLE": table, "HEARTBEAT_BUCKET": "evidence"}
    topic = {"ALERT_TOPIC": f"arn:aws:sns:{REGION}:000000000000:hb-alerts"}
    return {**CREDENTIALS, "AWS_ENDPOINT_URL": aws, **stack, **topic, "HEARTBEAT_PING_KEY": "key-of-the-tests"}


def start(built, name, environ):
    return Sandbox(built, f"heartbeat.doors.lambdas.{name}.handler", tool("lambda") / "python", **environ)


def request(path):
    return {"rawPath": path, "rawQueryString": "", "headers": {}, "requestContext": {"http": {"method": "GET"}}}


def test_the_checker_makes_the_jobs_and_the_ping_function_takes_their_pings(built, environ):
    with start(built, "checker", environ) as checker:
        assert checker.invoke({"heartbeat": "sweep"})["judged"] == 0
        assert checker.invoke({"Records": []}) == {"sent": 0, "failed": 0, "dead": 0}
        assert checker.invoke({"heartbeat": "scrub"})["whole"] is True
    with start(built, "ping", environ) as ping:
        assert ping.invoke(request("/ping/key-of-the-tests/daily-report"))["statusCode"] == 200
        assert ping.invoke(request("/ping/key-of-the-tests/no-such-job"))["statusCode"] == 404


def test_the_ingest_function(built, environ):
    with start(built, "ingest", environ) as ingest:
        event = {"source": "aws.s3", "detail-type": "Object Created", "detail": {"bucket": {"name": "x"}}}
        assert ingest.invoke(event)["recorded"] == 0


def test_the_web_function(built, environ):
    with start(built, "web", environ) as web:
        assert web.invoke(request("/healthz"))["statusCode"] == 503  # nobody has swept yet
        assert web.invoke(request("/api/jobs"))["statusCode"] == 401


def test_without_its_table_a_function_says_what_is_missing(built, environ):
    del environ["HEARTBEAT_TABLE"]
    with pytest.raises(Exception, match="HEARTBEAT_TABLE is not set"):
        start(built, "web", environ)


@pytest.mark.parametrize(
    ("name", "not_loaded"),
    [
        ("ping", {"boto3", "botocore", "urllib3", "aws_lambda_powertools", "slack_sdk", "yaml", "dateutil", "asyncio"}),
        ("checker", {"boto3", "botocore", "slack_sdk", "yaml"}),
        ("ingest", {"boto3", "botocore", "slack_sdk", "yaml"}),
        ("web", {"boto3", "botocore", "slack_sdk", "yaml"}),
    ],
)
def test_a_cold_start_loads_only_what_it_needs(built, environ, name, not_loaded):
    command = [str(tool("lambda") / "python"), "-c", MODULES.format(name=name)]
    given = {**environ, "PYTHONPATH": str(built), "LAMBDA_TASK_ROOT": str(built)}
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "heartbeat" in loaded
    assert loaded & not_loaded == set()
