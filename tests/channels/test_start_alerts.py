"""What people are told of a run that we were to start: in every channel, what is known of it."""

import io
import json

import pytest
from trigger_stage import BORN, MINUTE, REFUSED, SILENT, Killed, at

from heartbeat.channels.body import document
from heartbeat.channels.console.terminal import Console
from heartbeat.channels.slack.block_kit import blocks
from heartbeat.channels.sns.content import content
from heartbeat.core.run_history import records
from heartbeat.core.starting import run_for
from heartbeat.errors import StartFailed
from heartbeat.ingest.events import Matcher, read
from heartbeat.model import LogGroup, Source
from heartbeat.text.alert_text import compose
from heartbeat.verbs.record import Recorder

LOG = LogGroup(group="/ecs/batch", prefix="app")
RUN = run_for("job", at("09:00"), BORN)
NO_CPU = StartFailed("ECS started no task: RESOURCE:CPU <!channel>")


def alerts(s):
    found = sorted(s.store.outbox(1 << 52, 100), key=lambda delivery: delivery.created_at)
    return [delivery.alert for delivery in found]


def first(s):
    """The first alert, as a message and as the JSON document has it."""
    message = compose(alerts(s)[:1], s.now)
    (facts,) = json.loads(document(message, "k"))["alerts"]
    return message, facts


def never_checked_in(stage):
    s = stage()
    s.fire("09:00:01")
    s.sweep("09:11")
    return s


def test_never_checked_in(stage):
    message, facts = first(never_checked_in(stage))
    assert message.headline == (
        "MISSED job: expected 09:00 UTC, triggered at 09:00:01 (answer of the target: 202 Accepted), "
        "never checked in by 09:10, no success so far"
    )
    assert (facts["run_id"], facts["triggered_at"]) == (RUN, "2026-01-05T09:00:01Z")
    assert (facts["attempts"], facts["answer"], facts["phase"]) == (1, "202 Accepted", "started")
    assert facts["output"] == ""
    assert facts["last_signal"] is None  # what our own trigger said of its call is no word of the job's


def test_after_a_start_of_which_nobody_knows(stage):
    s = stage()
    s.target.script = [SILENT]
    s.fire("09:00")
    s.sweep("09:11")
    message, facts = first(s)
    assert "expected 09:00 UTC, perhaps triggered at 09:00 (no answer within 10 s), never checked" in message.headline
    assert "Triggered:       09:00 UTC, 11 min ago, no answer within 10 s\n" in message.text
    assert facts["phase"] == "unknown"


def test_after_a_start_whose_caller_died(stage):
    s = stage()
    s.target.script = [Killed()]
    with pytest.raises(Killed):
        s.fire("09:00")
    s.sweep("09:11")
    assert "expected 09:00 UTC, perhaps triggered at 09:00" in first(s)[0].headline


def test_not_triggered(stage):
    s = stage()
    s.sweep("09:11")
    message, facts = first(s)
    assert "expected 09:00 UTC, not triggered: the scheduler did not call by 09:10" in message.headline
    assert (facts["run_id"], facts["triggered_at"], facts["attempts"], facts["answer"]) == ("", None, 0, "")


def test_trigger_failed(stage):
    s = stage()
    s.target.script = [REFUSED, NO_CPU]
    s.fire("09:00:01")
    s.sweep("09:00:07")
    message, facts = first(s)
    assert message.headline.startswith(
        "FAILED job: expected 09:00 UTC, could not be started: ECS started no task: RESOURCE:CPU <!channel>, no success"
    )
    assert (facts["run_id"], facts["answer"]) == (RUN, "ECS started no task: RESOURCE:CPU <!channel>")
    assert (facts["attempts"], facts["output"]) == (2, "")  # what the target said is no output of the job


def test_a_run_that_hung(stage):
    s = stage(max_runtime=30 * MINUTE)
    s.fire("09:00:01")
    s.hear("start", "09:01", RUN)
    s.alive("09:02", "09:34")
    message, facts = first(s)
    assert (facts["event"], facts["run_id"], facts["triggered_at"]) == ("timeout", RUN, "2026-01-05T09:00:01Z")
    assert f"Run:             {RUN}\n" in message.text


def test_a_run_that_hung_without_a_trigger(stage):
    s = stage(trigger=None, max_runtime=30 * MINUTE)
    s.hear("start", "09:01", "r1")
    s.alive("09:02", "09:34")
    facts = first(s)[1]
    assert (facts["event"], facts["run_id"], facts["triggered_at"]) == ("timeout", "r1", None)


