"""One test's queue, jobs and machines."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress

import boto3
from ministack import CREDENTIALS, free_port

from heartbeat.core.run_history import records
from heartbeat.model import Kind
from heartbeat.store.sqlite.store import SQLiteStore

KEY = "testpingkey0000000000"
CLI = "import sys; from heartbeat.doors.cli import main; sys.exit(main())"
RECEIVED = """\
import sys
from heartbeat.worker.worker import Terms, run_received
sys.exit(run_received(sys.argv[2:], slug=sys.argv[1], terms=Terms(visibility=2, backoff=0)))
"""
EXEC = """\
import sys
from argparse import Namespace
from heartbeat.doors.cli.commands import Invocation
from heartbeat.doors.cli.worker import received
args = Namespace(slug=sys.argv[1], argv=sys.argv[2:], limit=None, visibility="5m")
sys.exit(received(Invocation(args, lambda: 0)))
"""
SOON = 10
JOBS = """\
defaults: {timezone: UTC, grace: 10m, notify: [screen]}
channels: {screen: {console: {}}}
jobs:
  settle: {schedule: every 1h, max_runtime: 30m}
"""


class Server:
    """`heartbeat serve`, and its database to look into."""

    def __init__(self, folder):
        (folder / "jobs.yaml").write_text(JOBS)
        self.db, port = folder / "heartbeat.db", free_port()
        self.url = f"http://127.0.0.1:{port}"
        environ = {"HEARTBEAT_PING_KEY": KEY, "HEARTBEAT_PORT": str(port)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLI, "serve"],
            cwd=folder,
            env=_clean() | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for line in self.process.stdout:
            if "stop  " in line:
                break

    def signals(self, run):
        """(kind, body) of a run's signals in the order they came."""
        with closing(SQLiteStore(self.db)) as store:
            found = [entry.signal for entry in reversed(store.history("settle", 500)) if entry.signal]
        return [(str(each.kind), each.body) for each in found if each.run_id == run]

    def kinds(self, run):
        return [kind for kind, _ in self.signals(run)]

    def record(self, run):
        with closing(SQLiteStore(self.db)) as store:
            found = records(store.load(["settle"])["settle"], store.history("settle", 500))
        return next(each for each in found if each.id == run)

    def hear(self, run, kind, body=""):
        """As if another machine had told it."""
        import heartbeat  # noqa: PLC0415 - only here

        before = dict(os.environ)
        os.environ |= {"HEARTBEAT_URL": self.url, "HEARTBEAT_PING_KEY": KEY}
        try:
            assert heartbeat.ping("settle", body, kind=Kind(kind), run_id=run, raise_errors=True)
        finally:
            os.environ.clear()
            os.environ |= before

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


class Yard:
    def __init__(self, aws, server, folder, name):
        self.aws, self.server, self.folder = aws, server, folder
        self.sqs = boto3.client("sqs", endpoint_url=aws, region_name="eu-west-1", **_keys())
        self.url = self.create(name)
        self.ran, self.processes = folder / "ran", []

    def create(self, name, **attributes):
        given = {each: str(value) for each, value in attributes.items()}
        return self.sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]

    def send(self, run="", body="{}", *, job="settle", slot=""):
        """A message as the trigger sends it; without a run a foreign one. Its id."""
        named = {"Heartbeat-Job": job, "Heartbeat-Run": run, "Heartbeat-Slot": slot} if run else {}
        attributes = {name: {"DataType": "String", "StringValue": text} for name, text in named.items() if text}
        return self.sqs.send_message(QueueUrl=self.url, MessageBody=body, MessageAttributes=attributes)["MessageId"]

    def environ(self, machine, **more):
        told = {"HEARTBEAT_URL": self.server.url, "HEARTBEAT_PING_KEY": KEY}
        place = {"HEARTBEAT_STATE": str(self.folder / machine), "AWS_ENDPOINT_URL": self.aws, "RAN": str(self.ran)}
        return _clean() | CREDENTIALS | told | place | more

    def start(self, *options, command="echo ran >> $RAN", machine="one", **environ):
        """A worker in the background, in a group of its own."""
        argv = ["worker", "--queue", self.url, "--wait", "1", *options, "--", "sh", "-c", command]
        return self.launch(CLI, *argv, environ=self.environ(machine, **environ))

    def launch(self, program, *argv, environ):
        made = subprocess.Popen(
            [sys.executable, "-c", program, *argv],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.processes.append(made)
        return made

    def work(self, *options, **how):
        """One that ends by itself: its exit status and standard error."""
        return ended(self.start(*options, **how))

    @property
    def runs(self):
        """How often the command ran."""
        return self.ran.read_text().count("ran\n") if self.ran.exists() else 0

    def waiting(self, url=None):
        """(visible, in flight)."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)["Attributes"]
        return tuple(int(found[name]) for name in names)

    def close(self):
        for each in self.processes:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(each.pid, signal.SIGKILL)
            each.communicate()


def ended(process):
    _, errors = process.communicate(timeout=30)
    return process.returncode, errors


def until(what):
    """Wait for something that comes about soon."""
    limit = time.monotonic() + SOON
    while not what():
        assert time.monotonic() < limit, "it did not come about"
        time.sleep(0.02)


def order(run, **more):
    """A body as the trigger writes it."""
    return json.dumps({"job": "settle", "run_id": run, "slot": None, **more})


def _keys():
    return {
        "aws_access_key_id": CREDENTIALS["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    }


def _clean():
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HEARTBEAT_"))}
