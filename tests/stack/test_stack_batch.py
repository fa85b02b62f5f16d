"""The recipes for ECS, as their pages say: a state machine and a launcher, both of which run tasks.

The local AWS runs no containers. So the stories read what a task was told, and do what its container would have done.
The stories are told in the order of this file, on one stack of their own.
"""

import json
import shlex
import subprocess
import sys
from uuid import uuid4

import pytest
import yaml
from pages import Page
from stack import until

YAML, QUEUE = Page("recipes/schedules-in-yaml.md"), Page("recipes/queue-to-ecs.md")
BACKUP = ["bin/rails", "runner", "Batches::Daily::Backup.execute"]
MORE = """
nightly-import:
  schedule: "30 5 1 1 *"
  max_runtime: 5m
  trigger: {sqs: {queue: "${env:BATCH_QUEUE}"}}
"""
"""A job that is triggered into the queue: the other way into it."""


def jobs():
    """The files of both pages in one."""
    first, second = (yaml.safe_load(page.file("jobs.yaml").text) for page in (YAML, QUEUE))
    assert first["channels"] == second["channels"]
    return yaml.safe_dump({"name": "work", **first, "jobs": first["jobs"] | second["jobs"] | yaml.safe_load(MORE)})


def parameters(page):
    """What a page's deploy.sh gives to the stack."""
    words = shlex.split(page.file("deploy.sh").text.replace("\\\n", " "), comments=True)
    given = words[words.index("--parameter-overrides") + 1 :]
    return dict(word.split("=", 1) for word in given)


