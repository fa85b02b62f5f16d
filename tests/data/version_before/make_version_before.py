"""Makes what lies beside it: one morning, lived by the code of commit db17711 in a database and in a table.

    git worktree add /tmp/before db17711
    PYTHONPATH=/tmp/before .venv/bin/python tests/data/version_before/make_version_before.py

It runs with that commit's code only, and is kept to show what was done; tests/store/test_version_before.py reads it.
"""

import json
import sqlite3
import tempfile
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import boto3
from heartbeat.apply import apply
from heartbeat.deliver import deliver
from heartbeat.documents import ping_key
from heartbeat.doors.strays import Strays
from heartbeat.manage import acknowledge, pause_job, silence
from heartbeat.orders import Order
from heartbeat.record import Recorder
from heartbeat.starting import run_for
from heartbeat.store.dynamodb_call import boto3_call, create_table
from heartbeat.sweep import sweep
from heartbeat.trigger import Starter
from moto import mock_aws

from heartbeat.config import read
from heartbeat.doors import keys
from heartbeat.errors import ChannelFailed, StartFailed
from heartbeat.model import MINUTE, Kind, Signal, Silence
from heartbeat.store.dynamodb import DynamoDBStore
from heartbeat.store.sqlite import SQLiteStore
from heartbeat.targets.protocol import Answer
from heartbeat.telemetry import Log

HERE = Path(__file__).parent
RETIRED = "  retired: {schedule: every 1d}\n"
JOBS = """\
name: morning
defaults: {timezone: UTC, grace: 10m, notify: [ops, pager]}
channels: {ops: {console: {}}, pager: {console: {}}}
jobs:
  backup: {schedule: "0 * * * *", tags: [db]}
  etl: {schedule: "15 * * * *", max_runtime: 3h}
  ledger: {schedule: "0 9 * * *"}
  noisy: {schedule: "0 * * * *", tags: [flaky]}
  report: {schedule: "0 17 * * *", timezone: Asia/Tokyo, description: 日次レポート}
  settle: {schedule: "30 * * * *", max_runtime: 1h, trigger: {http: {url: "https://app.example/settle"}}}
  worker: {schedule: every 30m}
"""
RUN = "11111111-2222-3333-4444-5555555555{:02}"


def at(text):
    """`09:16` on 2026-11-20, UTC, in milliseconds."""
    return round(datetime.fromisoformat(f"2026-11-20T{text}").replace(tzinfo=UTC).timestamp() * 1000)


class Channel:
    group_above, pace, parallel = 5, 0, 1

    def __init__(self, name, refused=""):
        self.name, self.refused = name, refused

    def send(self, alerts, *, key, now, receipt):  # noqa: ARG002 - the protocol's words
        if any(alert.slug == self.refused for alert in alerts):
            raise ChannelFailed("503 Service Unavailable")
        return json.dumps({"ts": key})


class Target:
    """Refuses the first call of 08:30."""

    timeout, repeatable = 10_000, 0

    def start(self, call, _sent):
        if call.slot == at("08:30") and call.attempt == 1:
            raise StartFailed("503 busy", again=True)
        return Answer(text="202 Accepted")


