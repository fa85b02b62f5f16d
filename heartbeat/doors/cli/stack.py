"""What `doctor --stack` checks: a deployed stack, from outside and with your AWS credentials."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from heartbeat import aws
from heartbeat.doors.cli.probes import Check, CheckResult
from heartbeat.errors import BadSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
SWEEP_ALARM = "sweep-missing"
QUEUES = ("dead-letters", "scheduler-failures")
BATCH_QUEUE = "batch-dead-letters"
NO_TROUBLE = "No trouble:"
"""Prefix of the descriptions of alarms that only start and end instances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aws:
    """Access to AWS: a client for each service requested."""

    region: str
    client: Callable[[str], Any]


@dataclass(slots=True, kw_only=True)
class Stack:
    """A stack as CloudFormation knows it."""

    name: str
    status: str
    outputs: dict[str, str] = field(default_factory=dict)


def connect(region: str | None) -> Aws:
    """With this shell's credentials and region. Raises BadSetting."""
    session = aws.session(region or "", "", "give --region eu-west-1")
    # A test alert goes through every channel before the function answers.
    usual: dict[str, Any] = {"connect_timeout": 3, "read_timeout": 180, "retries": {"total_max_attempts": 2}}
    return Aws(region=session.region_name, client=lambda service: aws.client(service, session=session, **usual))


def find(cloud: Aws, name: str) -> Stack:
    """The stack with this name. Raises BadSetting if there is none."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the same

    try:
        [found] = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as problem:
        told = problem.response.get("Error", {}).get("Message", "")
        raise BadSetting(f"no stack {name!r} in {cloud.region} ({told}); name it and its region: --region") from None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
    return Stack(name=name, status=found["StackStatus"], outputs=outputs)


def check_status(stack: Stack) -> Check:
    """Whether the last deployment succeeded."""
    if stack.status in GOOD and "TableName" in stack.outputs:
        return Check("stack", CheckResult.OK, f"{stack.name} is {stack.status}")
    if stack.status in GOOD:
        return Check("stack", CheckResult.PROBLEM, f"{stack.name} is not a Heartbeat stack: it has no output TableName")
    return Check(
        "stack", CheckResult.PROBLEM, f"{stack.name} is {stack.status}: see its events in CloudFormation, deploy again"
    )


def check_aws(cloud: Aws, stack: Stack, *, send_test: bool) -> Iterator[Check]:
    """Alarms, queues, who hears of alarms, the evidence bucket, the channels. A refusal becomes a problem in words."""
    looks: list[tuple[str, Callable[[], Iterator[Check]]]] = [
        ("alarms", lambda: _alarms(cloud, stack)),
        ("queues", lambda: _queues(cloud, stack)),
        ("alert topic", lambda: _topic(cloud, stack)),
        ("evidence", lambda: _evidence(cloud, stack)),
        ("channels", lambda: _channels(cloud, stack, send_test=send_test)),
    ]
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only who has a stack needs it

    for name, look in looks:
        try:
            yield from look()
        except (ClientError, BotoCoreError) as problem:
            yield Check(name, CheckResult.PROBLEM, f"cannot be looked at: {problem}")


def _alarms(cloud: Aws, stack: Stack) -> Iterator[Check]:
    pages = cloud.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{stack.name}-")
    found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    alarms = [alarm for alarm in found if not alarm.get("AlarmDescription", "").startswith(NO_TROUBLE)]
    for alarm in alarms:
        if alarm["StateValue"] == "ALARM":
            yield Check("alarms", CheckResult.PROBLEM, f"{alarm['AlarmName']}: {alarm.get('AlarmDescription', '')}")
        elif alarm["StateValue"] == "INSUFFICIENT_DATA" and alarm["AlarmName"].endswith(SWEEP_ALARM):
            yield Check(
                "alarms", CheckResult.WARNING, f"{alarm['AlarmName']} has no data yet: look again in five minutes"
            )
    if not alarms:
        yield Check(
            "alarms", CheckResult.PROBLEM, f"there is no alarm {stack.name}-…: nobody watches the watcher; deploy again"
        )
    elif not any(alarm["StateValue"] == "ALARM" for alarm in alarms):
        yield Check("alarms", CheckResult.OK, f"none of {len(alarms)} has gone off")


def _queues(cloud: Aws, stack: Stack) -> Iterator[Check]:
    sqs = cloud.client("sqs")
    for queue in (*QUEUES, BATCH_QUEUE) if "BatchQueueUrl" in stack.outputs else QUEUES:
        name = f"{stack.name}-{queue}"
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        count = int(found["Attributes"]["ApproximateNumberOfMessages"])
        if count:
            yield Check(
                "queues", CheckResult.PROBLEM, f"{name} holds {count}: what could not be done; see them in the console"
            )
        else:
            yield Check("queues", CheckResult.OK, f"{name} is empty")


def _topic(cloud: Aws, stack: Stack) -> Iterator[Check]:
    pages = cloud.client("sns").get_paginator("list_subscriptions_by_topic")
    found = [s for page in pages.paginate(TopicArn=stack.outputs["AlertTopicArn"]) for s in page["Subscriptions"]]
    waiting = [each["Endpoint"] for each in found if each["SubscriptionArn"] == "PendingConfirmation"]
    if waiting:
        yield Check("alert topic", CheckResult.WARNING, f"{', '.join(waiting)} has not confirmed the mail from AWS")
    elif found:
        yield Check("alert topic", CheckResult.OK, f"it has {len(found)} subscribed")
    else:
        yield Check(
            "alert topic", CheckResult.WARNING, "nobody is subscribed: nobody hears of the alarms; set AlertEmail"
        )


def _evidence(cloud: Aws, stack: Stack) -> Iterator[Check]:
    bucket = stack.outputs["EvidenceBucketName"]
    cloud.client("s3").head_bucket(Bucket=bucket)
    yield Check("evidence", CheckResult.OK, f"the bucket {bucket} is there")


def _channels(cloud: Aws, stack: Stack, *, send_test: bool) -> Iterator[Check]:
    if not send_test:
        yield Check("channels", CheckResult.SKIPPED, "--send-test sends a test alert through every channel")
        return
    answer = cloud.client("lambda").invoke(
        FunctionName=stack.outputs["CheckerFunctionName"], Payload=b'{"heartbeat": "test-alert"}'
    )
    value = json.loads(answer["Payload"].read() or b"{}")
    if "FunctionError" in answer:
        yield Check(
            "channels",
            CheckResult.PROBLEM,
            f"the checker failed: {value.get('errorMessage', value)}; see its log group",
        )
        return
    for name, told in value.get("channels", {}).items():
        taken = told == "sent"
        text = "took a test alert; see whether it arrived" if taken else f"did not take a test alert: {told}"
        yield Check(f"channel {name}", CheckResult.OK if taken else CheckResult.PROBLEM, text)
    if not value.get("channels"):
        yield Check("channels", CheckResult.WARNING, "jobs.yaml has none: nobody is told of anything")
