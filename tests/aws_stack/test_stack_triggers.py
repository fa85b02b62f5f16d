"""A stack that starts runs: its schedules fire, and what they start is counted at the target.

The stories are told in the order of this file, on the stack of all stories about starts.
"""

import json
from datetime import UTC, datetime

import pytest
from stack import until

ANSWERS = {
    "tick": "message ",
    "post": "202 Accepted",
    "execution": "execution {run_id}",
    "task": "task ",
    "invoked": "202",
}
"""What the target of each kind answers, as the record shows it."""


def schedules(cloud):
    client = cloud.client("scheduler")
    found = client.list_schedules(GroupName="trig-jobs")["Schedules"]
    return {each["Name"]: client.get_schedule(Name=each["Name"], GroupName="trig-jobs") for each in found}


def records(stack, job):
    status, text = stack.cloud.heartbeat("runs", job, "--json", "--store", f"dynamodb://{stack.table}")
    assert status == 0
    return {run["run_id"]: run for run in json.loads(text)["runs"]}


@pytest.fixture(scope="module")
def fired(triggers, takers):  # noqa: ARG001 - the schedules are there
    """The first start of each job at its target, when each has fired."""
    until(lambda: all(taker.of(job) for job, taker in takers.items()), seconds=90, every=0.5)
    return {job: (taker.of(job) or [None])[0] for job, taker in takers.items()}


def test_the_first_sweep_makes_a_schedule_for_each_job(triggers, cloud):
    found = schedules(cloud)
    assert set(found) == {*ANSWERS, "yearly", "doubled", "raced", "mute", "mute-keyed"} | {
        "unsent",
        "unsent-keyed",
        "unheard",
        "unheard-keyed",
    }
    assert {found[job]["ScheduleExpression"] for job in ANSWERS} == {"cron(* * * * ? *)"}
    assert found["yearly"]["ScheduleExpression"] == "cron(30 4 1 1 ? *)"
    assert found["yearly"]["ScheduleExpressionTimezone"] == "Asia/Tokyo"
    assert {each["Target"]["Arn"] for each in found.values()} == {triggers.outputs["TriggerFunctionArn"]}


@pytest.mark.parametrize("job", ANSWERS)
def test_a_schedule_fires_and_starts_its_run(triggers, fired, job):
    told = fired[job]
    assert told["job"] == job
    assert datetime.fromisoformat(told["slot"]).second == 0
    run = until(lambda: (r := records(triggers, job).get(told["run_id"])) and r["answer"] and r)
    assert datetime.fromisoformat(run["slot"]) == datetime.fromisoformat(told["slot"])
    assert run["attempts"] == 1
    assert run["answer"].startswith(ANSWERS[job].format(**told))


def test_the_message_has_what_the_jobs_file_adds(fired):
    assert fired["tick"]["from"] == "jobs.yaml"


@pytest.mark.parametrize("job", ANSWERS)
def test_each_slot_was_started_once(takers, triggers, fired, job):
    """However many of them have fired by now."""
    again = {"heartbeat": "start", "job": job, "at": fired[job]["slot"]}
    assert triggers.invoke("trigger", again)["runs"][0]["held"] == "done"
    told = takers[job].of(job)
    assert [each["run_id"] for each in told].count(fired[job]["run_id"]) == 1
    assert len({each["slot"] for each in told}) == len({each["run_id"] for each in told}) == len(told)


@pytest.mark.parametrize("job", ["tick", "post", "invoked"])
def test_what_became_of_the_run_is_one_record(triggers, fired, job):
    run_id = fired[job]["run_id"]
    assert triggers.ping(f"{job}?rid={run_id}&duration=1.5") == (200, "OK")
    run = records(triggers, job)[run_id]
    assert (run["attempts"], run["duration_seconds"], run["end"]) == (1, 1.5, "done")
    assert run["answer"].startswith(ANSWERS[job])


@pytest.mark.parametrize("job", ["execution", "task"])
def test_what_aws_tells_of_the_run_is_the_same_record(triggers, takers, fired, job):
    run_id = fired[job]["run_id"]
    if job == "task":
        takers[job].end(triggers, run_id)
    run = until(lambda: (r := records(triggers, job)[run_id]) and r["end"] == "done" and r)
    assert (run["attempts"], run["answer"].startswith(ANSWERS[job].format(run_id=run_id))) == (1, True)


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
    assert (run["held"], len(queue.of("yearly"))) == ("closed", 1)