class Morning:
    def __init__(self, store):
        self.store, self.now, self.strays = store, at("06:50"), Strays(Log(lambda: 0.0, stream=StringIO()))
        self.starter = Starter(store, lambda _: Target(), lambda: self.now)
        self.channels = {"ops": Channel("ops"), "pager": Channel("pager", refused="report")}
        self.known = {}

    def live(self):
        """What happened, in its order; every two minutes somebody looks, and tells."""
        apply(self.store, read(JOBS + RETIRED), self.now)
        self.known["ping_key"], _ = ping_key(self.store)
        self.known["read"] = keys.add(self.store, "grafana", keys.Rights.READ, self.now)
        self.known["write"] = keys.add(self.store, "ann", keys.Rights.WRITE, self.now)
        given = {"start": at("06:55"), "end": at("12:00"), "reason": "under repair", "author": "ann"}
        silence(self.store, Silence(id="s1", selector="tag:flaky", **given))
        done = sorted((at(when), number, what) for number, (when, what) in enumerate(self.happened()))
        for self.now in range(at("06:52"), at("10:00") + 1, 2 * MINUTE):
            while done and done[0][0] <= self.now:
                done.pop(0)[2]()
            for order in sweep(self.store, self.now, service=("ops",)).starts:
                self.starter.start(order)
            deliver(self.store, self.channels, lambda: self.now, parallel=1)
        self.known["uuids"] = {snapshot.job.slug: snapshot.uuid for snapshot in self.store.page("", 99)}
        return self.known

    def happened(self):
        hear, fire = self.hear, self.fire
        for when in ("07:02", "08:02", "09:02"):
            yield when, hear("backup", when, body="7 rows", exit_status=0, metrics=(("rows", 7.0),), id=f"b{when}")
        for when in ("07:04", "07:32", "08:00", "08:28", "08:56", "09:24", "09:50"):
            yield when, hear("worker", when)
        yield "07:16", hear("etl", "07:16", Kind.START, run_id=RUN.format(7))
        yield "07:40", hear("etl", "07:40", run_id=RUN.format(7), duration=24 * MINUTE)
        yield "08:16", hear("etl", "08:16", Kind.START, run_id=RUN.format(8))
        yield "08:20", hear("etl", "08:20", Kind.FAIL, run_id=RUN.format(8), exit_status=3, body="no such table")
        yield "08:40", hear("etl", "08:40")
        yield "09:16", hear("etl", "09:16", Kind.START, run_id=RUN.format(9))
        yield "07:12", lambda: pause_job(self.store, "ledger", at("07:12"), reason="the books are closed")
        yield "07:20", lambda: apply(self.store, read(JOBS), at("07:20"))
        for when in ("07:30", "08:30", "09:30"):
            yield when, fire(when)
        for when in ("07:30", "08:30"):
            run = run_for("settle", at(when))
            yield f"{when[:3]}34", hear("settle", f"{when[:3]}34", Kind.START, run_id=run)
            yield f"{when[:3]}50", hear("settle", f"{when[:3]}50", run_id=run)
        yield "09:34", hear("settle", "09:34", Kind.START, run_id=run_for("settle", at("09:30")))
        yield "08:44", lambda: acknowledge(self.store, "report", at("08:44"), by="ann")
        yield "09:06", self.stray

    def hear(self, slug, when, kind=Kind.SUCCESS, **fields):
        signal = Signal(slug=slug, kind=kind, at=at(when), received=at(when), **fields)
        return lambda: Recorder(self.store).record([signal])

    def fire(self, slot):
        order = Order(slug="settle", slot=at(slot), run_id=run_for("settle", at(slot)))
        return lambda: self.starter.start(order)

    def stray(self):
        for minute in range(3):
            self.strays.count("bakcup", at("09:00") + minute * MINUTE)
        self.strays.flush(self.store)


def in_a_file():
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "heartbeat.db")
        known = Morning(store).live()
        store.close()
        db = sqlite3.connect(Path(folder) / "heartbeat.db")
        text = "\n".join(db.iterdump()) + "\n"
        db.close()
    return text, known


@mock_aws
def in_a_table():
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    client = boto3.client("dynamodb", region_name="eu-west-1", **keys)
    create_table(boto3_call(client), "heartbeat")
    known = Morning(DynamoDBStore("heartbeat", boto3_call(client))).live()
    found = client.scan(TableName="heartbeat")
    assert "LastEvaluatedKey" not in found
    return sorted(found["Items"], key=lambda item: (item["pk"]["S"], item["sk"]["S"])), known


def main():
    text, file = in_a_file()
    items, table = in_a_table()
    (HERE / "heartbeat.sql").write_text(text, encoding="utf-8")
    lines = ",\n".join(json.dumps(item, ensure_ascii=False, sort_keys=True) for item in items)
    (HERE / "table.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    (HERE / "known.json").write_text(json.dumps({"sqlite": file, "dynamodb": table}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
