"""What a ping, a slot, an idle minute and an alert take of the table: counted on the code as the functions run it."""

from dataclasses import dataclass

from meter import Meter

from heartbeat.config import read
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.rounds import Rounds
from heartbeat.doors.watchdog import Watchdog
from heartbeat.model import HOUR, MINUTE, Kind, Signal
from heartbeat.record import Recorder
from heartbeat.store.dynamodb import DynamoDBStore
from heartbeat.sweep import nothing_to_see

T0 = 1_795_305_600_000
JOBS = """
channels: {ops: {console: {}}}
defaults: {notify: [ops], grace: 10m}
jobs:
  report: {schedule: "0 * * * *", description: "sales of the last hour, by shop", owner: sales@example.com}
  settle: {schedule: "0 * * * *"}
"""


@dataclass(frozen=True)
class Units:
    """Write and read units."""

    written: int
    read: int


class Shelf:
    """A channel that takes everything."""

    name, group_above, pace, parallel = "ops", 0, 0, 1

    def send(self, _alerts, **_about):
        return ""


def counted(call):
    """{what: Units}, on a table that is empty."""
    now = [T0 - HOUR]
    meter = Meter(call)
    journal = Journal("counting", lambda: now[0] / 1000)
    rounds = Rounds(
        store=DynamoDBStore("heartbeat", meter),
        config=read(JOBS),
        channels={"ops": Shelf()},
        look=nothing_to_see,
        watchdog=Watchdog("", journal),
        journal=journal,
        now=lambda: now[0],
    )
    recorder, found = Recorder(DynamoDBStore("heartbeat", meter)), {}

    def minute(at):
        now[0] = at
        meter.taken()
        rounds.sweep(lambda: 120_000)
        return Units(*meter.taken())

    def ping(slug, at):
        meter.taken()
        recorder.record([Signal(slug=slug, kind=Kind.SUCCESS, at=at, received=at, id=f"0d9cf9f0-5cd5-4a0a-{at:016}")])
        return Units(*meter.taken())

    def until(end):
        for at in range(now[0] + 4 * MINUTE, end, 4 * MINUTE):
            minute(at)

    minute(T0 - HOUR)
    ping("settle", T0 - HOUR + MINUTE)
    found["the first ping of an instance"] = ping("report", T0 - HOUR + MINUTE)
    until(T0 + MINUTE)
    found["a ping"] = ping("report", T0 + MINUTE)
    ping("settle", T0 + MINUTE)
    found["an idle minute"] = idle = minute(T0 + 4 * MINUTE)
    until(T0 + 10 * MINUTE)
    pushed = minute(T0 + 10 * MINUTE + 1)
    found["the sweep's part of a slot"] = own = Units(
        (pushed.written - idle.written) // 2, (pushed.read - idle.read) // 2
    )
    until(T0 + HOUR)
    ping("settle", T0 + HOUR + MINUTE)
    until(T0 + HOUR + 10 * MINUTE)
    missed = minute(T0 + HOUR + 10 * MINUTE + 1)
    found["a miss that is told"] = Units(
        missed.written - idle.written - own.written, missed.read - idle.read - own.read
    )
    return found
