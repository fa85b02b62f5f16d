"""The stack that starts runs, with the targets of its triggers: one for all stories about starts."""

import json
import time
from datetime import UTC, datetime

import pytest
import yaml
from stack import Cloud
from takers import App, Cluster, Function, Machine, Queue, role_for

MINUTE = 60_000
EACH_MINUTE = {"schedule": "* * * * *", "grace": "5m", "max_runtime": "5m"}


def jobs(slot, app, machine):
    """Jobs of each kind that the schedules start each minute; and jobs with a slot that has come, for the stories."""
    come = {"schedule": f"{slot.minute} {slot.hour} * * *", "grace": "14m", "max_runtime": "5m"}
    each_minute = {
        "tick": {"sqs": {"queue": "starts", "body": {"from": "jobs.yaml"}}},
        "post": {"http": {"url": app.url}},
        "execution": {"step_functions": {"state_machine": machine.arn}},
        "task": {"ecs": {"cluster": Cluster.NAME, "task_definition": "started", "container": "app"}},
        "invoked": {"aws_lambda": {"function": Function.NAME}},
    }
    stories = {
        "doubled": {"url": app.url},
        "raced": {"url": app.url},
        "mute": {"url": app.url, "timeout": "2s"},
        "mute-keyed": {"url": app.url, "timeout": "2s", "idempotent": True},
        "unsent": {"url": app.secure_url},
        "unsent-keyed": {"url": app.secure_url, "idempotent": True},
        "unheard": {"url": app.url},
        "unheard-keyed": {"url": app.url, "idempotent": True},
    }
    yearly = {"schedule": "30 4 1 1 *", "timezone": "Asia/Tokyo", "trigger": {"sqs": {"queue": "starts"}}}
    return {
        "name": "triggers",
        "defaults": {"timezone": "UTC", "notify": []},
        "channels": {"screen": {"console": {}}},
        "jobs": {
            **{name: EACH_MINUTE | {"trigger": trigger} for name, trigger in each_minute.items()},
            **{name: come | {"trigger": {"http": settings}} for name, settings in stories.items()},
            "yearly": {**yearly, "max_runtime": "5m"},
        },
    }


POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"], "Resource": "arn:aws:sqs:*:*:starts"},
        {"Effect": "Allow", "Action": "states:StartExecution", "Resource": "arn:aws:states:*:*:stateMachine:starts"},
        {
            "Effect": "Allow",
            "Action": "ecs:RunTask",
            # The local AWS asks for a permission for the cluster; AWS for one for the task definition.
            "Resource": ["arn:aws:ecs:*:*:task-definition/started:*", "arn:aws:ecs:*:*:cluster/starts"],
        },
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "arn:aws:lambda:*:*:function:trig-noted"},
    ],
}
"""What the trigger function may start, as whoever deploys would write it."""
SCHEDULING = ["scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"]


def found_an_hour_ago(stack, config, now):
    """Make the stories' jobs before the stack does, as if an hour ago: so the slot that has come is one of theirs."""
    from heartbeat.config import read_file  # noqa: PLC0415 - as in stack.py
    from heartbeat.core.definition import founding  # noqa: PLC0415 - the same

    made = [job for job in read_file(config).jobs if job.grace == 14 * MINUTE]
    stack.store().commit([founding(job, now - 60 * MINUTE) for job in made])


@pytest.fixture(scope="session")
def app(front):
    made = App(front.context("localhost"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def queue(cloud):
    return Queue(cloud)


@pytest.fixture(scope="session")
def takers(cloud, app, queue):
    """The target of each kind, by the job that calls it."""
    role = role_for(cloud)
    machine, function = Machine(cloud, role), Function(cloud, role)
    return {"tick": queue, "post": app, "execution": machine, "task": Cluster(cloud), "invoked": function}


@pytest.fixture(scope="session")
def unswept(cloud: Cloud, app, takers):
    """Deployed, and nothing has happened yet: no schedule is there. slot: of the jobs whose slot has come."""
    now = round(time.time() * 1000)
    slot = datetime.fromtimestamp(now // MINUTE * 60 - 60, UTC)
    config = yaml.safe_dump(jobs(slot, app, takers["execution"]))
    policy = cloud.client("iam").create_policy(PolicyName="starts", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    made = cloud.deploy("trig", cloud.build(config, "build-trig"), TriggerPolicies=policy)
    # The local AWS takes every schedule for one of the group `default`, whatever group a request names.
    made.permit("CheckerRole", SCHEDULING, "arn:aws:scheduler:*:*:schedule/default/*")
    found_an_hour_ago(made, cloud.folder / "jobs.yaml", now)
    made.slot = slot.isoformat()
    yield made
    made.delete()


@pytest.fixture(scope="session")
def triggers(unswept):
    unswept.sweep()
    return unswept
