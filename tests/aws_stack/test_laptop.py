"""From a laptop with credentials: the command line on the stack's table; with a key from there, the API."""

import json

import pytest
from stack import JOBS, until


@pytest.fixture(scope="module")
def heartbeat(stack, cloud):
    """Runs the command on the table of the stack: (exit status, what it prints)."""

    def run(*arguments, **environ):
        return cloud.heartbeat("--store", f"dynamodb://{stack.table}", *arguments, **environ)

    return run


def test_status_shows_the_jobs(heartbeat):
    status, text = heartbeat("status", "--json")
    assert status in {0, 1}  # 1 when something is down
    assert sorted(job["job"] for job in json.loads(text)["jobs"]) == [  # what is down comes first
        "broken-task",
        "filed",
        "missing",
        "pinged",
        "planned",
        "task",
    ]


def test_plan_finds_nothing_to_do_after_a_deployment(heartbeat, tmp_path):
    (tmp_path / "jobs.yaml").write_text(JOBS)
    status, text = heartbeat("plan", "--config", str(tmp_path / "jobs.yaml"))
    assert (status, text) == (0, "nothing to do, 6 unchanged\n")


def test_health_is_told_to_everybody(stack):
    stack.sweep()
    status, text = stack.web("/healthz")
    assert (status, json.loads(text)["ok"]) == (200, True)


def test_the_api_wants_a_key_and_a_key_that_may_act(stack, heartbeat):
    assert stack.web("/api/jobs")[0] == 401
    assert stack.web("/api/jobs", key="hbm_wrong")[0] == 401
    reader = key(heartbeat, "grafana", "--read-only")
    status, text = stack.web("/api/jobs", key=reader)
    assert (status, len(json.loads(text)["jobs"])) == (200, 6)
    assert stack.web("/api/jobs/pinged/pause", method="POST", key=reader)[0] == 403


def test_a_job_that_is_paused_by_the_api_is_paused_for_all(stack, heartbeat):
    writer = key(heartbeat, "deploy-script")
    assert stack.web("/api/jobs/pinged/pause", method="POST", body='{"reason": "moving"}', key=writer)[0] == 200
    assert stack.state("pinged").status == "paused"
    assert "moving" in heartbeat("status", "pinged")[1]
    assert heartbeat("resume", "pinged")[0] == 0
    assert stack.state("pinged").status != "paused"


def test_key_rotate_is_taken_by_the_function_that_runs_and_the_old_key_as_well(stack, heartbeat):
    old = stack.key
    assert stack.ping("pinged")[0] == 200
    status, text = heartbeat("key", "rotate", "--keep", "1h", "--json")
    assert (status, [each["key"] for each in json.loads(text)["before"]]) == (0, [old])
    new = json.loads(text)["key"]
    assert new == stack.key != old
    until(lambda: stack.ping("pinged")[0] == 200)
    assert stack.ask(stack.outputs["PingUrl"], f"/ping/{old}/pinged")[0] == 200


def key(heartbeat, *name):
    status, text = heartbeat("key", "add", *name, "--json")
    assert status == 0, text
    return json.loads(text)["key"]
