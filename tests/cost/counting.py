"""What a ping, a slot, an idle minute, an alert and a start take of the table: counted on the code as it is run."""

from dataclasses import dataclass

from meter import Meter

from heartbeat.config import read
from heartbeat.doors.http.watchdog import Watchdog
from heartbeat.doors.lambdas.checker_work import Rounds
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.trigger_work import Starts
from heartbeat.model import HOUR, MINUTE, SECOND, Kind, Signal
from heartbeat.store.dynamodb.store import DynamoDBStore
from heartbeat.targets.protocol import TargetAnswer
from heartbeat.verbs.record import Recorder
from heartbeat.verbs.sweep import nothing_to_see
from heartbeat.verbs.trigger import Starter

T0 = 1_795_305_600_000
JOBS = """
channels: {ops: {console: {}}}
defaults: {notify: [ops], grace: 10m}
jobs:
  report: {schedule: "0 * * * *", description: "sales of the last hour, by shop", owner: sales@example.com}
  settle: {schedule: "0 * * * *"}
"""
TRIGGERED = """
channels: {ops: {console: {}}}
defaults: {notify: [ops], grace: 10m}
jobs:
  settle: {schedule: "0 * * * *", trigger: {http: {url: "https://app.example.org/jobs/settle", token: "${env:TOKEN}"}}}
"""
STEADY = 20
"""Runs after which a job's item grows no more: it remembers 16 starts and 32 signals."""


@dataclass(frozen=True)
class Units:
    """Write and read units."""

    written: int
    read: int


class Shelf:
    """A channel that takes everything."""

    name, group_above, pace, parallel, definition = "ops", 0, 0, 1, ""

    def send(self, _alerts, **_about):
        return ""


class App:
    """A target that takes every run. asked: how many requests the table had had when it was called."""

    timeout, repeatable = 10_000, 0

    def __init__(self, meter):
        self._meter, self.asked, self.run_id = meter, 0, ""

    def start(self, call, _sent):
        self.asked, self.run_id = len(self._meter.sent), call.run_id
        return TargetAnswer(text="202 Accepted")


class Stack:
    """The functions, on a table that is empty."""

    def __init__(self, call, jobs):
        self.now, self.swept, self.meter = T0 - HOUR, 0, Meter(call)
        self.app, journal = App(self.meter), Journal("counting", lambda: self.now / 1000)
        store = DynamoDBStore("heartbeat", self.meter, clock=lambda: self.now)
        self.rounds = Rounds(
            store=store,
            config=read(jobs),
            channels={"ops": Shelf()},
            look=nothing_to_see,
            watchdog=Watchdog("", journal),
            journal=journal,
            now=lambda: self.now,
        )
        starter = Starter(store, lambda _trigger: self.app, lambda: self.now)
        self.starts = Starts(store, starter, journal, lambda: self.now)
        self.recorder = Recorder(DynamoDBStore("heartbeat", self.meter, clock=lambda: self.now))

    def units(self):
        return Units(*self.meter.taken())

    def minute(self, at):
        self.now = self.swept = at
        self.units()
        self.rounds.sweep(lambda: 120_000)
        return self.units()

    def until(self, end):
        for at in range(self.swept + MINUTE, end, MINUTE):
            self.minute(at)

    def ping(self, slug, at, run_id=""):
        self.now = at
        self.units()
        told = {"slug": slug, "kind": Kind.SUCCESS, "at": at, "received": at, "run_id": run_id}
        self.recorder.record([Signal(id=f"0d9cf9f0-5cd5-4a0a-{at:016}", **told)])
        return self.units()

    def fire(self, slug, at):
        """EventBridge Scheduler's call."""
        self.now = at
        self.units()
        self.meter.sent.clear()
        self.starts.answer({"heartbeat": "start", "job": slug, "at": "<aws.scheduler.scheduled-time>"}, lambda: 900_000)
        return self.units()


def counted(call):
    """{what: Units}, on a table that is empty."""
    stack, found = Stack(call, JOBS), {}
    stack.minute(T0 - HOUR)
    stack.ping("settle", T0 - HOUR + MINUTE)
    found["the first ping of an instance"] = stack.ping("report", T0 - HOUR + MINUTE)
    stack.until(T0 + MINUTE)
    found["a ping"] = stack.ping("report", T0 + MINUTE)
    stack.ping("settle", T0 + MINUTE)
    stack.until(T0 + 4 * MINUTE)
    found["an idle minute"] = idle = stack.minute(T0 + 4 * MINUTE)
    stack.until(T0 + 10 * MINUTE)
    pushed = stack.minute(T0 + 10 * MINUTE + 1)
    found["the sweep's part of a slot"] = own = Units(
        (pushed.written - idle.written) // 2, (pushed.read - idle.read) // 2
    )
    stack.until(T0 + HOUR)
    stack.ping("settle", T0 + HOUR + MINUTE)
    stack.until(T0 + HOUR + 10 * MINUTE)
    missed = stack.minute(T0 + HOUR + 10 * MINUTE + 1)
    found["a miss that is told"] = Units(
        missed.written - idle.written - own.written, missed.read - idle.read - own.read
    )
    return found


def counted_starts(call):
    """{what: Units} of a job that was started often before; the requests of a start: [before the call], [after it]."""
    stack, found, requests = Stack(call, TRIGGERED), {}, ([], [])
    stack.minute(T0 - HOUR)
    for hour in range(STEADY):
        slot = T0 + hour * HOUR
        stack.until(slot + 1)
        found["a start"] = stack.fire("settle", slot + SECOND)
        sent = [operation for operation, _request in stack.meter.sent]
        requests = sent[: stack.app.asked], sent[stack.app.asked :]
        found["a start that fires twice"] = stack.fire("settle", slot + 2 * SECOND)
        found["the ping of a started run"] = stack.ping("settle", slot + MINUTE, stack.app.run_id)
        stack.until(slot + 2 * MINUTE)
        looked, idle = stack.minute(slot + 2 * MINUTE), stack.minute(slot + 3 * MINUTE)
        found["the sweep's part of a start"] = Units(looked.written - idle.written, looked.read - idle.read)
    return found, requests
