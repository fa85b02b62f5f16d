"""A stack with the parts for batch: a state machine and a launcher, both of which run ECS tasks.

The local AWS runs no containers. So the stories read what a task was told, and do what its container would have done.
The stories are told in the order of this file, on one stack of their own.
"""

import json
from uuid import uuid4

import pytest
from stack import until

JOBS = """
name: batch
defaults: {timezone: Asia/Tokyo, notify: []}
channels: {screen: {console: {}}}
jobs:
  settle:
    schedule: "30 4 1 1 *"
    max_runtime: 5m
    trigger: {step_functions: {state_machine: "${env:BATCH_MACHINE}", input: {command: [bin/rails, settle]}}}
  csv-import:
    schedule: "30 5 1 1 *"
    max_runtime: 5m
    trigger: {sqs: {queue: "${env:BATCH_QUEUE}"}}
"""
PARAMETERS = {
    "TaskFamily": "worker",
    "TaskCluster": "batch",
    "TaskSubnets": "subnet-1",
    "TaskCommand": "heartbeat exec --sqs - -- bin/import",
    "QueueWorkers": "ecs",
    "QueueJob": "csv-import",
}


class Tasks:
    """The cluster's tasks."""

    def __init__(self, cloud):
        self.ecs = cloud.client("ecs")
        self.ecs.create_cluster(clusterName="batch")

    def define(self):
        container = {"name": "app", "image": "app", "memory": 128}
        self.ecs.register_task_definition(
            family="worker",
            containerDefinitions=[container],
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
        )

    def of(self, run):
        """The tasks that were started for a run."""
        arns = [arn for status in ("RUNNING", "STOPPED") for arn in self.listed(status)]
        found = self.ecs.describe_tasks(cluster="batch", tasks=arns)["tasks"] if arns else []
        return [task for task in found if variables(task)["HEARTBEAT_RUN_ID"] == run]

    def listed(self, status):
        return self.ecs.list_tasks(cluster="batch", desiredStatus=status)["taskArns"]

    def stop(self, task):
        self.ecs.stop_task(cluster="batch", task=task["taskArn"])


def overridden(task):
    (override,) = task["overrides"]["containerOverrides"]
    return override


def variables(task):
    return {each["name"]: each["value"] for each in overridden(task)["environment"]}


@pytest.fixture(scope="module")
def tasks(cloud):
    return Tasks(cloud)


@pytest.fixture(scope="module")
def batch(cloud, tasks):  # noqa: ARG001 - the cluster is there before the stack
    made = cloud.deploy("work", cloud.build(JOBS, "build-work"), **PARAMETERS)
    # The local AWS asks for a permission for the cluster; AWS for one for the task definition, which the role has.
    made.permit("LauncherRole", ["ecs:RunTask"], "arn:aws:ecs:*:*:cluster/batch")
    made.sweep()
    yield made
    made.delete()


def run(stack, job, **more):
    (started,) = stack.invoke("trigger", {"heartbeat": "run", "job": job, **more})["runs"]
    assert started["phase"] == "started", started
    return started["run_id"]


def record(stack, job, run_id):
    _, text = stack.cloud.heartbeat("runs", job, "--json", "--store", f"dynamodb://{stack.table}")
    return next((each for each in json.loads(text) if each["run_id"] == run_id), None)


def tell_of(stack, execution):
    """What EventBridge tells of an execution; the local Step Functions tells nobody."""
    states = stack.cloud.client("stepfunctions")
    found = states.describe_execution(executionArn=execution)
    detail = {name: found[name] for name in ("executionArn", "stateMachineArn", "name", "status", "input")}
    for name in ("startDate", "stopDate"):
        detail[name] = round(found[name].timestamp() * 1000) if name in found else None
    stack.event("aws.states", "Step Functions Execution Status Change", detail, [execution])


def arn_of(stack, name):
    return f"{stack.outputs['BatchMachineArn'].replace(':stateMachine:', ':execution:')}:{name}"


