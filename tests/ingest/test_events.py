"""Events on AWS: each sample of the documentation, and what becomes of it."""

import json

import pytest
from event_samples import DEAD, EVERYTHING, NAMES, NOW, SERVICE, at, changed, heard, job, sample

from heartbeat.ingest.events import Matcher, Object, read
from heartbeat.model import Job, Kind, LogGroup, Source

TASK = "c13b4cb40f1f4fe4a2971f76ae5a47ad"
STARTED, STOPPED = at("2026-11-21T18:00:28.103Z"), at("2026-11-21T18:12:40.500Z")
NIGHTLY = job(ecs={"family": "nightly"})


def kinds(found):
    return [signal.kind for signal in found.signals]


# ECS


def test_a_task_that_runs_has_started():
    (signal,) = heard("ecs-running", NIGHTLY).signals
    assert (signal.slug, signal.kind, signal.at, signal.received) == ("nightly", Kind.START, STARTED, NOW)
    assert (signal.run_id, signal.source, signal.duration) == (TASK, "ecs", None)


def test_a_task_that_stopped_with_zero_has_succeeded_and_says_again_when_it_began():
    start, end = heard("ecs-succeeded", NIGHTLY).signals
    assert start == heard("ecs-running", NIGHTLY).signals[0]
    assert (end.kind, end.at, end.exit_status, end.body) == (Kind.SUCCESS, STOPPED, 0, "")
    assert (end.run_id, end.duration) == (TASK, 732_397)


def test_a_task_that_stopped_with_another_exit_code_has_failed_and_says_why():
    _, end = heard("ecs-failed", NIGHTLY).signals
    assert (end.kind, end.exit_status) == (Kind.FAIL, 137)
    assert end.body == (
        "Essential container in task exited (EssentialContainerExited)\n"
        "app: exit code 137 (OutOfMemoryError: Container killed due to memory usage)\n"
        "sidecar: exit code 0"
    )


def test_a_task_that_never_began_has_failed_without_a_start():
    (end,) = heard("ecs-not-started", NIGHTLY).signals
    assert (end.kind, end.exit_status, end.at, end.duration) == (Kind.FAIL, None, at("2026-11-21T18:01:31Z"), None)
    assert end.body == (
        "Task failed to start (TaskFailedToStart)\n"
        "app: no exit code (CannotPullContainerError: pull image manifest has been retried 1 time(s))"
    )


@pytest.mark.parametrize(
    ("reason", "code", "told"),
    [("gone", "SpotInterruption", "gone (SpotInterruption)\n"), ("gone", None, "gone\n"), (None, "X", "X\n")],
)
def test_why_a_task_stopped_is_said_as_far_as_it_is_known(reason, code, told):
    event = changed("ecs-failed", "detail", "stoppedReason", to=reason)
    event["detail"]["stopCode"] = code
    assert heard(event, NIGHTLY).signals[-1].body.startswith(f"{told}app: exit code 137")


LOG = LogGroup(group="/ecs/batch", prefix="app/x y")
STREAM = "app$252Fx$2520y$252Fapp$252Fc13b4cb40f1f4fe4a2971f76ae5a47ad"


def logs_of(event, log=LOG, container=""):
    keys = (("container", container), ("family", "nightly")) if container else (("family", "nightly"),)
    source = Source(kind="ecs", keys=keys, log=log)
    *_, end = heard(event, Job(slug="nightly", schedule=("0 3 * * *",), sources=(source,))).signals
    return end.log_url


def test_a_failed_task_links_to_the_stream_of_the_container_to_blame():
    assert logs_of("ecs-failed") == (
        "https://us-west-2.console.aws.amazon.com/cloudwatch/home?region=us-west-2"
        f"#logsV2:log-groups/log-group/$252Fecs$252Fbatch/log-events/{STREAM}"
    )
    told = [{"name": "init", "exitCode": 0}, {"name": "never"}, {"name": "app", "exitCode": 1}]
    assert logs_of(changed("ecs-failed", "detail", "containers", to=told)).endswith(STREAM)
    assert logs_of("ecs-failed", container="app").endswith(STREAM)