class Tasks:
    """The cluster's tasks."""

    def __init__(self, cloud):
        self.ecs = cloud.client("ecs")
        self.ecs.create_cluster(clusterName="batch")

    def define(self):
        container = {"name": "app", "image": "app", "memory": 128}
        self.ecs.register_task_definition(
            family="app",
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
    made = cloud.deploy("work", cloud.build(jobs(), "build-work"), **parameters(YAML) | parameters(QUEUE))
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
    run_id = run(batch, "backup")
    found = until(lambda: (r := record(batch, "backup", run_id)) and r["end"] == "failed" and r, seconds=20)
    assert found["output"].splitlines() == ["FAILED", "ECS.RunTaskFailed", "Unable to find task definition: app"]
    status = batch.cloud.client("stepfunctions").describe_execution(executionArn=arn_of(batch, run_id))
    assert (status["status"], status["error"]) == ("FAILED", "ECS.RunTaskFailed")


def test_a_triggered_execution_runs_the_command_as_a_task(batch, tasks):
    tasks.define()
    run_id = run(batch, "backup")
    (task,) = until(lambda: tasks.of(run_id))
    assert overridden(task)["name"] == "app"
    assert overridden(task)["command"] == BACKUP
    assert variables(task) == {
        "HEARTBEAT_JOB": "backup",
        "HEARTBEAT_RUN_ID": run_id,
        "HEARTBEAT_SLOT": "",
        "HEARTBEAT_INPUT": "",
    }
    tasks.stop(task)
    states = batch.cloud.client("stepfunctions")
    status = until(lambda: states.describe_execution(executionArn=arn_of(batch, run_id))["status"] == "SUCCEEDED")
    assert status
    tell_of(batch, arn_of(batch, run_id))
    assert until(lambda: record(batch, "backup", run_id)["end"] == "done", seconds=15)


def test_an_execution_by_hand_from_the_console_is_a_run_by_hand(batch, tasks):
    name = str(uuid4())
    (given,) = (json.loads(block.text) for block in YAML.blocks("json"))
    states = batch.cloud.client("stepfunctions")
    states.start_execution(stateMachineArn=batch.outputs["BatchMachineArn"], name=name, input=json.dumps(given))
    (task,) = until(lambda: tasks.of(name))
    assert (overridden(task)["command"], variables(task)["HEARTBEAT_JOB"]) == (given["command"], "settle")
    tell_of(batch, arn_of(batch, name))
    found = until(lambda: record(batch, "settle", name), seconds=15)
    assert (found["end"], found["by"]) == ("running", "hand")
    tasks.stop(task)


def work_as_told(stack, task, machine, **more):
    """What the container would do: the command of the task, with the variables of the task and of its definition."""
    defined = {
        "HEARTBEAT_URL": stack.outputs["PingUrl"].rstrip("/"),
        "HEARTBEAT_PING_KEY": stack.key,
        "HEARTBEAT_STATE": str(machine),
    }
    program, *arguments = overridden(task)["command"]
    assert program == "heartbeat"
    return stack.cloud.heartbeat(*arguments, **variables(task), **defined, **more)


@pytest.fixture(scope="module")
def imported(cloud):
    """The app of the page, in the folder of the container; what it has imported."""
    (cloud.folder / "import_csv.py").write_text(QUEUE.file("import_csv.py").text)
    rows = cloud.folder / "rows"
    run = f"lambda que_id: open({str(rows)!r}, 'a').write(f'{{que_id}}\\n')"
    (cloud.folder / "manage.py").write_text(f"import import_csv\nimport_csv.main({run})\n")
    return lambda: rows.read_text().splitlines() if rows.exists() else []


@pytest.fixture
def send(batch, monkeypatch):
    """The page's way to send."""
    for name, value in batch.cloud.environ(AWS_DEFAULT_REGION="eu-west-1").items():
        monkeypatch.setenv(name, value)
    page = {}
    exec(QUEUE.file("send.py").text, page)  # noqa: S102 - the page's own code
    return lambda que_id: page["send"](batch.outputs["BatchQueueUrl"], que_id)


def launched(stack, count):
    """What the launcher has said so far, when it has said so much."""
    found = until(lambda: len(lines := said(stack)) >= count and lines)
    assert len(found) == count
    return found


def said(stack):
    return [line for line in stack.logs("launcher") if line.get("event", "").startswith("run_")]


def test_a_message_of_the_app_is_a_task_which_works_and_deletes_it(batch, tasks, send, imported, tmp_path):
    send(7)
    (line,) = launched(batch, 1)
    assert (line["event"], line["job"], line["delivery"]) == ("run_started", "csv-import", 1)
    (task,) = tasks.of(line["run"])
    assert in_queue(batch) == (0, 1)  # hidden, not deleted
    assert work_as_told(batch, task, tmp_path) == (0, "imported 7\n")
    assert (imported(), in_queue(batch)) == (["7"], (0, 0))
    assert record(batch, "csv-import", line["run"])["end"] == "done"


def test_a_second_task_for_the_same_message_does_not_work(batch, tasks, send, imported, tmp_path):
    send(8)
    line = launched(batch, 2)[-1]
    (task,) = tasks.of(line["run"])
    assert work_as_told(batch, task, tmp_path / "one")[0] == 0
    status, told = work_as_told(batch, task, tmp_path / "two")
    assert (status, imported().count("8")) == (75, 1), told


def test_a_run_that_is_triggered_into_the_queue_is_the_task(batch, tasks, imported, tmp_path):
    run_id = run(batch, "nightly-import", input={"rows": 3})
    line = launched(batch, 3)[-1]
    assert (line["run"], line["job"]) == (run_id, "nightly-import")
    (task,) = tasks.of(run_id)
    assert json.loads(variables(task)["HEARTBEAT_BODY"])["input"] == {"rows": 3}
    status, told = work_as_told(batch, task, tmp_path)  # this message has no que_id
    assert (status, "KeyError: 'que_id'" in told, len(imported())) == (1, True, 2)
    assert record(batch, "nightly-import", run_id)["end"] == "failed"


def in_queue(stack):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = stack.cloud.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["BatchQueueUrl"], AttributeNames=names
    )["Attributes"]
    return tuple(int(found[name]) for name in names)


def test_the_files_of_the_old_way_become_those_of_ours(tmp_path):
    (tmp_path / "convert.py").write_text(YAML.file("convert.py").text)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "convert.py")],
        input=YAML.file("schedules.yml").text,
        capture_output=True,
        text=True,
        check=True,
    )
    assert yaml.safe_load(done.stdout) == yaml.safe_load(YAML.file("jobs.yaml").text)
