"""The policy in docs/deploy.md allows what each target asks of AWS, and nothing besides."""

import json
from types import SimpleNamespace

import pytest
from pages import Page

from heartbeat import aws
from heartbeat.model import Trigger
from heartbeat.targets import aws_call
from heartbeat.targets.build import build
from heartbeat.targets.protocol import StartCall

REGION = "eu-west-1"
CALL = StartCall(slug="report", run_id="0b7c9d6e-1111-4222-8333-444444444444", slot=1_767_603_600_000, timezone="UTC")
ANSWERS = {
    "SendMessage": {"MessageId": "m"},
    "StartExecution": {"executionArn": "arn:aws:states:eu-west-1:123456789012:execution:settle:run"},
    "RunTask": {"tasks": [{"taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/default/abc"}], "failures": []},
    "DescribeTaskDefinition": {"taskDefinition": {"containerDefinitions": [{"name": "app"}]}},
    "Invoke": {"StatusCode": 202},
}
KINDS = {
    "sqs": ("sqs", {"queue": "https://sqs.eu-west-1.amazonaws.com/123456789012/reports"}),
    "step_functions": ("stepfunctions", {"state_machine": "arn:aws:states:eu-west-1:123456789012:stateMachine:settle"}),
    "ecs": ("ecs", {"task_definition": "report", "region": REGION}),
    "aws_lambda": ("lambda", {"function": "report", "region": REGION}),
}


@pytest.fixture
def asked(monkeypatch):
    """Permissions, by the requests that are made; none of them leaves this process."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    found = set()

    def hear(model, **_):
        name = "InvokeFunction" if model.name == "Invoke" else model.name
        found.add(f"{model.service_model.signing_name}:{name}")
        return SimpleNamespace(status_code=200, headers={}), ANSWERS[model.name]

    aws_call.client.cache_clear()
    for service, _settings in KINDS.values():
        given = (service, REGION, aws.READ) if service == "lambda" else (service, REGION)
        aws_call.client(*given).meta.events.register("before-call", hear)
    yield found
    aws_call.client.cache_clear()


def test_the_policy_is_what_the_targets_ask_for(asked):
    for kind, (_service, settings) in KINDS.items():
        build(Trigger(kind=kind, settings=settings), resolve=lambda text: text).start(CALL, lambda: None)
    (policy,) = Page("deploy.md").blocks("json")
    allowed = {each["Action"] for each in json.loads(policy.text)["Statement"]}
    assert asked == allowed - {"iam:PassRole"}
    assert asked == {
        "sqs:SendMessage",
        "states:StartExecution",
        "ecs:RunTask",
        "ecs:DescribeTaskDefinition",
        "lambda:InvokeFunction",
    }
