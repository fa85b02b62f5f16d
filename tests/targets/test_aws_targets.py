"""The targets on AWS: against moto, and for what moto cannot do, answers put into botocore's own stubber."""

import json

import boto3
import pytest
from botocore import exceptions as wrong
from moto import mock_aws

from heartbeat import aws
from heartbeat.errors import StartFailed
from heartbeat.model import DAY, HOUR, MINUTE, Trigger
from heartbeat.targets import aws_call
from heartbeat.targets.build import build
from heartbeat.targets.protocol import StartCall

REGION = "eu-west-1"
RUN = "0b7c9d6e-1111-4222-8333-444444444444"
SLOT = 1_767_603_600_000
CALL = StartCall(slug="report", run_id=RUN, slot=SLOT, timezone="Asia/Tokyo")
BY_HAND = StartCall(slug="report", run_id=RUN, slot=None, timezone="UTC", input='{"rows": 3}')
FACTS = {"job": "report", "run_id": RUN, "slot": "2026-01-05T18:00:00+09:00"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


@pytest.fixture(autouse=True)
def cloud(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    forget = aws_call.client.cache_clear
    with mock_aws():
        forget()
        yield
        forget()


def target(kind, **settings):
    return build(Trigger(kind=kind, settings=settings), resolve=lambda text: text)


def start(kind, call=CALL, **settings):
    return target(kind, **settings).start(call, lambda: None)


class TestSqs:
    def queue(self, name, **attributes):
        sqs = boto3.client("sqs")
        return sqs, sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def messages(self, sqs, url):
        return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get(
            "Messages", []
        )

    def test_a_message(self):
        sqs, url = self.queue("jobs")
        answer = start("sqs", queue=url, attributes={"team": "data"}, body={"rows": 1})
        (message,) = self.messages(sqs, url)
        assert answer.text == f"message {message['MessageId']}"
        assert json.loads(message["Body"]) == {"rows": 1, **FACTS}
        attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        assert attributes == {
            "team": "data",
            "Heartbeat-Job": "report",
            "Heartbeat-Run": RUN,
            "Heartbeat-Slot": FACTS["slot"],
        }

    @pytest.mark.parametrize("name", ["jobs", "arn:aws:sqs:eu-west-1:123456789012:jobs"])
    def test_a_queue_may_be_named(self, name):
        sqs, url = self.queue("jobs")
        start("sqs", queue=name)
        assert len(self.messages(sqs, url)) == 1

    def test_a_fifo_queue_takes_a_run_once(self):
        sqs, url = self.queue("jobs.fifo", FifoQueue="true")
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "false"})
        for _ in range(3):
            start("sqs", queue=url)
        assert len(self.messages(sqs, url)) == 1
        assert target("sqs", queue=url).repeatable == 4 * MINUTE
        assert target("sqs", queue="jobs").repeatable == 0

    def test_a_queue_that_is_not_there_is_final(self):
        with pytest.raises(StartFailed, match="SQS answered ") as failed:
            start("sqs", queue="nowhere")
        assert (failed.value.again, failed.value.unknown) == (False, False)


class TestStepFunctions:
    def machine(self):
        states = boto3.client("stepfunctions")
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
        return states, states.create_state_machine(name="m", definition=definition, roleArn=role)["stateMachineArn"]

    def test_an_execution_is_named_as_the_run_and_told_of_it(self):
        states, arn = self.machine()
        answer = start("step_functions", state_machine=arn, input={"command": ["rake", "settle"]})
        assert answer.text == f"execution {RUN}"
        (execution,) = states.list_executions(stateMachineArn=arn)["executions"]
        told = json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"])
        assert told == {"command": ["rake", "settle"], "heartbeat": FACTS}

    def test_the_same_run_is_one_execution(self):
        states, arn = self.machine()
        for _ in range(2):
            start("step_functions", state_machine=arn)
        assert len(states.list_executions(stateMachineArn=arn)["executions"]) == 1
        assert target("step_functions", state_machine=arn).repeatable == DAY

    def test_an_input_by_hand_goes_over_the_declared_one(self):
        states, arn = self.machine()
        start("step_functions", BY_HAND, state_machine=arn, input={"rows": 1, "x": 2})
        (execution,) = states.list_executions(stateMachineArn=arn)["executions"]
        told = json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"])
        assert (told["rows"], told["x"], told["heartbeat"]["slot"]) == (3, 2, None)


ECS = {"cluster": "c", "task_definition": "nightly", "subnets": ["subnet-1"]}