def test_a_task_that_was_stopped_links_to_what_ran_last():
    event = changed("ecs-succeeded", "detail", "stopCode", to="UserInitiated")
    assert logs_of(event).endswith(STREAM)


TASK_PAGE = f"/ecs/v2/clusters/batch/tasks/{TASK}/logs?region="


def test_without_a_log_group_and_when_nothing_ran_the_link_is_to_the_task():
    page = f"https://us-west-2.console.aws.amazon.com{TASK_PAGE}us-west-2"
    assert logs_of("ecs-failed", log=None) == page
    assert logs_of("ecs-not-started") == page
    old = f"arn:aws:ecs:us-west-2:111122223333:task/{TASK}"  # the form before 2018, without the cluster
    assert logs_of(changed("ecs-failed", "detail", "taskArn", to=old), log=None) == page


@pytest.mark.parametrize(
    ("arn", "page"),
    [
        ("arn:aws-cn:ecs:cn-north-1", f"https://cn-north-1.console.amazonaws.cn{TASK_PAGE}cn-north-1"),
        (
            "arn:aws-us-gov:ecs:us-gov-west-1",
            f"https://us-gov-west-1.console.amazonaws-us-gov.com{TASK_PAGE}us-gov-west-1",
        ),
        ("arn:aws-iso:ecs:us-iso-east-1", ""),
        ("arn:aws:ecs:evil.example/", ""),
    ],
)
def test_every_partition_has_its_own_console(arn, page):
    event = changed("ecs-failed", "detail", "taskArn", to=f"{arn}:111122223333:task/batch/{TASK}")
    assert logs_of(event, log=None) == page


def test_a_task_that_succeeded_links_nowhere():
    assert logs_of("ecs-succeeded") == ""


def test_several_events_of_one_state_are_one_signal_and_the_states_are_two():
    again = changed("ecs-running", "detail", "version", to=5) | {"id": "another"}
    ids = {signal.id for event in ("ecs-running", again, "ecs-succeeded") for signal in heard(event, NIGHTLY).signals}
    assert len(ids) == 2
    other = changed("ecs-running", "detail", "taskArn", to="arn:aws:ecs:us-west-2:111122223333:task/batch/another")
    assert heard(other, NIGHTLY).signals[0].id not in ids


@pytest.mark.parametrize("status", ["PROVISIONING", "PENDING", "ACTIVATING", "DEACTIVATING", "STOPPING", "DELETED"])
def test_other_states_of_a_task_say_nothing(status):
    found = heard(changed("ecs-running", "detail", "lastStatus", to=status), NIGHTLY)
    assert (found.signals, found.odd) == ((), ())


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("EssentialContainerExited", Kind.SUCCESS),
        ("ServiceSchedulerInitiated", Kind.SUCCESS),
        ("UserInitiated", Kind.FAIL),
        ("SpotInterruption", Kind.FAIL),
        ("TerminationNotice", Kind.FAIL),
        ("TaskFailedToStart", Kind.FAIL),
        (None, Kind.SUCCESS),
    ],
)
def test_who_stopped_a_task_that_ended_with_zero(code, kind):
    assert kinds(heard(changed("ecs-succeeded", "detail", "stopCode", to=code), NIGHTLY)) == [Kind.START, kind]


@pytest.mark.parametrize(
    ("containers", "named", "kind"),
    [
        ({"app": 0, "sidecar": 137}, None, Kind.FAIL),
        ({"app": 0, "sidecar": 137}, "app", Kind.SUCCESS),
        ({"app": 0, "sidecar": 137}, "a*", Kind.SUCCESS),
        ({"app": 1, "sidecar": 0}, "app", Kind.FAIL),
        ({"app": 0, "aws-guardduty-agent-x1": 137, "ecs-service-connect-ab": None}, None, Kind.SUCCESS),
        ({"app": None}, None, Kind.FAIL),
        ({"app": "0"}, None, Kind.FAIL),
        ({"app": False}, None, Kind.FAIL),
        ({"app": 0, "init": None}, None, Kind.FAIL),
        ({}, None, Kind.FAIL),
    ],
)
def test_which_containers_count(containers, named, kind):
    told = [{"name": name} | ({} if code is None else {"exitCode": code}) for name, code in containers.items()]
    keys = {"family": "nightly"} | ({"container": named} if named else {})
    found = heard(changed("ecs-succeeded", "detail", "containers", to=told), job(ecs=keys))
    assert kinds(found) == [Kind.START, kind]


