"""The launcher: a message becomes a task, and stays in its queue."""

import pytest

from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.launcher_work import Launches
from heartbeat.errors import BadSetting, StartFailed
from heartbeat.settings import read_launcher
from heartbeat.targets import aws_call
from heartbeat.targets.ecs import Ecs
from heartbeat.telemetry import Happened

QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/hb-batch"
ENVIRON = {
    "HEARTBEAT_TASK_DEFINITION": "worker",
    "HEARTBEAT_TASK_CLUSTER": "batch",
    "HEARTBEAT_TASK_CONTAINER": "app",
    "HEARTBEAT_TASK_COMMAND": "heartbeat exec --sqs - -- sh -c 'bin/work \"$1\"'",
    "HEARTBEAT_TASK_SUBNETS": "subnet-1,subnet-2",
    "HEARTBEAT_TASK_SECURITY_GROUPS": "",
    "HEARTBEAT_TASK_PUBLIC_IP": "ENABLED",
    "HEARTBEAT_QUEUE": QUEUE,
    "HEARTBEAT_QUEUE_JOB": "csv-import",
}
RUN = "0b7c9d6e-1111-4222-8333-444444444444"


def message(ident="m-1", count=1, body='{"que_id": 7}', **attributes):
    return {
        "messageId": ident,
        "receiptHandle": f"receipt-{ident}-{count}",
        "body": body,
        "attributes": {"ApproximateReceiveCount": str(count), "SentTimestamp": "1767603600000"},
        "messageAttributes": {
            name: {"stringValue": text, "stringListValues": [], "binaryListValues": [], "dataType": "String"}
            for name, text in attributes.items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:hb-batch",
    }


class Cloud:
    """What ECS is asked, and answers as it is told to."""

    def __init__(self):
        self.calls, self.answers = [], []

    def run_task(self, **request):
        self.calls.append(request)
        return self.answers.pop(0) if self.answers else {"tasks": [{"taskArn": "arn:aws:ecs:r:1:task/batch/abc"}]}


@pytest.fixture
def ecs(monkeypatch):
    made = Cloud()
    monkeypatch.setattr(aws_call, "client", lambda *_: made)
    return made


@pytest.fixture
def journal():
    return Journal("hb", lambda: 0)


@pytest.fixture
def launches(ecs, journal):  # noqa: ARG001 - it is in place before the first call
    given = read_launcher(ENVIRON)
    return Launches(Ecs(**given.task), journal, queue=given.queue, job=given.job)


def variables(request):
    (override,) = request["overrides"]["containerOverrides"]
    return {each["name"]: each["value"] for each in override["environment"]}


def test_a_message_of_somebody_else_is_a_task_with_all_that_it_needs(launches, ecs):
    assert launches.take({"Records": [message()]}) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    (request,) = ecs.calls
    assert (request["cluster"], request["taskDefinition"], request["launchType"]) == ("batch", "worker", "FARGATE")
    (override,) = request["overrides"]["containerOverrides"]
    assert override["command"] == ["heartbeat", "exec", "--sqs", "-", "--", "sh", "-c", 'bin/work "$1"']
    assert request["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["subnet-1", "subnet-2"],
        "assignPublicIp": "ENABLED",
    }
    told = variables(request)
    run = told.pop("HEARTBEAT_RUN_ID")
    assert request["startedBy"] == f"heartbeat/csv-import/{run}"
    assert told == {
        "HEARTBEAT_JOB": "csv-import",
        "HEARTBEAT_SLOT": "",
        "HEARTBEAT_MESSAGE_ID": "m-1",
        "HEARTBEAT_RECEIPT_HANDLE": "receipt-m-1-1",
        "HEARTBEAT_QUEUE": QUEUE,
        "HEARTBEAT_BODY": '{"que_id": 7}',
        "HEARTBEAT_RECEIVE_COUNT": "1",
    }


def test_a_message_that_heartbeat_sent_is_the_run_that_it_names(launches, ecs):
    named = {"Heartbeat-Job": "settle", "Heartbeat-Run": RUN, "Heartbeat-Slot": "2026-01-05T18:00:00+09:00"}
    launches.take({"Records": [message(**named)]})
    told = variables(ecs.calls[0])
    assert (told["HEARTBEAT_JOB"], told["HEARTBEAT_RUN_ID"]) == ("settle", RUN)
    assert told["HEARTBEAT_SLOT"] == "2026-01-05T18:00:00+09:00"


def test_a_call_that_is_repeated_asks_for_the_same_task_and_a_message_that_came_back_for_another(launches, ecs):
    for count in (1, 1, 2):
        launches.take({"Records": [message(count=count)]})
    first, repeated, again = (call["clientToken"] for call in ecs.calls)
    assert first == repeated != again
    assert 1 <= len(first) <= 64  # what ECS takes
    assert len({variables(call)["HEARTBEAT_RUN_ID"] for call in ecs.calls}) == 1


def test_a_task_that_cannot_be_started_is_told_of_and_its_message_kept(launches, ecs, journal):
    ecs.answers = [{"tasks": [], "failures": [{"arn": "a", "reason": "RESOURCE:CPU"}]}]
    answer = launches.take({"Records": [message("m-1"), message("m-2")]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-2"}]}
    assert len(ecs.calls) == 2
    assert (journal.counts[Happened.RUN_NOT_STARTED], journal.counts[Happened.RUN_STARTED]) == (1, 1)


def test_a_body_that_ecs_would_not_take_is_told_of_before_it_is_asked(launches, ecs):
    launches.take({"Records": [message(body="x" * 9000)]})
    assert ecs.calls == []
    with pytest.raises(StartFailed) as told:
        Ecs(task_definition="t", container="app").run("settle", RUN, {"HEARTBEAT_BODY": "x" * 9000}, token="t")
    assert str(told.value) == (
        "the task's command and variables come to 9092 characters, and ECS takes 8192; "
        "put the data into S3 and hand over its name"
    )
    assert (told.value.again, told.value.unknown) == (False, False)


@pytest.mark.parametrize("name", ["HEARTBEAT_TASK_DEFINITION", "HEARTBEAT_QUEUE"])
def test_what_the_template_does_not_say_is_named(name):
    with pytest.raises(BadSetting, match=f"{name} is not set"):
        read_launcher(ENVIRON | {name: ""})


def test_a_command_that_no_shell_would_take_is_named():
    with pytest.raises(BadSetting, match="HEARTBEAT_TASK_COMMAND is not a valid shell command: No closing"):
        read_launcher(ENVIRON | {"HEARTBEAT_TASK_COMMAND": "sh -c 'oh"})
