"""What goes wrong: work that fails, signals, an instance that is taken away, a queue that does not answer."""

import http.server
import os
import signal
import threading
from uuid import uuid4

import pytest
from yard import ended, until

from heartbeat.core.run_history import RunEnd

TRAPS = "trap 'echo cleaned up; exit {}' TERM; echo ran >> $RAN; while :; do sleep 0.05; done"


@pytest.fixture
def run():
    return str(uuid4())


def test_failed_work_is_told_and_comes_back_until_the_dead_letters(yard, server, run):
    dead = yard.create(f"{yard.url.rpartition('/')[2]}-dead")
    arn = yard.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 2}}'
    yard.sqs.set_queue_attributes(QueueUrl=yard.url, Attributes={"RedrivePolicy": policy})
    yard.send(run)
    status, said = yard.work(
        "--until-empty", "--wait", "0", "--backoff", "0s", command="echo ran | tee -a $RAN; exit 3"
    )
    assert (status, said) == (3, "")
    assert yard.runs == 2
    assert (yard.waiting(), yard.waiting(dead)) == ((0, 0), (1, 0))
    assert [kind for kind, _ in server.signals(run)] == ["start", "fail", "start", "fail"]
    assert server.signals(run)[1][1] == "ran\n"
    assert (server.record(run).end, server.record(run).exit_status) == (RunEnd.FAILED, 3)


def test_failed_work_comes_back_only_after_a_while_and_may_succeed(yard, server, run):
    yard.send(run)
    assert yard.work("--once", "--backoff", "2s", "--db", str(server.db), command="exit 1")[0] == 1
    assert yard.waiting() == (0, 1)
    assert yard.work("--once", "--wait", "0") == (0, "")
    assert yard.runs == 0
    assert yard.work("--once", "--wait", "5", "--db", str(server.db), machine="two") == (0, "")
    assert (yard.runs, yard.waiting()) == (1, (0, 0))
    assert server.record(run).end is RunEnd.DONE


def test_not_now_is_no_failure(yard, server, run):
    ident = yard.send(run)
    assert yard.work("--once", "--backoff", "0s", command="echo the shop is closed; exit 75") == (75, "")
    assert yard.waiting() == (1, 0)
    assert server.signals(run) == [
        ("start", f"message {ident}"),
        ("log", "not now: it is tried again later\nthe shop is closed\n"),
    ]


def test_a_message_of_no_job_is_left_and_said(yard):
    ident = yard.send(body="batch job in 2026/11/28 08:00:00")
    status, said = yard.work("--once", "--backoff", "0s")
    assert status == 2
    assert said == f"heartbeat: message {ident} names no job; give one for such messages: --job NAME\n"
    assert (yard.runs, yard.waiting()) == (0, (1, 0))


def test_sigterm_hands_the_message_back(yard, server, run):
    ident = yard.send(run)
    worker = yard.start("--visibility", "10m", command=TRAPS.format(9))
    until(lambda: yard.runs == 1)
    worker.terminate()
    assert ended(worker) == (9, "")
    assert yard.waiting() == (1, 0)
    assert server.signals(run) == [
        ("start", f"message {ident}"),
        ("log", "the worker was stopped: handed back\ncleaned up\n"),
    ]
    assert yard.work("--once", "--db", str(server.db), machine="two") == (0, "")
    assert server.record(run).end is RunEnd.DONE


def test_work_that_still_succeeds_after_sigterm_is_done(yard, server, run):
    yard.send(run)
    worker = yard.start(command=TRAPS.format(0))
    until(lambda: yard.runs == 1)
    worker.terminate()
    assert ended(worker) == (0, "")
    assert yard.waiting() == (0, 0)
    assert server.record(run).end is RunEnd.DONE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_waits_ends_at_once(yard, number, run):
    yard.send(run)
    worker = yard.start("--wait", "20")
    until(lambda: yard.runs == 1 and yard.waiting() == (0, 0))
    worker.send_signal(number)
    worker.wait(3)
    assert ended(worker) == (0, "")


def test_work_that_takes_too_long_is_stopped_and_comes_back(yard, server, run):
    yard.send(run)
    status, _ = yard.work("--once", "--backoff", "0s", "--timeout", "1s", command="sleep 30")
    assert (status, yard.waiting()) == (124, (1, 0))
    assert server.record(run).exit_status == 124


class Metadata(http.server.BaseHTTPRequestHandler):
    """The metadata service of an instance that is taken away as soon as the command runs."""

    def do_PUT(self):
        self.say(200 if self.path == "/latest/api/token" else 404, "the-token")

    def do_GET(self):
        assert self.path == "/latest/meta-data/spot/instance-action"
        known = self.headers.get("X-aws-ec2-metadata-token") == "the-token"
        self.server.asked.append(known)
        taken = self.server.yard.runs == 1
        self.say(401 if not known else 200 if taken else 404, '{"action": "terminate"}' if taken else "")

    def say(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def metadata(yard):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata) as server:
        server.yard, server.asked = yard, []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_spot_instance_that_is_taken_away_hands_the_message_back(yard, metadata, run):
    yard.send(run)
    url = f"http://127.0.0.1:{metadata.server_port}"
    worker = yard.start("--spot", command=TRAPS.format(9), AWS_EC2_METADATA_SERVICE_ENDPOINT=url)
    status, said = ended(worker)
    assert (status, yard.waiting()) == (9, (1, 0))
    assert said == 'heartbeat: this spot instance will be interrupted: {"action": "terminate"}\n'
    assert len(metadata.asked) >= 1
    assert all(metadata.asked)


def test_a_queue_that_comes_later_is_waited_for(yard, run):
    name = f"{yard.url.rpartition('/')[2]}-later"
    yard.url = f"{yard.url}-later"
    worker = yard.start()
    line = worker.stderr.readline()
    assert line.startswith("heartbeat: SQS answered ")
    assert "NonExistentQueue" in line or "QueueDoesNotExist" in line
    assert line.endswith("; trying again\n")
    yard.create(name)
    yard.send(run)
    until(lambda: yard.runs == 1 and yard.waiting() == (0, 0))
    worker.terminate()
    assert ended(worker) == (0, "")


def test_missing_credentials_are_said(yard):
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(yard.folder)}
    worker = yard.start(**nobody)
    assert worker.stderr.readline() == "heartbeat: SQS was not called: Unable to locate credentials; trying again\n"
    os.kill(worker.pid, signal.SIGTERM)
    assert ended(worker) == (0, "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--visibility", "13h"], "a visibility of 46800 s is not from 1s to 12h"),
        (["--wait", "21"], "--wait 21 is not from 0 to 20"),
        (["--queue", "jobs"], "'jobs' is no queue; give its URL: https://sqs.<region>.amazonaws.com/<account>/<name>"),
    ],
)
def test_what_cannot_be_is_refused(yard, options, said):
    assert yard.work(*options) == (2, f"heartbeat: {said}\n")
