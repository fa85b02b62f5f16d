"""The local AWS of the stories, and the stack that they share."""

import json

import pytest
from faulty import Faults
from ministack import ministack
from slack import Slack
from stack import Cloud

JOBS = """
name: e2e
defaults: {timezone: UTC, grace: 5s, notify: [ops, pager]}
channels:
  ops: {slack: {webhook: "${ssm:/heartbeat/slack}"}}
  pager: {sns: "${env:ALERT_TOPIC}"}
jobs:
  pinged: {schedule: every 1h}
  filed: {schedule: every 1h, evidence: {key: "filed/{date:%Y-%m-%d}/proof.json"}}
  task: {schedule: every 1h, max_runtime: 30m, sources: [{ecs: {family: nightly}}]}
  broken-task: {schedule: every 1h, max_runtime: 30m, sources: [{ecs: {family: fragile}}]}
  planned: {schedule: every 1h, sources: [{scheduler: {schedule: nightly}}]}
  missing: {schedule: every 15s}
"""
"""`missing` is never heard of: its first slot goes by while the stories before are told."""


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """Where the local AWS is."""
    with ministack(tmp_path_factory.mktemp("aws")) as url:
        yield url


@pytest.fixture(scope="module")
def faults(aws):
    made = Faults(aws)
    yield made
    made.close()


@pytest.fixture(scope="module")
def cloud(aws, faults, tmp_path_factory):
    return Cloud(aws, faults.url, tmp_path_factory.mktemp("cloud"))


@pytest.fixture(scope="module")
def slack():
    made = Slack()
    yield made
    made.close()


@pytest.fixture(scope="module")
def stack(cloud, slack):
    """One stack for the stories of a module, which are told in their order."""
    cloud.client("ssm").put_parameter(Name="/heartbeat/slack", Type="SecureString", Value=slack.url)
    made = cloud.deploy("hb", cloud.build(JOBS))
    made.sweep()
    return made


@pytest.fixture(scope="module")
def pager(cloud, stack):
    """A queue that is subscribed to the topic: what it got."""
    return subscribed(cloud, stack)


def subscribed(cloud, stack):
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=f"{stack.name}-pager")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
        ]
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    cloud.client("sns").subscribe(TopicArn=stack.outputs["AlertTopicArn"], Protocol="sqs", Endpoint=arn)
    found = []

    def got():
        """All messages so far, as the topic wrapped them."""
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    return got
