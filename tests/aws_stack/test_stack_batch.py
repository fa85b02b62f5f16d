"""The recipes for ECS, as their pages say: a state machine and a launcher, both of which run tasks.

The local AWS runs no containers. So the stories read what a task was told, and do what its container would have done.
The stories are told in the order of this file, on one stack of their own.
"""

import base64
import json
import shlex
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from pages import Page
from stack import until

YAML, QUEUE, OBSERVER = (Page(f"recipes/{name}.md") for name in ("schedules-in-yaml", "queue-to-ecs", "job-observer"))
BACKUP = ["bin/rails", "runner", "Batches::Daily::Backup.execute"]
MORE = """
nightly-import:
  schedule: "30 5 1 1 *"
  max_runtime: 5m
  trigger: {sqs: {queue: "${env:BATCH_QUEUE}"}}
"""
"""A job that is triggered into the queue: the other way into it."""


def jobs():
    """The files of all three pages in one."""
    files = [yaml.safe_load(page.file("jobs.yaml").text) for page in (YAML, QUEUE, OBSERVER)]
    assert files[0]["channels"] == files[1]["channels"] == files[2]["channels"]
    found = {name: job for file in files for name, job in file["jobs"].items()}
    return yaml.safe_dump({"name": "work", **files[0], "jobs": found | yaml.safe_load(MORE)})


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
            family="app", containerDefinitions=[container], requiresCompatibilities=["FARGATE"], cpu="256", memory="512"
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
    made = cloud.deploy("work", cloud.build(jobs(), "build-work"), **{**parameters(YAML), **parameters(QUEUE)})
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
    return next((each for each in json.loads(text)["runs"] if each["run_id"] == run_id), None)


def tell_of(stack, execution):
    """What EventBridge tells of an execution that waits for a task; the local Step Functions tells nobody of it."""
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


# The same queue, worked on by instances. The local AWS starts none: the stories do what one would do at its boot.

AWS = """#!{python}
import sys, boto3, json
match sys.argv[1:]:
    case ["dynamodb", "get-item", "--region", _, "--table-name", table, "--query", *form, "--key", key]:
        assert form == ["Item.body.S", "--output", "text"]
        print(boto3.client("dynamodb").get_item(TableName=table, Key=json.loads(key))["Item"]["body"]["S"])
    case ["s3", "cp", "-", target]:
        bucket, _, name = target.removeprefix("s3://").partition("/")
        boto3.client("s3").put_object(Bucket=bucket, Key=name, Body=sys.stdin.buffer.read())
    case other:
        sys.exit(f"not tried: {{other}}")
"""
"""Those of the AWS command line's commands that are asked for."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A root folder of its own, with the page's job and the programs that an image has."""
    root = tmp_path_factory.mktemp("machine")
    for folder in ("etc/systemd/system", "bin", "opt"):
        (root / folder).mkdir(parents=True)
    programs = {
        "bin/aws": AWS.format(python=sys.executable),
        "bin/systemctl": f'#!/bin/sh\necho "$@" >> {root}/systemctl\n',
        "opt/make-feed": OBSERVER.file("/opt/feed/make-feed").text,
    }
    for name, text in programs.items():
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    return root


@pytest.fixture(scope="module")
def observer(batch, machine):
    """The stack of the other stories, deployed again with the page's parameters."""
    given = parameters(OBSERVER)
    assert given["WorkerCommand"] == "/opt/feed/make-feed"
    given["WorkerCommand"] = str(machine / "opt/make-feed")
    given.pop("WorkerPolicies")  # of which the local AWS wants to know that it is there
    file = batch.built / "template.yaml"
    template = yaml.safe_load(file.read_text())
    alarm = template["Resources"]["WorkIsDoneAlarm"]["Properties"]
    alarm |= alarm.pop("Metrics")[1]["MetricStat"]["Metric"] | {"Period": 60}  # no sum of metrics in the local AWS
    file.write_text(yaml.safe_dump(template))
    batch.cloud.client("sqs").purge_queue(QueueUrl=batch.outputs["BatchQueueUrl"])
    return batch.cloud.deploy("work", batch.built, **given)