def test_a_task_that_cannot_be_started_is_a_failed_run_with_the_reason(batch):
    """Told by the state machine itself: in the local AWS nobody else does."""
    run_id = run(batch, "settle")
    found = until(lambda: (r := record(batch, "settle", run_id)) and r["end"] == "failed" and r, seconds=20)
    assert found["output"].splitlines() == ["FAILED", "ECS.RunTaskFailed", "Unable to find task definition: worker"]
    status = batch.cloud.client("stepfunctions").describe_execution(executionArn=arn_of(batch, run_id))
    assert (status["status"], status["error"]) == ("FAILED", "ECS.RunTaskFailed")


def test_a_triggered_execution_runs_the_command_as_a_task(batch, tasks):
    tasks.define()
    run_id = run(batch, "settle")
    (task,) = until(lambda: tasks.of(run_id))
    assert overridden(task)["name"] == "app"
    assert overridden(task)["command"] == ["bin/rails", "settle"]
    assert variables(task) == {
        "HEARTBEAT_JOB": "settle",
        "HEARTBEAT_RUN_ID": run_id,
        "HEARTBEAT_SLOT": "",
        "HEARTBEAT_INPUT": "",
    }
    tasks.stop(task)
    states = batch.cloud.client("stepfunctions")
    status = until(lambda: states.describe_execution(executionArn=arn_of(batch, run_id))["status"] == "SUCCEEDED")
    assert status
    tell_of(batch, arn_of(batch, run_id))
    assert until(lambda: record(batch, "settle", run_id)["end"] == "done", seconds=15)


def test_an_execution_by_hand_from_the_console_is_a_run_by_hand(batch, tasks):
    name = str(uuid4())
    given = {"heartbeat": {"job": "settle"}, "command": ["bin/rails", "settle[again]"]}
    states = batch.cloud.client("stepfunctions")
    states.start_execution(stateMachineArn=batch.outputs["BatchMachineArn"], name=name, input=json.dumps(given))
    (task,) = until(lambda: tasks.of(name))
    assert (overridden(task)["command"], variables(task)["HEARTBEAT_JOB"]) == (given["command"], "settle")
    tell_of(batch, arn_of(batch, name))
    found = until(lambda: record(batch, "settle", name), seconds=15)
    assert (found["end"], found["by"]) == ("running", "hand")
    tasks.stop(task)


def test_a_message_becomes_a_task_which_works_and_deletes_it(batch, tasks, tmp_path):
    run_id = run(batch, "csv-import", input={"que_id": 7})
    (task,) = until(lambda: tasks.of(run_id))
    told = variables(task)
    assert overridden(task)["command"] == ["heartbeat", "exec", "--sqs", "-", "--", "bin/import"]
    assert (told["HEARTBEAT_JOB"], told["HEARTBEAT_RECEIVE_COUNT"]) == ("csv-import", "1")
    assert json.loads(told["HEARTBEAT_BODY"])["input"] == {"que_id": 7}
    url = batch.outputs["PingUrl"].rstrip("/")
    handed = {**told, "HEARTBEAT_URL": url, "HEARTBEAT_PING_KEY": batch.key, "HEARTBEAT_STATE": str(tmp_path)}
    work = ["sh", "-c", "cat > $0", str(tmp_path / "ran")]
    assert batch.cloud.heartbeat(*overridden(task)["command"][1:-1], *work, **handed) == (0, "")
    assert json.loads((tmp_path / "ran").read_text())["input"] == {"que_id": 7}
    assert in_queue(batch) == (0, 0)
    assert record(batch, "csv-import", run_id)["end"] == "done"


def in_queue(stack):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = stack.cloud.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["BatchQueueUrl"], AttributeNames=names
    )["Attributes"]
    return tuple(int(found[name]) for name in names)


def test_a_message_of_an_app_is_a_run_of_the_job_that_the_stack_names_and_stays_until_it_is_worked_on(batch, tasks):
    sqs = batch.cloud.client("sqs")
    ident = sqs.send_message(QueueUrl=batch.outputs["BatchQueueUrl"], MessageBody='{"que_id": 8}')["MessageId"]
    started = until(lambda: [line for line in batch.logs("launcher") if line.get("message_") == ident])
    assert [(line["event"], line["job"], line["delivery"]) for line in started] == [("run_started", "csv-import", 1)]
    (task,) = tasks.of(started[0]["run"])
    assert variables(task)["HEARTBEAT_BODY"] == '{"que_id": 8}'
    assert in_queue(batch) == (0, 1)  # hidden, not deleted
