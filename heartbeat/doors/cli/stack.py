"""What `doctor --stack` checks: a deployed stack, from outside and with your AWS credentials.

It is pinged too, from the URL to the table: for a job that exists only as long as that takes.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from heartbeat import aws
from heartbeat.core.definition import founding
from heartbeat.doors.cli.probes import OK, PROBLEM, SKIPPED, WARNING, Check, ask
from heartbeat.errors import BadSetting
from heartbeat.model import Change, Job
from heartbeat.verbs import ping_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from heartbeat.store.protocol import Store

GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
SWEEP_ALARM = "sweep-missing"
QUEUES = ("dead-letters", "scheduler-failures")
BATCH_QUEUE = "batch-dead-letters"
NO_TROUBLE = "No trouble:"
"""Prefix of the descriptions of alarms that only start and end instances."""
WAIT = 15.0
PAUSE = 0.25
"""Seconds for the signal to reach the table, and between checks."""
REMOVALS_MAX = 5
NOT_FOUND = 404


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


def address_of(name: str, region: str | None) -> str:
    """Where this stack keeps its jobs. Raises BadSetting."""
    cloud = connect(region)
    outputs = find(cloud, name).outputs
    if "TableName" not in outputs:
        raise BadSetting(f"the stack {name} in {cloud.region} is none of Heartbeat's: it has no table of jobs")
    return f"dynamodb://{outputs['TableName']}?region={cloud.region}"


def check_status(stack: Stack) -> Check:
    """Whether the last deployment succeeded."""
    if stack.status in GOOD and "TableName" in stack.outputs:
        return Check("stack", OK, f"{stack.name} is {stack.status}")
    if stack.status in GOOD:
        return Check("stack", PROBLEM, f"{stack.name} is not a Heartbeat stack: it has no output TableName")
    return Check("stack", PROBLEM, f"{stack.name} is {stack.status}: see its events in CloudFormation, deploy again")


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
            yield Check(name, PROBLEM, f"cannot be looked at: {problem}")


def _alarms(cloud: Aws, stack: Stack) -> Iterator[Check]:
    pages = cloud.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{stack.name}-")
    found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    alarms = [alarm for alarm in found if not alarm.get("AlarmDescription", "").startswith(NO_TROUBLE)]
    for alarm in alarms:
        if alarm["StateValue"] == "ALARM":
            yield Check("alarms", PROBLEM, f"{alarm['AlarmName']}: {alarm.get('AlarmDescription', '')}")
        elif alarm["StateValue"] == "INSUFFICIENT_DATA" and alarm["AlarmName"].endswith(SWEEP_ALARM):
            yield Check("alarms", WARNING, f"{alarm['AlarmName']} has no data yet: look again in five minutes")
    if not alarms:
        yield Check("alarms", PROBLEM, f"there is no alarm {stack.name}-…: nobody watches the watcher; deploy again")
    elif not any(alarm["StateValue"] == "ALARM" for alarm in alarms):
        yield Check("alarms", OK, f"none of {len(alarms)} has gone off")


def _queues(cloud: Aws, stack: Stack) -> Iterator[Check]:
    sqs = cloud.client("sqs")
    for queue in (*QUEUES, BATCH_QUEUE) if "BatchQueueUrl" in stack.outputs else QUEUES:
        name = f"{stack.name}-{queue}"
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        count = int(found["Attributes"]["ApproximateNumberOfMessages"])
        if count:
            yield Check("queues", PROBLEM, f"{name} holds {count}: what could not be done; see them in the console")
        else:
            yield Check("queues", OK, f"{name} is empty")


def _topic(cloud: Aws, stack: Stack) -> Iterator[Check]:
    pages = cloud.client("sns").get_paginator("list_subscriptions_by_topic")
    found = [s for page in pages.paginate(TopicArn=stack.outputs["AlertTopicArn"]) for s in page["Subscriptions"]]
    waiting = [each["Endpoint"] for each in found if each["SubscriptionArn"] == "PendingConfirmation"]
    if waiting:
        yield Check("alert topic", WARNING, f"{', '.join(waiting)} has not confirmed the mail from AWS")
    elif found:
        yield Check("alert topic", OK, f"it has {len(found)} subscribed")
    else:
        yield Check("alert topic", WARNING, "nobody is subscribed: nobody hears of the alarms; set AlertEmail")


def _evidence(cloud: Aws, stack: Stack) -> Iterator[Check]:
    bucket = stack.outputs["EvidenceBucketName"]
    cloud.client("s3").head_bucket(Bucket=bucket)
    yield Check("evidence", OK, f"the bucket {bucket} is there")


def _channels(cloud: Aws, stack: Stack, *, send_test: bool) -> Iterator[Check]:
    if not send_test:
        yield Check("channels", SKIPPED, "--send-test sends a test alert through every channel")
        return
    answer = cloud.client("lambda").invoke(
        FunctionName=stack.outputs["CheckerFunctionName"], Payload=b'{"heartbeat": "test-alert"}'
    )
    value = json.loads(answer["Payload"].read() or b"{}")
    if "FunctionError" in answer:
        yield Check("channels", PROBLEM, f"the checker failed: {value.get('errorMessage', value)}; see its log group")
        return
    for name, told in value.get("channels", {}).items():
        taken = told == "sent"
        text = "took a test alert; see whether it arrived" if taken else f"did not take a test alert: {told}"
        yield Check(f"channel {name}", OK if taken else PROBLEM, text)
    if not value.get("channels"):
        yield Check("channels", WARNING, "jobs.yaml has none: nobody is told of anything")


def key_of(store: Store) -> str:
    """The ping key: the environment's, else the one that the stack made for itself."""
    return os.environ.get("HEARTBEAT_PING_KEY") or ping_keys.first(store)[0]


def check_ping(store: Store, url: str, now: int) -> Iterator[Check]:
    """Ping, and wait for the signal."""
    slug = f"heartbeat-doctor-{token_hex(4)}"
    store.commit([founding(Job(slug=slug, schedule=("every 1d",), source="doctor"), now)])
    try:
        yield _ping(store, url, slug)
    finally:
        _remove(store, slug)


def _ping(store: Store, url: str, slug: str) -> Check:
    begun = time.monotonic()
    answer = ask(f"{url.rstrip('/')}/ping/{quote(key_of(store), safe='')}/{slug}")
    if answer.problem:
        return Check("ping", PROBLEM, f"{url} {answer.problem}")
    if answer.status == NOT_FOUND:
        text = "the stack does not take the key: set HEARTBEAT_PING_KEY to the one that the parameter PingKey has"
        return Check("ping", PROBLEM, text)
    if answer.status != 200:  # noqa: PLR2004 - HTTP's own
        return Check("ping", PROBLEM, f"was answered {answer.status} {answer.body.strip()[:200]!r}; see its log group")
    while time.monotonic() - begun < WAIT:
        if store.load([slug])[slug].state.signals:
            return Check("ping", OK, f"went through to the table in {(time.monotonic() - begun) * 1000:.0f} ms")
        time.sleep(PAUSE)
    return Check("ping", PROBLEM, f"was answered OK, and is not in the table after {WAIT:g} seconds")


def _remove(store: Store, slug: str) -> None:
    for _ in range(REMOVALS_MAX):
        found = store.load([slug]).get(slug)
        if found is None:
            return
        store.commit([Change(slug=slug, expected=found.state.version, remove=True)])
