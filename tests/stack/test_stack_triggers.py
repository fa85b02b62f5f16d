"""A stack that starts runs: its schedules fire, and what they start is counted at the target.

The stories are told in the order of this file, on one stack of their own.
"""

import json
import threading
from datetime import UTC, datetime

import pytest
from stack import until

JOBS = """
name: triggers
defaults: {timezone: UTC, notify: []}
channels: {screen: {console: {}}}
jobs:
  tick:
    schedule: "* * * * *"
    grace: 50s
    max_runtime: 5m
    trigger: {sqs: {queue: starts, body: {from: jobs.yaml}}}
  yearly:
    schedule: "30 4 1 1 *"
    timezone: Asia/Tokyo
    max_runtime: 5m
    trigger: {sqs: {queue: starts}}
"""
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"], "Resource": "*"}],
}
SCHEDULING = ["scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"]


class Queue:
    """Every message that ever came."""

    def __init__(self, cloud):
        self.sqs = cloud.client("sqs")
        self.url = self.sqs.create_queue(QueueName="starts")["QueueUrl"]
        self.seen = []

    def look(self):
        while found := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                self.seen.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return self.seen

    def of(self, job):
        return [told for told in self.look() if told["job"] == job]


@pytest.fixture(scope="module")
def queue(cloud):
    return Queue(cloud)


@pytest.fixture(scope="module")
def triggers(cloud):
    policy = cloud.client("iam").create_policy(PolicyName="starts", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    made = cloud.deploy("trig", cloud.build(JOBS, "build-trig"), TriggerPolicies=policy)
    # The local AWS takes every schedule for one of the group `default`, whatever group a request names.
    made.permit("CheckerRole", SCHEDULING, "arn:aws:scheduler:*:*:schedule/default/*")
    made.sweep()
    yield made
    made.delete()


def schedules(cloud):
    client = cloud.client("scheduler")
    found = client.list_schedules(GroupName="trig-jobs")["Schedules"]
    return {each["Name"]: client.get_schedule(Name=each["Name"], GroupName="trig-jobs") for each in found}


def test_the_first_sweep_makes_a_schedule_for_each_job(triggers, cloud):
    found = schedules(cloud)
    assert {name: each["ScheduleExpression"] for name, each in found.items()} == {
        "tick": "cron(* * * * ? *)",
        "yearly": "cron(30 4 1 1 ? *)",
    }
    assert found["yearly"]["ScheduleExpressionTimezone"] == "Asia/Tokyo"
    assert {each["Target"]["Arn"] for each in found.values()} == {triggers.outputs["TriggerFunctionArn"]}


def test_a_schedule_fires_and_starts_its_run(triggers, queue):
    (first, *_) = until(lambda: queue.of("tick"), seconds=90, every=0.5)
    assert first["from"] == "jobs.yaml"
    assert datetime.fromisoformat(first["slot"]).second == 0
    (start, *_) = triggers.state("tick").starts
    assert (start.run_id, str(start.phase)) == (first["run_id"], "started")


def test_the_same_slot_fired_again_by_anybody_starts_nothing(triggers, queue):
    told = queue.of("tick")[-1]
    again = {"heartbeat": "start", "job": "tick", "at": told["slot"]}
    rule = {"resources": ["arn:aws:events:eu-west-1:000000000000:rule/tick"], "time": told["slot"]}
    threads = [
        threading.Thread(target=triggers.invoke, args=("trigger", event)) for event in (again, again, rule, rule)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [each["run_id"] for each in queue.of("tick")]
    assert ids.count(told["run_id"]) == 1
    assert len(ids) == len(set(ids))


def test_what_became_of_the_run_is_one_record(triggers, queue, cloud):
    told = queue.of("tick")[0]
    assert triggers.ping(f"tick?rid={told['run_id']}&duration=1.5") == (200, "OK")
    status, text = cloud.heartbeat("runs", "tick", "--json", "--store", f"dynamodb://{triggers.table}")
    found = {run["run_id"]: run for run in json.loads(text)}
    run = found[told["run_id"]]
    assert (status, run["attempts"], run["duration_seconds"]) == (0, 1, 1.5)
    assert run["end"] in {"done", "late"}
    assert run["answer"].startswith("message ")


def test_by_hand_as_in_the_console(triggers, queue):
    answer = triggers.invoke("trigger", {"heartbeat": "run", "job": "yearly", "input": {"rows": 3}, "by": "console"})
    (told,) = queue.of("yearly")
    assert (answer["runs"][0]["run_id"], answer["runs"][0]["phase"]) == (told["run_id"], "started")
    assert (told["slot"], told["input"]) == (None, {"rows": 3})
    assert triggers.state("yearly").starts[0].by == "console"


def test_what_cannot_be_done_is_said(triggers):
    assert "nobody" in triggers.invoke("trigger", {"heartbeat": "run", "job": "nobody"})["error"]
    lines = [line for line in triggers.logs("trigger") if line.get("event") == "run_not_started"]
    assert lines[-1]["error"].startswith("'nobody'") or "nobody" in lines[-1]["error"]


def test_now_is_no_slot_of_a_yearly_job(triggers, queue):
    now = datetime.now(UTC).isoformat(timespec="seconds")
    (run,) = triggers.invoke("trigger", {"heartbeat": "start", "job": "yearly", "at": now})["runs"]
    assert (run["held"], len(queue.of("yearly"))) == ("too late", 1)