@pytest.mark.parametrize(("code", "status"), [(3_221_225_725, 255), (-9, 255), (255, 255)])
def test_an_exit_code_of_any_size_is_a_failure(code, status):
    told = [{"name": "app", "exitCode": code}]
    end = heard(changed("ecs-failed", "detail", "containers", to=told), NIGHTLY).signals[-1]
    assert (end.kind, end.exit_status) == (Kind.FAIL, status)


@pytest.mark.parametrize(
    ("keys", "fits"),
    [
        ({"family": "nightly"}, True),
        ({"family": "nightly:7"}, True),
        ({"family": "nightly:8"}, False),
        ({"family": "night"}, False),
        ({"family": "night*"}, True),
        ({"family": "*"}, True),
        ({"family": "arn:aws:ecs:us-west-2:111122223333:task-definition/nightly:7"}, True),
        ({"family": "arn:aws:ecs:us-west-2:111122223333:task-definition/nightly"}, True),
        ({"cluster": "batch"}, True),
        ({"cluster": "arn:aws:ecs:*:111122223333:cluster/batch"}, True),
        ({"group": "family:nightly"}, True),
        ({"started_by": "events-rule/*"}, True),
        ({"container": "app"}, True),
        ({"container": "web"}, False),
        ({"cluster": "batch", "family": "nightly", "group": "family:*", "started_by": "events-rule/nightly"}, True),
        ({"cluster": "other", "family": "nightly"}, False),
        ({"family": "nightl?"}, False),
        ({"family": "[n]ightly"}, False),
        ({"family": "NIGHTLY"}, False),
    ],
)
def test_what_fits_a_task(keys, fits):
    found = heard("ecs-running", job(ecs=keys))
    assert (len(found.signals), found.strangers, found.odd) == ((1, 0, ()) if fits else (0, 1, ()))


def test_an_event_without_a_key_that_a_source_names_does_not_fit():
    assert heard(changed("ecs-running", "detail", "startedBy", to=None), job(ecs={"started_by": "*"})).strangers == 0
    assert heard(changed("ecs-running", "detail", "startedBy", to=None), job(ecs={"started_by": "?*"})).strangers == 1


def test_one_event_may_be_of_several_jobs_and_fits_one_job_once():
    twice = job("twice", ecs={"family": "nightly"})
    both = job("both", ecs={"cluster": "batch"}, rule={"rule": "x"})
    two = job("two", ecs={"family": "n*"})
    assert sorted(s.slug for s in heard("ecs-running", twice, both, two, DEAD).signals) == ["both", "twice", "two"]
    again = Job(slug="again", schedule=("0 3 * * *",), sources=twice.sources + two.sources)
    assert len(heard("ecs-running", again).signals) == 1


def test_a_service_that_cannot_place_its_tasks_fails_the_job_that_names_the_service():
    worker = job("worker", ecs={"group": "service:worker", "cluster": "batch"})
    (end,) = heard("ecs-not-placed", worker).signals
    assert (end.slug, end.kind, end.run_id, end.at) == ("worker", Kind.FAIL, "", at("2026-11-21T19:55:38.725Z"))
    assert end.body == "SERVICE_TASK_PLACEMENT_FAILURE\nRESOURCE:FARGATE"
    assert heard("ecs-not-placed", job(ecs={"cluster": "batch"})).signals == ()
    steady = changed("ecs-not-placed", "detail", "eventName", to="SERVICE_STEADY_STATE")
    assert (heard(steady, worker).signals, heard(steady, worker).odd) == ((), ())


# Step Functions


MACHINE = job(step_functions={"state_machine": "nightly"})