@pytest.fixture(scope="module")
def booted(observer, machine):
    """What the instance's user data made of the machine: its worker's unit, and its environment."""
    [version] = observer.cloud.client("ec2").describe_launch_template_versions(LaunchTemplateName="work-worker")[
        "LaunchTemplateVersions"
    ]
    script = base64.b64decode(version["LaunchTemplateData"]["UserData"]).decode()
    assert "/etc/" in script
    environ = observer.cloud.environ(AWS_DEFAULT_REGION="eu-west-1")
    environ["PATH"] = f"{machine / 'bin'}:{Path(sys.executable).parent}:{environ['PATH']}"
    subprocess.run(["bash", "-eu", "-c", script.replace("/etc/", f"{machine}/etc/")], env=environ, check=True)
    assert (machine / "systemctl").read_text().splitlines() == ["daemon-reload", "enable --now heartbeat-worker"]
    unit = (machine / "etc/systemd/system/heartbeat-worker.service").read_text()
    written = machine / "etc/heartbeat/worker.env"
    assert written.stat().st_mode & 0o777 == 0o600  # it holds the ping key
    given = dict(line.split("=", 1) for line in written.read_text().splitlines())
    return unit, environ | given | observer.cloud.front.environ


def test_without_work_there_is_no_instance_and_no_launcher(observer):
    [group] = observer.cloud.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert (group["AutoScalingGroupName"], group["MinSize"], group["MaxSize"]) == ("work-workers", 0, 1)
    assert (group["DesiredCapacity"], group["Instances"]) == (0, [])
    assert group["VPCZoneIdentifier"] == "subnet-0a1,subnet-0b2"
    functions = [each["FunctionName"] for each in observer.cloud.client("lambda").list_functions()["Functions"]]
    assert "work-trigger" in functions
    assert "work-launcher" not in functions


def test_the_alarms_start_and_end_instances_by_the_groups_policies(observer):
    policies = observer.cloud.client("autoscaling").describe_policies(AutoScalingGroupName="work-workers")
    arns = {each["AdjustmentType"]: each["PolicyARN"] for each in policies["ScalingPolicies"]}
    alarms = observer.cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="work-work-")["MetricAlarms"]
    assert {each["AlarmName"]: each["AlarmActions"] for each in alarms} == {
        "work-work-waits": [arns["ChangeInCapacity"]],
        "work-work-is-done": [arns["ExactCapacity"]],
    }


def test_an_instance_works_on_what_waits(observer, booted, machine):
    unit, environ = booted
    observer.cloud.client("s3").create_bucket(
        Bucket="feed-store", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    day = "2026-11-22"
    status, text = observer.cloud.heartbeat("run", "feed", "--stack", "work", "--for", day, "--json")
    run_id = json.loads(text)["run_id"]
    assert status == 0
    assert in_queue(observer) == (1, 0)
    (command,) = (line.removeprefix("ExecStart=") for line in unit.splitlines() if line.startswith("ExecStart="))
    environ |= {"HEARTBEAT_STATE": str(machine / "state")}
    worker = subprocess.Popen(shlex.split(command), env=environ, stderr=subprocess.PIPE, text=True)
    done = until(lambda: (r := record(observer, "feed", run_id)) and r["end"] in {"done", "late"} and r, seconds=20)
    until(lambda: in_queue(observer) == (0, 0))
    worker.terminate()  # what systemd does before the instance goes
    _, said = worker.communicate(timeout=20)
    assert (worker.returncode, said, in_queue(observer), bool(done)) == (0, "", (0, 0), True)
    body = observer.cloud.client("s3").get_object(Bucket="feed-store", Key=f"{day}.txt")["Body"].read()
    assert body == b"feed of 2026-11-22\n"


def test_a_run_once_more_from_a_laptop(observer):
    before, *_ = json.loads(observer.cloud.heartbeat("runs", "feed", "--stack", "work", "--json")[1])["runs"]
    status, text = observer.cloud.heartbeat("rerun", before["run_id"][:8], "--stack", "work", "--json")
    again = json.loads(text)
    assert (status, again["phase"]) == (0, "started")
    assert sum(in_queue(observer)) == 1  # perhaps taken by the last look of the worker that ended
    assert again["run_id"] != before["run_id"]
    assert record(observer, "feed", again["run_id"])["slot"] == before["slot"]


def test_a_job_that_is_not_there_is_said_before_anybody_is_called(observer):
    status, text = observer.cloud.heartbeat("run", "fed", "--stack", "work")
    assert (status, text.strip()) == (2, "heartbeat: no job is named 'fed'; did you mean 'feed'?")


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
