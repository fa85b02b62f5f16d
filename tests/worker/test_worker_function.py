"""The same for a function of Python, and for a message that somebody else received."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from uuid import uuid4

import pytest
from yard import EXEC, RECEIVED, ended, until

from heartbeat.errors import BadSetting, StartFailed
from heartbeat.targets import aws_call as targets
from heartbeat.worker import Later, Terms, work
from heartbeat.worker.run_claims import RunStanding
from heartbeat.worker.stopping import Stopped, Stops
from heartbeat.worker.worker import Worker, run_received

ALL = Terms(until_empty=True, wait=0, backoff=600)


@pytest.fixture
def run():
    return str(uuid4())


@pytest.fixture
def here(yard, monkeypatch):
    """This process is a worker's."""
    for name in ("AWS_PROFILE", "HEARTBEAT_API", "HEARTBEAT_API_KEY", "HEARTBEAT_JOB", "HEARTBEAT_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in yard.environ("here").items():
        monkeypatch.setenv(name, value)
    targets.client.cache_clear()
    yield yard
    targets.client.cache_clear()


def test_a_function_is_called_with_each_message(here, server, run):
    seen = []
    here.send(run, "7 rows", slot="2026-11-28T08:00:00+00:00")
    assert work(here.url, seen.append, ALL) == 0
    (message,) = seen
    assert (message.job, message.run_id, message.body, message.count) == ("settle", run, "7 rows", 1)
    assert message.slot == "2026-11-28T08:00:00+00:00"
    assert server.kinds(run) == ["start", "success"]
    assert here.waiting() == (0, 0)


def test_what_it_raises_is_how_it_failed(here, server, run):
    def handle(message):
        raise ValueError(f"no rows in {message.body}")

    here.send(run, "the file")
    assert work(here.url, handle, ALL) == 1
    assert here.waiting() == (0, 1)
    (_, (kind, told)) = server.signals(run)
    assert kind == "fail"
    assert told.startswith("Traceback (most recent call last):\n")
    assert told.endswith("ValueError: no rows in the file\n")


def test_later_is_no_failure(here, server, run):
    def handle(_):
        raise Later("the shop is closed")

    here.send(run)
    assert work(here.url, handle, ALL) == 75
    assert here.waiting() == (0, 1)
    assert server.signals(run)[1] == ("log", "not now: it is tried again later: the shop is closed")


def test_sigterm_ends_a_function_and_hands_the_message_back(here, server, run):
    ends = []

    def handle(_):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        try:
            time.sleep(20)
        finally:
            ends.append("cleaned up")

    here.send(run)
    before = signal.getsignal(signal.SIGTERM)
    assert work(here.url, handle) == 143
    assert ends == ["cleaned up"]
    assert here.waiting() == (1, 0)
    assert server.signals(run)[1] == ("log", "the worker was stopped: handed back")
    assert signal.getsignal(signal.SIGTERM) is before


def test_who_hears_that_another_began_first_leaves_it(here, run):
    """It was free when we asked; when we had said that we begin, somebody else had said so before."""
    seen, answers = [], iter([RunStanding.FREE, RunStanding.ELSEWHERE])
    here.send(run)
    assert work(here.url, seen.append, Terms(once=True), ask=lambda _: next(answers)) == 75
    assert (seen, here.waiting()) == ([], (0, 1))


def test_in_another_thread_there_are_no_signals_but_the_same_work(here, server, run):
    here.send(run)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(work(here.url, print, ALL)))
    thread.start()
    thread.join(20)
    assert answers == [0]
    assert server.kinds(run) == ["start", "success"]


def test_the_page_shows_code_that_works(here, server, run, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "worker.md").read_text(encoding="utf-8")
    monkeypatch.setenv("QUEUE_URL", here.url)
    here.send(run, json.dumps({"job": "settle", "run_id": run, "input": {"rows": 3}}))
    with pytest.raises(SystemExit) as done:
        exec(compile(page.split("```python\n")[1].split("```")[0], "page", "exec"), {})  # noqa: S102 - it is ours
    assert (done.value.code, here.waiting()) == (0, (0, 0))
    assert server.kinds(run) == ["start", "success"]


def test_a_worker_that_shall_end_gives_up_when_sqs_does_not_answer():
    class Broken:
        def receive(self):
            raise StartFailed("SQS cannot be reached", again=True)

    class Patient(Stops):
        def __init__(self):
            super().__init__()
            self.pauses = []

        def sleep(self, seconds):
            self.pauses.append(seconds)
            if len(self.pauses) == 9:
                raise Stopped

    for_ever, at_once = Patient(), Patient()
    assert Worker(Broken(), None, for_ever, Terms(), None).run() == 0
    assert for_ever.pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    with pytest.raises(StartFailed, match="SQS cannot be reached"):
        Worker(Broken(), None, at_once, Terms(once=True), None).run()
    assert at_once.pauses == [1.0, 2.0, 4.0, 8.0]