def test_an_execution_from_its_start_to_its_end():
    (start,) = heard("step-functions-running", MACHINE).signals
    assert (start.kind, start.at, start.run_id) == (Kind.START, at("2026-11-21T18:20:02.231Z"), "run-2026-11-21")
    again, end = heard("step-functions-succeeded", MACHINE).signals
    assert again == start
    assert (end.kind, end.at, end.duration) == (Kind.SUCCESS, at("2026-11-21T18:20:42Z"), 39_769)
    assert (end.run_id, end.source) == ("run-2026-11-21", "step_functions")


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_that_did_not_succeed(status):
    _, end = heard(changed("step-functions-failed", "detail", "status", to=status), MACHINE).signals
    assert (end.kind, end.body) == (Kind.FAIL, f"{status}\nStates.TaskFailed\nthe table is locked")


def test_an_execution_without_error_and_cause_or_of_another_state():
    event = changed("step-functions-failed", "detail", "error", to=None)
    del event["detail"]["cause"]
    assert heard(event, MACHINE).signals[-1].body == "FAILED"
    found = heard(changed("step-functions-failed", "detail", "status", to="PENDING_REDRIVE"), MACHINE)
    assert (found.signals, found.odd) == ((), ())


def test_a_redriven_execution_that_fails_again_fails_again():
    first = heard("step-functions-failed", MACHINE).signals[-1]
    again = changed("step-functions-failed", "detail", "stopDate", to=1795286000000)
    assert heard(again, MACHINE).signals[-1].id == first.id
    again["detail"]["redriveCount"] = 1
    second = heard(again, MACHINE).signals[-1]
    assert first.id != second.id
    for event in (sample("step-functions-failed"), again):
        del event["detail"]["redriveCount"]  # then their times tell one end from another
        assert heard(event, MACHINE).signals[-1].id not in {first.id, second.id}


def test_an_execution_whose_task_failed_says_which_container_why_and_where_its_log_is():
    cause = {
        "ClusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/batch",
        "Containers": [{"Name": "app", "ExitCode": 3, "Reason": "", "LastStatus": "STOPPED"}],
        "StopCode": "EssentialContainerExited",
        "StoppedReason": "Essential container in task exited",
        "TaskArn": "arn:aws:ecs:us-east-1:123456789012:task/batch/0f6f77c0",
    }
    end = heard(changed("step-functions-failed", "detail", "cause", to=json.dumps(cause)), MACHINE).signals[-1]
    assert end.body.splitlines() == [
        "FAILED",
        "States.TaskFailed",
        "Essential container in task exited (EssentialContainerExited)",
        "app: exit code 3",
    ]
    assert end.exit_status == 3
    assert end.log_url == (
        "https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/batch/tasks/0f6f77c0/logs?region=us-east-1"
    )


@pytest.mark.parametrize(
    "cause", ["{", '{"TaskArn": 1}', "[" * 5000, '["TaskArn", "Containers"]', '{"Containers": []}']
)
def test_a_cause_that_is_no_task_is_shown_as_it_is(cause):
    end = heard(changed("step-functions-failed", "detail", "cause", to=cause), MACHINE).signals[-1]
    assert end.body == f"FAILED\nStates.TaskFailed\n{cause}"
    assert (end.exit_status, end.log_url) == (None, "")


def test_an_end_that_the_machine_itself_told_of_before_is_the_same_end():
    """As the state machine of our template tells it: it cannot know when it will have ended."""
    told = changed("step-functions-failed", "detail", "stopDate", to=None)
    (first, second) = (heard(each, MACHINE).signals[-1] for each in (told, sample("step-functions-failed")))
    assert first.id == second.id


@pytest.mark.parametrize("name", ["nightly", "arn:aws:states:us-east-1:123456789012:stateMachine:nightly", "n*y"])
def test_a_state_machine_is_named_or_has_its_arn(name):
    assert len(heard("step-functions-running", job(step_functions={"state_machine": name})).signals) == 1


# Batch


SETTLE = job(batch={"queue": "nightly-queue", "job_name": "settle", "job_definition": "settle"})
JOB = "4c7599ae-0a82-49aa-ba5a-4727fcce14a8"


def test_a_batch_job_from_its_start_to_its_end():
    (start,) = heard("batch-running", SETTLE).signals
    assert (start.kind, start.at, start.run_id) == (Kind.START, at("2026-11-21T18:21:00Z"), JOB)
    again, end = heard("batch-succeeded", SETTLE).signals
    assert again == start  # the attempt that failed is not the end of the run
    assert (end.kind, end.exit_status, end.duration, end.body) == (Kind.SUCCESS, 0, 140_000, "")


