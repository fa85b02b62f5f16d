"""The stack, deployed as its users deploy it, and its functions under the runtime interface of Lambda.

The stories are told in the order of this file, on one stack.
"""

import json
import math
import subprocess
from datetime import UTC, datetime

import pytest
from stack import JOBS, Failed, until

RUN = "2f5c3f0e-8a5b-4a49-9d27-5c1d8f3a0b11"
TASK = "arn:aws:ecs:eu-west-1:000000000000:task/batch/{}"


def today():
    return datetime.now(UTC).strftime("%Y-%m-%d")


def task(family, name, status, **more):
    """An ECS task's state, as an event has it."""
    return {
        "clusterArn": "arn:aws:ecs:eu-west-1:000000000000:cluster/batch",
        "taskArn": TASK.format(name),
        "taskDefinitionArn": f"arn:aws:ecs:eu-west-1:000000000000:task-definition/{family}:3",
        "group": f"family:{family}",
        "lastStatus": status,
        "desiredStatus": "STOPPED" if status == "STOPPED" else "RUNNING",
        "startedAt": datetime.now(UTC).isoformat(),
        "version": 3,
        "containers": [],
        **more,
    }


class TestSignals:
    def test_the_first_sweep_makes_the_jobs_of_the_build(self, stack):
        assert stack.jobs() == ["broken-task", "filed", "missing", "pinged", "planned", "task"]

    def test_a_ping_through_the_function_url(self, stack):
        assert stack.ping("pinged", method="POST", body="42 rows") == (200, "OK")
        assert stack.state("pinged").last_success is not None
        assert stack.history("pinged")[0].signal.body == "42 rows"

    def test_the_line_that_people_put_into_their_crontab(self, stack, cloud, front):
        url = f"{stack.outputs['PingUrl']}ping/{stack.key}/pinged?rid={RUN}"
        done = subprocess.run(
            ["curl", "-fsS", url], env=cloud.environ(**front.environ), capture_output=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"OK", b"")
        assert stack.history("pinged")[0].signal.run_id == RUN

    def test_a_wrong_key_and_an_unknown_job(self, stack):
        assert stack.ask(stack.outputs["PingUrl"], "/ping/no-such-key/pinged") == (404, "not found")
        assert stack.ping("pingde") == (404, "not found")
        assert list(stack.store().document("strays").value) == ["pingde"]

    def test_an_evidence_object(self, stack):
        stack.put(f"filed/{today()}/proof.json", b'{"status": "success", "duration": 12.5, "metrics": {"rows": 3}}')
        signal = until(lambda: stack.history("filed"))[0].signal
        assert (signal.source, signal.duration, signal.metrics) == ("evidence", 12_500, (("rows", 3.0),))

    def test_an_ecs_task_that_ends_well(self, stack):
        stack.event("aws.ecs", "ECS Task State Change", task("nightly", "a1", "RUNNING"), [TASK.format("a1")])
        assert until(lambda: stack.state("task").runs)
        done = [{"name": "app", "exitCode": 0, "lastStatus": "STOPPED"}]
        stopped = task("nightly", "a1", "STOPPED", containers=done, stoppedAt=datetime.now(UTC).isoformat())
        stack.event("aws.ecs", "ECS Task State Change", stopped, [TASK.format("a1")])
        assert until(lambda: stack.state("task").last_success)
        assert stack.state("task").runs == ()

    def test_an_ecs_task_that_fails_says_why_in_the_alert(self, stack, slack, pager):
        killed = {
            "name": "app",
            "exitCode": 137,
            "reason": "OutOfMemoryError: Container killed",
            "lastStatus": "STOPPED",
        }
        reason = "Essential container in task exited"
        stopped = task("fragile", "b1", "STOPPED", containers=[killed], stoppedReason=reason)
        stack.event("aws.ecs", "ECS Task State Change", stopped, [TASK.format("b1")])
        assert until(lambda: slack.about("broken-task") and pager.about("broken-task"), 60)
        assert stack.state("broken-task").status == "down"
        [(event, _)] = pager.about("broken-task")
        assert event == "failed"
        [message] = slack.about("broken-task")
        assert message["text"].startswith("FAILED broken-task")
        assert "OutOfMemoryError: Container killed" in json.dumps(message)
        assert "OutOfMemoryError: Container killed" in json.dumps(pager.got)

    def test_a_schedule_that_could_not_start_its_target(self, stack):
        sqs = stack.cloud.client("sqs")
        names = {
            "SCHEDULE_ARN": "arn:aws:scheduler:eu-west-1:000000000000:schedule/default/nightly",
            "TARGET_ARN": "arn:aws:lambda:eu-west-1:000000000000:function:app",
            "ERROR_CODE": "AWS.Lambda.AccessDenied",
            "ERROR_MESSAGE": "not allowed",
        }
        sqs.send_message(
            QueueUrl=sqs.get_queue_url(QueueName=f"{stack.name}-scheduler-failures")["QueueUrl"],
            MessageBody="{}",
            MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in names.items()},
        )
        assert until(lambda: stack.state("planned").status == "down")
        assert "AWS.Lambda.AccessDenied" in stack.history("planned")[0].signal.body

    def test_odd_events_are_told_and_hurt_nobody(self, stack):
        for odd in (
            {"detail-type": "ECS Task State Change", "source": "aws.ecs", "detail": "no mapping"},
            [],
            "text",
            None,
        ):
            stack.invoke("ingest", odd)
        for key in ("../../etc/passwd", "e" * 1024, "\U0001f480/\U0001f480.txt", "filed/2026-13-99/proof.json"):
            stack.put(key)
        assert until(lambda: [line for line in stack.logs("ingest") if line.get("event") == "event_odd"])
        assert stack.state("filed").signals == 1

    def test_six_megabytes(self, stack):
        # AWS itself refuses more than 6 MB; what comes through is cut.
        assert stack.ping("pinged", method="POST", body="x" * (6 << 20)) == (200, "OK")
        assert stack.history("pinged")[0].signal.body == "x" * 10_000
        assert stack.ping("pinged") == (200, "OK")