@pytest.fixture
def launched(yard, run):
    """Receives a message, and starts the task's side of it."""

    def launch(command, *, slug="settle", machine="task", visibility=30, program=RECEIVED, **more):
        found = yard.sqs.receive_message(
            QueueUrl=yard.url, VisibilityTimeout=visibility, AttributeNames=["ApproximateReceiveCount"]
        )["Messages"][0]
        handed = {
            "HEARTBEAT_QUEUE": yard.url,
            "HEARTBEAT_MESSAGE_ID": found["MessageId"],
            "HEARTBEAT_RECEIPT_HANDLE": found["ReceiptHandle"],
            "HEARTBEAT_RECEIVE_COUNT": found["Attributes"]["ApproximateReceiveCount"],
            "HEARTBEAT_RUN_ID": run,
            "HEARTBEAT_BODY": found["Body"],
        }
        environ = yard.environ(machine, **(handed | more))
        return yard.launch(program, slug, "--", "sh", "-c", command, environ=environ)

    return launch


def test_a_received_message_is_held_worked_on_and_deleted(yard, server, run, launched):
    ident = yard.send(run, "7 rows")
    task = launched("cat > $RAN; sleep 3; echo ran >> $RAN", visibility=1)
    until(yard.ran.exists)
    assert yard.work("--once", "--wait", "3") == (0, "")  # nobody else gets it
    assert ended(task) == (0, "")
    assert yard.ran.read_text() == "7 rowsran\n"
    assert yard.waiting() == (0, 0)
    assert server.signals(run) == [("start", f"message {ident}"), ("success", "")]


def test_a_received_message_whose_work_fails_is_given_back(yard, server, run, launched):
    yard.send(run)
    assert ended(launched("exit 4")) == (4, "")
    assert yard.waiting() == (1, 0)
    assert server.kinds(run) == ["start", "fail"]
    assert ended(launched("exit 0")) == (0, "")
    assert yard.waiting() == (0, 0)


def test_a_received_message_that_somebody_else_has_by_now_is_not_begun(yard, server, run, launched):
    yard.send(run)
    status, said = ended(launched("echo ran >> $RAN", HEARTBEAT_RECEIPT_HANDLE="an-old-one"))
    assert (status, yard.runs) == (75, 0)
    assert "cannot be held: SQS answered ReceiptHandleIsInvalid" in said
    assert server.kinds(run) == []


def test_a_received_message_of_a_run_that_is_done_is_deleted(yard, run, launched):
    for _ in range(2):
        yard.send(run)
        assert ended(launched("echo ran >> $RAN"))[0] == 0
    assert (yard.runs, yard.waiting()) == (1, (0, 0))


def test_the_task_asks_the_store_that_the_environment_names(yard, server, run, launched):
    for machine in ("one", "two"):
        yard.send(run)
        done = ended(launched("echo ran >> $RAN", program=EXEC, machine=machine, HEARTBEAT_DB=str(server.db)))
        assert done[0] == 0, done
    assert "is already done; deleted without work" in done[1]
    assert (yard.runs, yard.waiting()) == (1, (0, 0))


def test_what_is_not_handed_over_is_named():
    with pytest.raises(BadSetting) as refused:
        run_received(["true"], slug="settle", environ={"HEARTBEAT_QUEUE": "https://sqs.eu-west-1.amazonaws.com/1/q"})
    assert str(refused.value) == (
        "HEARTBEAT_MESSAGE_ID and HEARTBEAT_RECEIPT_HANDLE not set; whoever received the message passes these on"
    )


def test_a_dash_is_the_job_that_the_launcher_handed_over(yard, server, run, launched):
    yard.send(run)
    task = launched("echo ran >> $RAN", slug="-", HEARTBEAT_JOB="settle")
    assert (ended(task), yard.runs, server.kinds(run)) == ((0, ""), 1, ["start", "success"])
    environ = dict.fromkeys(("HEARTBEAT_QUEUE", "HEARTBEAT_MESSAGE_ID", "HEARTBEAT_RECEIPT_HANDLE"), "x")
    with pytest.raises(BadSetting, match="HEARTBEAT_JOB is not set"):
        run_received(["true"], slug="-", environ=environ)