def test_a_batch_job_that_failed():
    _, end = heard("batch-failed", SETTLE).signals
    assert (end.kind, end.exit_status, end.at) == (Kind.FAIL, 3, at("2026-11-21T18:23:20Z"))
    assert end.body == "Essential container in task exited\nran out of disk"
    last = heard(changed("batch-failed", "detail", "container", to={}), SETTLE).signals[-1]
    assert last.exit_status == 3


def test_a_batch_job_that_never_ran():
    event = changed("batch-failed", "detail", "attempts", to=[])
    event["detail"] |= {"container": {}, "statusReason": "Job queue disabled"}
    del event["detail"]["startedAt"]
    (end,) = heard(event, SETTLE).signals
    assert (end.kind, end.exit_status, end.body) == (Kind.FAIL, None, "Job queue disabled")


def test_of_an_array_the_whole_counts():
    found = heard("batch-array-child", SETTLE)
    assert (found.signals, found.odd) == ((), ())
    parent = changed("batch-failed", "detail", "arrayProperties", to={"size": 20, "statusSummary": {"FAILED": 1}})
    start, end = heard(parent, SETTLE).signals
    assert (start.at, end.kind) == (at("2026-11-21T18:20:00.058Z"), Kind.FAIL)
    waiting = heard(changed("batch-running", "detail", "status", to="PENDING"), SETTLE)
    assert (waiting.signals, waiting.odd) == ((), ())


# Lambda


REPORT = job("report", lambda_={"function": "report"})


def test_an_invocation_that_succeeded():
    (end,) = heard("lambda-succeeded", REPORT).signals
    assert (end.kind, end.at) == (Kind.SUCCESS, at("2026-11-21T18:16:05.568Z"))
    assert (end.run_id, end.source) == ("e4b46cbf-b738-4a11-8880-a18cdf61200e", "lambda")


def test_an_invocation_that_failed_in_a_queue_a_topic_or_by_itself():
    (end,) = heard("lambda-failed-in-sqs", REPORT).signals
    assert (end.slug, end.kind) == ("report", Kind.FAIL)
    assert end.body == (
        "RetriesExhausted\nRuntime.ExitError\nRequestId: e4b46cbf Process exited before completing request"
    )
    body = sample("lambda-failed-in-sqs")["Records"][0]["body"]
    assert heard(json.loads(body), REPORT).signals == (end,)
    assert heard(changed("ecs-failed-in-sns", "Records", 0, "Sns", "Message", to=body), REPORT).signals == (end,)


def test_a_dead_letter_of_a_function_is_known_by_its_queue_and_is_the_same_failure():
    queue = job("report", lambda_={"dead_letters": "report-dead"})
    (end,) = heard("lambda-dead-letter", queue).signals
    assert (end.slug, end.kind, end.body) == ("report", Kind.FAIL, "200\nProcess exited before completing request")
    assert end.id == heard("lambda-failed-in-sqs", REPORT).signals[0].id
    assert heard("lambda-dead-letter", REPORT, EVERYTHING).signals == ()


@pytest.mark.parametrize(
    "name",
    [
        "report",
        "report:$LATEST",
        "arn:aws:lambda:us-east-1:123456789012:function:report",
        "arn:aws:lambda:us-east-1:123456789012:function:report:$LATEST",
    ],
)
def test_a_function_is_named_in_every_way(name):
    assert len(heard("lambda-succeeded", job(lambda_={"function": name})).signals) == 1


# Dead letters of schedules and rules


def test_a_schedule_that_could_not_call_its_target_fails_the_slot_it_names():
    (end,) = heard("scheduler-dead-letter", job("settle", scheduler={"schedule": "batch/settle"})).signals
    assert (end.slug, end.kind, end.source) == ("settle", Kind.FAIL, "scheduler")
    assert (end.named, end.at) == ("2026-11-21T18:00+00:00", at("2026-11-21T18:16:40Z"))
    assert end.body == (
        "arn:aws:lambda:us-east-1:123456789012:function:settle was not called\n"
        "AWS.Scheduler.InternalServerError\n"
        "User: role/scheduler is not authorized to perform: lambda:InvokeFunction"
    )