class TestEcs:
    @pytest.fixture
    def calls(self, monkeypatch):
        """What ECS is asked, and answers as it is told to: moto checks neither capacity nor tokens."""
        calls, answers = [], []

        class Ecs:
            def run_task(self, **request):
                calls.append(request)
                return answers.pop(0) if answers else {"tasks": [{"taskArn": "arn:aws:ecs:r:1:task/c/abc"}]}

            def describe_task_definition(self, **_):
                names = answers.pop(0) if answers else ["app"]
                return {"taskDefinition": {"containerDefinitions": [{"name": name} for name in names]}}

        monkeypatch.setattr(aws_call, "client", lambda *_: Ecs())
        return calls, answers

    def test_a_task(self, calls):
        answer = start(
            "ecs", **ECS, container="app", command=["rake", "settle"], environment={"A": "1"}, security_groups=["sg-1"]
        )
        assert answer.text == "task abc"
        (request,) = calls[0]
        assert (request["cluster"], request["taskDefinition"], request["launchType"]) == ("c", "nightly", "FARGATE")
        assert (request["clientToken"], request["startedBy"]) == (RUN, f"heartbeat/report/{RUN}")
        (override,) = request["overrides"]["containerOverrides"]
        assert (override["name"], override["command"]) == ("app", ["rake", "settle"])
        assert {each["name"]: each["value"] for each in override["environment"]} == {
            "A": "1",
            "HEARTBEAT_JOB": "report",
            "HEARTBEAT_RUN_ID": RUN,
            "HEARTBEAT_SLOT": FACTS["slot"],
        }
        assert request["networkConfiguration"]["awsvpcConfiguration"] == {
            "subnets": ["subnet-1"],
            "securityGroups": ["sg-1"],
            "assignPublicIp": "DISABLED",
        }

    def test_every_attempt_asks_for_the_same(self, calls):
        """Else ECS refuses the client token."""
        for attempt in (1, 2):
            start("ecs", StartCall(slug="a", run_id=RUN, slot=SLOT, timezone="UTC", attempt=attempt), **ECS)
        assert calls[0][0] == calls[0][1]
        assert target("ecs", **ECS).repeatable == 23 * HOUR

    def test_the_request_is_one_that_the_sdk_takes(self, calls):
        start("ecs", **ECS, container="app", capacity_provider="FARGATE_SPOT")
        model = boto3.client("ecs").meta.service_model.operation_model("RunTask").input_shape
        from botocore.validate import ParamValidator  # noqa: PLC0415 - only here

        assert ParamValidator().validate(calls[0][0], model).generate_report() == ""

    def test_the_only_container_needs_no_name(self, calls):
        start("ecs", **ECS)
        assert calls[0][0]["overrides"]["containerOverrides"][0]["name"] == "app"

    def test_of_two_containers_one_must_be_named(self, calls):
        calls[1].append(["app", "log"])
        with pytest.raises(StartFailed, match="nightly has 2 containers; write which one as `container`"):
            start("ecs", **ECS)

    @pytest.mark.parametrize(
        ("reason", "again"),
        [
            ("RESOURCE:CPU", True),
            ("RESOURCE:MEMORY", True),
            ("AGENT", True),
            ("Capacity is unavailable at this time", True),
            ("MISSING", False),
            ("ATTRIBUTE", False),
        ],
    )
    def test_failures_are_told_and_those_that_pass_are_tried_again(self, calls, reason, again):
        calls[1].append({"tasks": [], "failures": [{"arn": "a", "reason": reason, "detail": "no room"}]})
        with pytest.raises(StartFailed, match=f"ECS started no task: {reason} no room") as failed:
            start("ecs", **ECS, container="app")
        assert (failed.value.again, failed.value.unknown) == (again, False)


class TestLambda:
    @pytest.fixture
    def function(self, monkeypatch):
        calls, answer = [], {"StatusCode": 202}

        class Functions:
            def invoke(self, **request):
                calls.append(request)
                return answer

        made = []
        monkeypatch.setattr(aws_call, "client", lambda *given: made.append(given) or Functions())
        return calls, answer, made

    def test_in_the_background(self, function):
        calls, _, made = function
        assert start("aws_lambda", function="nightly", payload={"rows": 1}).text == "202"
        assert (calls[0]["FunctionName"], calls[0]["InvocationType"]) == ("nightly", "Event")
        assert json.loads(calls[0]["Payload"]) == {"rows": 1, "heartbeat": FACTS}
        assert made == [("lambda", "", aws.READ)]

    @pytest.mark.parametrize(("error", "ok"), [(None, True), ("Unhandled", False)])
    def test_waiting_for_the_end(self, function, error, ok):
        calls, answer, made = function
        answer |= {"StatusCode": 200, "Payload": Body(b'"3 rows"')} | ({"FunctionError": error} if error else {})
        sent = []
        told = target("aws_lambda", function="nightly", waits=True, timeout=60_000).start(CALL, lambda: sent.append(1))
        assert (told.ok, told.output, sent) == (ok, '"3 rows"', [1])
        assert calls[0]["InvocationType"] == "RequestResponse"
        assert made == [("lambda", "", 60.0)]


class Body:
    def __init__(self, data):
        self.data = data

    def read(self, most):
        return self.data[:most]


class TestWhatAnErrorMeans:
    @pytest.mark.parametrize(
        ("code", "status", "again", "unknown"),
        [
            ("ThrottlingException", 400, True, False),
            ("TooManyRequestsException", 429, True, False),
            ("ServiceUnavailable", 503, True, False),
            ("InternalServerError", 500, False, True),
            ("AccessDeniedException", 400, False, False),
            ("ClusterNotFoundException", 400, False, False),
        ],
    )
    def test_an_answer(self, code, status, again, unknown):
        response = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        with pytest.raises(StartFailed, match=f"ECS answered {code}: m") as failed, aws_call.calling("ECS"):
            raise wrong.ClientError(response, "RunTask")
        assert (failed.value.again, failed.value.unknown) == (again, unknown)

    @pytest.mark.parametrize(
        ("error", "again", "unknown"),
        [
            (wrong.ReadTimeoutError(endpoint_url="u"), False, True),
            (wrong.ConnectionClosedError(endpoint_url="u"), False, True),
            (wrong.ConnectTimeoutError(endpoint_url="u"), True, False),
            (wrong.EndpointConnectionError(endpoint_url="u"), True, False),
            (wrong.NoCredentialsError(), False, False),
            (wrong.NoRegionError(), False, False),
        ],
    )
    def test_no_answer(self, error, again, unknown):
        with pytest.raises(StartFailed) as failed, aws_call.calling("ECS"):
            raise error
        assert (failed.value.again, failed.value.unknown) == (again, unknown)