class TestClock:
    def test_a_slot_goes_by_and_people_are_told_once_on_each_channel(self, stack, slack, pager):
        assert until(lambda: stack.sweep() and stack.state("missing").status == "down", 60, 1)
        assert until(lambda: slack.about("missing") and pager.about("missing"), 60)
        for _ in range(3):
            stack.sweep()
        [(event, headline)] = pager.about("missing")
        assert (event, headline[:14]) == ("missed", "MISSED missing")
        [message] = slack.about("missing")
        assert message["text"].startswith("MISSED missing")

    def test_it_recovers(self, stack, slack, pager):
        assert stack.ping("missing") == (200, "OK")
        assert stack.state("missing").status == "up"
        assert until(lambda: len(slack.about("missing")) > 1 and len(pager.about("missing")) > 1, 60)
        assert [event for event, _ in pager.about("missing")] == ["missed", "recovered"]
        assert slack.about("missing")[1]["text"].startswith("RECOVERED missing")

    def test_new_alerts_are_told_at_once_and_not_with_the_next_sweep(self, stack):
        assert until(lambda: [line for line in stack.logs("checker") if "Sent" in line and "Sweeps" not in line])

    def test_the_scrub_of_every_day(self, stack):
        assert stack.invoke("checker", {"heartbeat": "scrub"})["whole"] is True

    def test_test_alerts_go_through_every_channel(self, stack, slack):
        assert stack.invoke("checker", {"heartbeat": "test-alert"}) == {"channels": {"ops": "sent", "pager": "sent"}}
        assert slack.told[-1]["text"].startswith("TEST")


class TestChannels:
    def test_a_channel_that_hangs_and_fails_holds_up_no_other_and_gets_its_alert_later(self, stack, slack, pager):
        slack.hanging = True
        assert stack.ping("pinged/fail", method="POST", body="disk full") == (200, "OK")
        assert until(lambda: slack.turned_away, 20)
        assert until(lambda: pager.about("pinged"), 8)  # Slack is waited for longer than that
        assert slack.about("pinged") == []
        slack.release()
        assert until(lambda: stack.sweep() and slack.about("pinged"), 90, 2)
        stack.sweep()
        [message] = slack.about("pinged")
        assert "disk full" in json.dumps(message)
        assert [event for event, _ in pager.about("pinged")] == ["failed"]
        assert stack.ping("pinged") == (200, "OK")

    def test_the_rule_of_every_minute_has_swept_too(self, stack):
        def all_sweeps():
            return sum("Sweeps" in line for line in stack.logs("checker"))

        assert until(lambda: all_sweeps() > stack.swept, 90, 1)