@pytest.mark.parametrize(
    ("group", "name", "fits"),
    [
        ("batch/", "settle", False),
        ("batch/", "batch/*", True),
        ("default/", "settle", True),
        ("default/", "default/settle", True),
        ("", "settle", True),
        ("", "default/settle", True),
    ],
)
def test_a_schedule_without_a_group_is_in_the_group_default(group, name, fits):
    event = sample("scheduler-dead-letter")
    arn = f"arn:aws:scheduler:us-east-1:123456789012:schedule/{group}settle"
    event["Records"][0]["messageAttributes"]["SCHEDULE_ARN"]["stringValue"] = arn
    assert len(heard(event, job(scheduler={"schedule": name})).signals) == fits


@pytest.mark.parametrize("name", ["settle", "default/settle", "*:rule/settle"])
def test_a_rule_that_could_not_call_its_target(name):
    (end,) = heard("rule-dead-letter", job("settle", rule={"rule": name})).signals
    assert (end.kind, end.source, end.named) == (Kind.FAIL, "rule", "")
    assert end.body.endswith("was not called\nNO_PERMISSIONS\nno resource-based policy allows the action")


def test_an_event_that_a_rule_could_not_deliver_to_us_is_read_after_all():
    event = sample("rule-dead-letter")
    event["Records"][0]["body"] = json.dumps(sample("ecs-failed"))
    assert kinds(heard(event, NIGHTLY)) == [Kind.START, Kind.FAIL]


# S3, and what things are wrapped in


FOUND = (Object(bucket="amzn-s3-demo-bucket1", key="日報/2026-11-22 a+b.gz"),)


@pytest.mark.parametrize("name", ["s3-created", "s3-notification", "s3-notification-in-sns-in-sqs"])
def test_a_new_object(name):
    found = heard(name)
    assert (found.objects, found.signals, found.odd) == (FOUND, (), ())


@pytest.mark.parametrize(
    "event",
    [
        sample("s3-test"),
        changed("s3-created", "detail-type", to="Object Deleted"),
        changed("s3-notification", "Records", 0, "eventName", to="ObjectRemoved:Delete"),
        {"Records": []},
        [],
    ],
)
def test_what_says_nothing_is_not_odd(event):
    found = heard(event, EVERYTHING)
    assert (found.objects, found.signals, found.odd, found.strangers) == ((), (), (), 0)


def test_a_task_in_a_notification():
    assert heard("ecs-failed-in-sns", NIGHTLY).signals == heard("ecs-failed", NIGHTLY).signals


def test_a_whole_batch_of_events():
    event = [sample(name) for name in ("ecs-succeeded", "ecs-running", "lambda-succeeded", "s3-created")]
    found = heard(event, NIGHTLY, REPORT)
    assert [(s.slug, s.kind) for s in found.signals] == [
        ("nightly", Kind.START),
        ("nightly", Kind.SUCCESS),
        ("report", Kind.SUCCESS),
    ]
    assert found.objects == FOUND


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_is_read_and_is_a_stranger_where_no_job_wants_it(name):
    wanted, alone = heard(name, EVERYTHING, DEAD, SERVICE), heard(name)
    quiet = name in {"s3-test", "batch-array-child"}
    assert (wanted.odd, wanted.strangers) == ((), 0)
    assert bool(wanted.signals or wanted.objects) is not quiet
    assert alone.signals == ()
    assert alone.strangers == (0 if quiet or name.startswith("s3") else 1)


def test_an_event_from_the_future_happened_now():
    early = at("2026-11-21T18:00:00Z")
    assert {(s.at, s.received) for s in heard("ecs-succeeded", NIGHTLY, now=early).signals} == {(early, early)}


def test_ten_thousand_jobs_are_not_asked_one_by_one():
    jobs = [job(f"j{n}", ecs={"cluster": "batch", "family": f"f{n}"}) for n in range(10_000)] + [NIGHTLY]
    matcher = Matcher(jobs)
    assert [s.slug for s in read(sample("ecs-running"), matcher, NOW).signals] == ["nightly"]
    assert max(map(len, matcher._named.values())) == 1
