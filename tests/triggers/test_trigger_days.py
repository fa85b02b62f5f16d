"""Simulated days of triggers, with failures at every step: no slot is started twice, none is silently not started.

TRIGGER_DAYS says how many (`make soak` takes more). A failing day is named by its seed.
"""

import contextlib
import os
import random

import pytest
from stage import BORN, MINUTE, NEVER, REFUSED, SILENT, TOOK_IT, Killed, Stage

from heartbeat.errors import HeartbeatError, StoreUnavailable
from heartbeat.model import Kind, Overlap, Phase, Reason, Signal
from heartbeat.orders import Order
from heartbeat.record import Recorder
from heartbeat.runs import End, records
from heartbeat.starting import run_for
from heartbeat.store.sqlite import SQLiteStore
from heartbeat.sweep import sweep

DAYS = int(os.environ.get("TRIGGER_DAYS", "1000"))
CHUNKS = 10
HOUR = 60 * MINUTE
GRACE = 10 * MINUTE
NOT_STARTED = {End.NOT_TRIGGERED, End.TRIGGER_FAILED, End.SKIPPED, End.NEVER_CHECKED_IN, End.EXCUSED, End.WAITING}

BLIND = Reason.WE_WERE_BLIND
"""Of slots in which the sweep itself was away for long; people are told of the whole time at once."""


class Flaky(SQLiteStore):
    """A store that is away now and then: before it has written, or after, when nobody hears of it."""

    dice, often = None, 0.0

    def commit(self, changes):
        if self.dice and self.dice.random() < self.often:
            if self.dice.random() < 0.5:
                super().commit(changes)
            raise StoreUnavailable("away")
        return super().commit(changes)


class Day:
    """One job, hourly, for a day; whoever starts it dies, doubles, sleeps; the target refuses, hangs, forgets."""

    def __init__(self, seed):
        self.dice = random.Random(seed)  # noqa: S311 - a seed makes the same day again
        dice = self.dice
        self.store = Flaky(":memory:")
        self.twice = dice.random() < 0.2
        self.stage = Stage(
            store=self.store,
            schedule="0 * * * *",
            grace=GRACE,
            max_runtime=dice.choice([None, 30 * MINUTE, 90 * MINUTE]),
            overlap=dice.choice(list(Overlap)),
            at_least_once=self.twice,
        )
        self.stage.target.repeatable = dice.choice([0, 0, 4 * MINUTE, 24 * HOUR])
        self.store.dice, self.store.often = dice, dice.choice([0.0, 0.0, 0.05, 0.2])
        self.trouble = dice.choice([0.0, 0.3, 0.8])
        self.begin = self.stage.now
        self.ends = []  # (when, kind, run id): what the runs will tell

    def run(self):
        for now in range(self.begin, self.begin + 12 * HOUR, MINUTE):
            self.stage.now = now
            if now % HOUR < 12 * MINUTE:
                self.fire(now)
            self.hear(now)
            if now % HOUR < 12 * MINUTE or now % (3 * MINUTE) == 0:
                self.tick(now)
        self.store.often = 0.0
        for now in range(self.begin + 12 * HOUR, self.begin + 14 * HOUR, MINUTE):
            self.stage.now = now
            self.hear(now)
            self.tick(now)

    def fire(self, now):
        """The scheduler calls at the slot, often twice, sometimes late, sometimes never."""
        if self.dice.random() < (0.85 if now % HOUR == 0 else 0.08):
            slot = now - now % HOUR
            for _ in range(self.dice.choice([1, 1, 2, 3])):
                self.start(Order(slug="job", slot=slot, run_id=run_for("job", slot, BORN)))
        if self.dice.random() < 0.01:
            self.start(Order(slug="job", slot=None, run_id=f"by-hand-{now}", by="me"))

    def start(self, order):
        self.stage.target.script = [self.step] if self.dice.random() < self.trouble else [self.take]
        with contextlib.suppress(HeartbeatError, Killed):
            self.stage.starter.start(order)

    def take(self, call, _):
        began = self.stage.now + self.dice.randrange(1, 8) * MINUTE
        if self.dice.random() < 0.9:
            self.ends.append((began, Kind.START, call.run_id))
        if self.dice.random() < 0.9:
            length = self.dice.choice([1, 5, 20, 80]) * MINUTE
            self.ends.append((began + length, self.dice.choice([Kind.SUCCESS] * 4 + [Kind.FAIL]), call.run_id))
        return TOOK_IT

    def step(self, call, sent):
        what = self.dice.choice([REFUSED, REFUSED, NEVER, SILENT, "dead", "dead after"])
        if what == "dead":
            raise Killed
        if what in (SILENT, "dead after"):
            self.take(call, sent)
        return Killed() if what == "dead after" else what

    def hear(self, now):
        due, self.ends = [e for e in self.ends if e[0] <= now], [e for e in self.ends if e[0] > now]
        for when, kind, run_id in due:
            signal = Signal(slug="job", kind=kind, at=when, received=now, run_id=run_id, id=f"{run_id}{kind}")
            try:
                Recorder(self.store).record([signal])
            except HeartbeatError:
                self.ends.append((when, kind, run_id))  # the client sends it again

    def tick(self, now):
        try:
            swept = sweep(self.store, now, service=("ops",))
        except HeartbeatError:
            return
        for order in swept.starts:
            if self.dice.random() < 0.9:
                self.start(order)

    def problems(self):
        target, state = self.stage.target, self.stage.state
        doubled = [run for run in set(target.started) if target.started.count(run) > 1]
        if doubled and not self.twice:
            yield f"started twice: {doubled}"
        made = {r.slot: r for r in records(self.stage.snapshot, self.store.history("job", 10_000)) if r.by == ""}
        for slot in range(self.begin + HOUR, self.begin + 12 * HOUR, HOUR):
            run = run_for("job", slot, BORN)
            record = made.get(slot)
            if record is None:
                yield f"slot {slot} has no record"
            elif run not in target.started and record.end not in NOT_STARTED and record.reason is not BLIND:
                yield f"slot {slot} was not started, and its record says {record.end}"
        left = [s for s in state.starts if s.phase in {Phase.CLAIMED, Phase.AGAIN}]
        if left:
            yield f"starts without an end: {left}"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_slot_is_started_twice_and_none_is_silently_not_started(chunk):
    started = not_started = 0
    for seed in range(chunk, DAYS, CHUNKS):
        day = Day(seed)
        day.run()
        assert list(day.problems()) == [], f"seed {seed}"
        slots = {run_for("job", slot, BORN) for slot in range(day.begin + HOUR, day.begin + 12 * HOUR, HOUR)}
        started += len(slots & set(day.stage.target.started))
        not_started += len(slots - set(day.stage.target.started))
        day.store.close()
    assert started > DAYS // CHUNKS
    assert not_started > DAYS // CHUNKS // 4, "the days hold enough trouble"
