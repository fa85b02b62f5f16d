"""What `doctor --stack` says of what AWS answers. A stack that is deployed is asked in tests/aws_stack."""

import io
import json

import pytest
from botocore.exceptions import ClientError

from heartbeat.doors.cli import stack
from heartbeat.doors.cli.probes import CheckResult
from heartbeat.errors import BadSetting
from heartbeat.store.sqlite.store import SQLiteStore

NOW = 1_795_305_600_000
OUTPUTS = {
    "TableName": "t",
    "AlertTopicArn": "arn:aws:sns:eu-west-1:000000000000:hb-alerts",
    "EvidenceBucketName": "b",
    "CheckerFunctionName": "hb-checker",
}


class Cloud:
    """AWS, as far as doctor asks it. The tests in tests/aws_stack hold it against a whole one."""

    def __init__(self):
        self.alarms = [{"AlarmName": "hb-sweep-missing", "StateValue": "OK"}]
        self.outputs = dict(OUTPUTS)
        self.waiting = {"hb-dead-letters": 0, "hb-scheduler-failures": 0}
        self.subscriptions = [{"SubscriptionArn": "arn:1", "Endpoint": "ops@example.com"}]
        self.status, self.channels, self.refused = "CREATE_COMPLETE", {"ops": "sent"}, set()

    def client(self, service):
        if service in self.refused:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "Look")
        return self

    def describe_stacks(self, StackName):  # noqa: N803 - as boto3 has it
        if StackName != "hb":
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return {"Stacks": [{"StackStatus": self.status, "Outputs": outputs}]}

    def get_paginator(self, name):
        pages = {
            "describe_alarms": [{"MetricAlarms": self.alarms[:1]}, {"MetricAlarms": self.alarms[1:]}],
            "list_subscriptions_by_topic": [{"Subscriptions": self.subscriptions}],
        }

        class Pages:
            def paginate(self, **_what):
                return pages[name]

        return Pages()

    def get_queue_url(self, QueueName):  # noqa: N803 - the same
        return {"QueueUrl": QueueName}

    def get_queue_attributes(self, QueueUrl, AttributeNames):  # noqa: N803 - the same
        return {"Attributes": {name: str(self.waiting[QueueUrl]) for name in AttributeNames}}

    def head_bucket(self, Bucket):  # noqa: N803 - the same
        return {"Bucket": Bucket}

    def invoke(self, FunctionName, Payload):  # noqa: N803 - the same
        assert (FunctionName, json.loads(Payload)) == ("hb-checker", {"heartbeat": "test-alert"})
        if isinstance(self.channels, str):
            text = json.dumps({"errorMessage": self.channels}).encode()
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(text)}
        return {"Payload": io.BytesIO(json.dumps({"channels": self.channels}).encode())}


@pytest.fixture
def cloud():
    return Cloud()


def checks(cloud, *, send_test=True):
    aws = stack.Aws(region="eu-west-1", client=cloud.client)
    found = stack.find(aws, "hb")
    return [stack.check_status(found), *stack.check_aws(aws, found, send_test=send_test)]


def wrong(cloud):
    return [f"{check.name}: {check.text}" for check in checks(cloud) if check.found is not CheckResult.OK]


def test_nothing_is_wrong(cloud):
    assert wrong(cloud) == []
    assert [check.text for check in checks(cloud)][-1] == "took a test alert; see whether it arrived"


def test_alarms_that_start_and_end_instances_are_no_trouble(cloud):
    cloud.alarms.append(
        {"AlarmName": "hb-work-is-done", "StateValue": "ALARM", "AlarmDescription": "No trouble: nothing waits"}
    )
    assert wrong(cloud) == []


def test_the_dead_letters_of_the_queue_of_work_are_looked_at_where_there_is_one(cloud):
    cloud.waiting["hb-batch-dead-letters"] = 2
    assert wrong(cloud) == []
    cloud.outputs["BatchQueueUrl"] = "https://sqs.eu-west-1.amazonaws.com/1/hb-batch"
    assert wrong(cloud) == ["queues: hb-batch-dead-letters holds 2: what could not be done; see them in the console"]


def test_no_test_alert_unless_asked_for(cloud):
    cloud.channels = "must not be called"
    assert checks(cloud, send_test=False)[-1].found is CheckResult.SKIPPED


def test_an_unknown_stack(cloud):
    with pytest.raises(BadSetting, match="no stack 'other' in eu-west-1"):
        stack.find(stack.Aws(region="eu-west-1", client=cloud.client), "other")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"status": "ROLLBACK_COMPLETE"},
            "stack: hb is ROLLBACK_COMPLETE: see its events in CloudFormation, deploy again",
        ),
        (
            {
                "alarms": [
                    {"AlarmName": "hb-x", "StateValue": "OK"},
                    {"AlarmName": "hb-errors-ping", "StateValue": "ALARM"},
                ]
            },
            "alarms: hb-errors-ping: ",
        ),
        (
            {"alarms": [{"AlarmName": "hb-sweep-missing", "StateValue": "INSUFFICIENT_DATA"}]},
            "alarms: hb-sweep-missing has no data yet: look again in five minutes",
        ),
        ({"alarms": []}, "alarms: there is no alarm hb-…: nobody watches the watcher; deploy again"),
        (
            {"waiting": {"hb-dead-letters": 3, "hb-scheduler-failures": 0}},
            "queues: hb-dead-letters holds 3: what could not be done; see them in the console",
        ),
        ({"subscriptions": []}, "alert topic: nobody is subscribed: nobody hears of the alarms; set AlertEmail"),
        (
            {"subscriptions": [{"SubscriptionArn": "PendingConfirmation", "Endpoint": "ops@example.com"}]},
            "alert topic: ops@example.com has not confirmed the mail from AWS",
        ),
        ({"channels": {"ops": "answered 404"}}, "channel ops: did not take a test alert: answered 404"),
        ({"channels": {}}, "channels: jobs.yaml has none: nobody is told of anything"),
        ({"channels": "no such table"}, "channels: the checker failed: no such table; see its log group"),
        (
            {"refused": {"sqs"}},
            "queues: cannot be looked at: An error occurred (AccessDenied) when calling the Look operation: not you",
        ),
    ],
)
def test_what_is_wrong_is_said_in_words(cloud, change, told):
    for name, value in change.items():
        setattr(cloud, name, value)
    assert wrong(cloud) == [told]


class TestPing:
    """The job that a ping goes through by."""

    def check(self, store, url="http://127.0.0.1:9"):
        [found] = stack.check_ping(store, url, NOW)
        return found

    def test_it_leaves_nothing_behind(self):
        store = SQLiteStore(":memory:")
        found = self.check(store)
        assert (found.found, "cannot be reached" in found.text) == (CheckResult.PROBLEM, True)
        assert store.names("", 9) == []

    def test_the_key_of_the_environment_goes_first(self, monkeypatch):
        store = SQLiteStore(":memory:")
        kept = stack.key_of(store)
        assert len(kept) == 22
        monkeypatch.setenv("HEARTBEAT_PING_KEY", "the-other-key")
        assert stack.key_of(store) == "the-other-key"


def test_without_a_region_it_says_what_to_do(machine, monkeypatch, tmp_path):
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    status, _, err = machine.run("doctor", "--stack", "hb", when="2026-11-22T09:00")
    assert (status, "set AWS_REGION, or give --region" in err) == (2, True)