def test_a_run_that_failed(stage):
    s = stage()
    s.fire("09:00:01")
    s.hear("fail", "09:05", RUN, exit_status=3, body="no disk")
    facts = first(s)[1]
    assert (facts["run_id"], facts["exit_status"], facts["output"]) == (RUN, 3, "no disk")
    assert (facts["triggered_at"], facts["answer"]) == ("2026-01-05T09:00:01Z", "202 Accepted")


def test_another_run_of_the_slot_that_failed_is_not_the_one_we_started(stage):
    s = stage()
    s.fire("09:00:01")
    s.hear("fail", "09:05", "other")
    facts = first(s)[1]
    assert (facts["run_id"], facts["triggered_at"], facts["answer"]) == ("other", None, "")


def test_a_reminder_still_knows_the_run_and_a_recovery_names_its_own(stage):
    s = stage(remind_every=30 * MINUTE)
    s.fire("09:00:01")
    s.alive("09:03", "09:47")
    s.hear("success", "09:50", "by-hand")
    opened, reminder, recovered = alerts(s)
    assert (opened.run_id, reminder.run_id, recovered.run_id) == (RUN, RUN, "by-hand")
    assert (reminder.answer, recovered.answer, recovered.triggered_at) == ("202 Accepted", "", None)


def test_a_task_that_failed_names_its_container_and_links_to_its_log(stage):
    s = stage(trigger=None, sources=(Source(kind="ecs", keys=(("family", "nightly"),), log=LOG),))
    event = {
        "source": "aws.ecs",
        "detail-type": "ECS Task State Change",
        "time": "2026-01-05T09:04:00Z",
        "detail": {
            "taskArn": "arn:aws:ecs:eu-west-1:111122223333:task/batch/0abc",
            "clusterArn": "arn:aws:ecs:eu-west-1:111122223333:cluster/batch",
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:111122223333:task-definition/nightly:7",
            "lastStatus": "STOPPED",
            "startedAt": "2026-01-05T09:01:00Z",
            "stoppedAt": "2026-01-05T09:04:00Z",
            "stopCode": "EssentialContainerExited",
            "stoppedReason": "Essential container in task exited",
            "containers": [{"name": "app", "exitCode": 137, "reason": "OutOfMemoryError"}],
        },
    }
    Recorder(s.store).record(read(event, Matcher([s.snapshot.job]), at("09:04:02")).signals)
    s.now = at("09:04:02")
    message, facts = first(s)
    url = (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
        "#logsV2:log-groups/log-group/$252Fecs$252Fbatch/log-events/app$252Fapp$252F0abc"
    )
    assert (facts["run_id"], facts["exit_status"], facts["log_url"]) == ("0abc", 137, url)
    assert facts["output"] == (
        "Essential container in task exited (EssentialContainerExited)\napp: exit code 137 (OutOfMemoryError)"
    )
    assert f"Log: {url}" in message.text
    assert f"*Log* <{url}|Open>" in json.dumps(blocks(message))
    (record,) = records(s.snapshot, s.store.history("job", 100))
    assert record.log_url == url


@pytest.fixture
def refused(stage):
    s = stage()
    s.target.script = [NO_CPU]
    s.fire("09:00:01")
    return s


def test_slack_escapes_what_the_target_said(refused):
    shown = json.dumps(blocks(first(refused)[0]))
    assert "could not be started: ECS started no task: RESOURCE:CPU &lt;!channel&gt;" in shown
    assert "*Triggered*\\n09:00:01 UTC, 0 s ago, answer of the target: ECS started no task" in shown
    assert "<!channel>" not in shown


@pytest.mark.parametrize("layout", ["json", "text", "chatbot"])
def test_sns_says_it_in_every_layout(refused, layout):
    assert "could not be started: ECS started no task: RESOURCE:CPU" in json.dumps(
        content(first(refused)[0], "k", layout)
    )


def test_the_console_says_it(refused):
    stream = io.StringIO()
    Console("screen", stream=stream).send(alerts(refused)[:1], key="k", now=refused.now, receipt="")
    assert "Triggered:     09:00:01 UTC, 0 s ago, answer of the target: ECS started no task: RESOURCE:CPU" in (
        stream.getvalue()
    )