class TestTrouble:
    def test_a_table_that_is_throttled_for_a_moment_is_only_slower(self, stack, faults):
        faults.refusing = 3
        assert stack.ping("task/log") == (200, "OK")
        assert faults.refusing == 0

    def test_a_table_that_is_throttled_for_longer_refuses_pings_and_loses_none_that_was_taken(self, stack, faults):
        before = stack.state("task").signals
        faults.refusing = math.inf
        status, text = stack.ping("task/log", headers={"Heartbeat-Id": "throttled-1"})
        assert (status, "send it again" in text) == (503, True)
        with pytest.raises(Failed, match="ProvisionedThroughputExceeded"):
            stack.sweep()
        faults.refusing = 0
        assert stack.state("task").signals == before
        assert stack.ping("task/log", headers={"Heartbeat-Id": "throttled-1"}) == (200, "OK")
        assert stack.ping("task/log", headers={"Heartbeat-Id": "throttled-1"}) == (200, "OK")
        assert stack.state("task").signals == before + 1
        assert stack.sweep()["more"] is False

    def test_a_checker_that_is_killed_in_the_middle_of_a_sweep_is_made_good_by_the_next(
        self, stack, faults, slack, pager
    ):
        assert stack.ping("missing") == (200, "OK")
        assert until(lambda: stack.sweep() and stack.state("missing").status == "up", 60, 1)
        assert until(lambda: pager.about("missing")[-1][0] == "recovered", 60)
        assert until(lambda: slack.about("missing")[-1]["text"].startswith("RECOVERED"), 60)
        paged, posted = len(pager.about("missing")), len(slack.about("missing"))
        faults.slow, faults.delay = frozenset({"TransactWriteItems", "BatchWriteItem"}), 4.0
        assert until(lambda: killed_while_writing(stack, faults), 60, 1)
        faults.slow = frozenset()
        assert until(lambda: swept(stack) and stack.state("missing").status == "down", 90, 1)
        assert until(lambda: len(pager.about("missing")) > paged and len(slack.about("missing")) > posted, 60)
        for _ in range(3):
            stack.sweep()
        assert [event for event, _ in pager.about("missing")[paged:]] == ["missed"]
        assert [message["text"][:14] for message in slack.about("missing")[posted:]] == ["MISSED missing"]


def swept(stack):
    """Sweep; False when the call went to the sandbox that was killed."""
    try:
        return stack.sweep()
    except Failed:
        return False


def killed_while_writing(stack, faults):
    """Sweep, and kill the checker while it waits for the table; whether it was at that."""
    faults.seen.clear()
    lambda_client = stack.cloud.client("lambda")
    lambda_client.invoke(
        FunctionName=f"{stack.name}-checker", InvocationType="Event", Payload=b'{"heartbeat": "sweep"}'
    )
    if not until(lambda: faults.slow & set(faults.seen), 5):
        return False
    stack.kill("checker")
    return True


class TestChange:
    def test_a_jobs_file_with_a_mistake_is_refused_by_the_build(self, stack, cloud):
        with pytest.raises(Failed, match=r"jobs\.yaml:\d+:\d+: .*61"):
            cloud.build(JOBS.replace("every 15s", "61 * * * *"), "broken")
        assert "missing" in stack.jobs()
        assert stack.ping("pinged") == (200, "OK")

    def test_a_changed_jobs_file_is_applied_and_state_is_kept(self, stack, cloud, pager):
        before, down = stack.state("pinged"), stack.state("broken-task")
        assert down.incident
        text = JOBS.replace("planned: {schedule: every 1h, sources: [{scheduler: {schedule: nightly}}]}", "")
        cloud.deploy("hb", cloud.build(text + "  fresh: {schedule: every 2h}\n"))
        wanted = ["broken-task", "filed", "fresh", "missing", "pinged", "task"]
        # What is new is made before what is gone is removed, perhaps by a checker that the minute's rule called.
        assert until(lambda: stack.sweep() and stack.jobs() == wanted, 60, 1), stack.jobs()
        assert (stack.state("pinged"), stack.state("broken-task")) == (before, down)
        assert [event for event, _ in pager.about("broken-task")] == ["failed"]
        assert stack.ping("fresh") == (200, "OK")


class TestEnd:
    def test_nothing_was_left_in_the_queue_of_dead_letters(self, stack):
        sqs = stack.cloud.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{stack.name}-dead-letters")["QueueUrl"]
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        assert [
            m for m in map(json.dumps, messages) if "checker" not in m
        ] == []  # the one that was killed may be there
