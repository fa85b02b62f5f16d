"""A machine with a jobs.yaml and a database, whose clock stands where the test puts it."""

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import boto3

from heartbeat.config import read_file
from heartbeat.doors.cli import main
from heartbeat.model import Kind, Signal
from heartbeat.store.dynamodb.call import boto3_call
from heartbeat.store.dynamodb.store import DynamoDBStore
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.apply import apply
from heartbeat.verbs.record import Recorder
from heartbeat.verbs.sweep import sweep

JOBS = """\
defaults: {timezone: Asia/Tokyo, grace: 10m, notify: [screen]}
channels:
  screen: {console: {}}
jobs:
  daily-report: {description: 日次レポート, schedule: "0 9 * * *", max_runtime: 1h, tags: [reports]}
  backup:       {schedule: "cron(0 18 * * ? *)", timezone: UTC, tags: [nightly, db]}
  worker:       {schedule: every 3d, grace: 5m}
"""
TABLE = "hb-table"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
RUN = "11111111-2222-3333-4444-555555555555"


def at(text):
    """`2026-11-22T09:00+09:00` in milliseconds; without an offset, UTC."""
    when = datetime.fromisoformat(text)
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


@dataclass
class Machine:
    folder: Path
    capsys: object
    now: int = 0
    table: str = ""  # where its jobs are, when they are in no file

    def write(self, text, name="jobs.yaml"):
        (self.folder / name).write_text(text, encoding="utf-8")

    @property
    def store(self):
        """For use in `with`."""
        if self.table:
            return closing(DynamoDBStore(self.table, boto3_call(boto3.client("dynamodb"))))
        return closing(SQLiteStore(self.folder / "heartbeat.db"))

    def run(self, *argv, when=None):
        """Exit status, standard output, standard error of one command."""
        self.now = at(when) if when else self.now
        self.capsys.readouterr()
        status = main(list(argv), clock=lambda: self.now)
        out, err = self.capsys.readouterr()
        return int(status), out, err

    def json(self, *argv, when=None):
        """What a command says with --json."""
        _, out, err = self.run(*argv, "--json", when=when)
        assert err == ""
        return json.loads(out)

    def json_of(self, *argv, when=None):
        """The same, of a command that sends: a console channel prints on standard error."""
        return json.loads(self.run(*argv, "--json", when=when)[1])

    def apply(self, when):
        with self.store as store:
            apply(store, read_file(self.folder / "jobs.yaml"), at(when))

    def hear(self, slug, when, kind=Kind.SUCCESS, **more):
        with self.store as store:
            Recorder(store).record([Signal(slug=slug, kind=kind, at=at(when), received=at(when), **more)])

    def alive(self, start, end, minutes=4):
        """Sweeps every few minutes, both ends included."""
        with self.store as store:
            for self.now in range(at(start), at(end) + 1, minutes * 60_000):
                sweep(store, self.now, service=("screen",))
