"""Simulated days of triggers, with failures at every step: no slot is started twice, none is silently not started.

People edit, pause, disable, remove and declare the job again meanwhile; `trigger_diary.py` says which slots were
expected.

TRIGGER_DAYS says how many (`make soak` takes more). A failing day is named by its seed.
"""

import contextlib
import os
import random

import pytest
from msgspec.structs import replace
from trigger_diary import Diary, Queue
from trigger_stage import MINUTE, NEVER, REFUSED, SILENT, TOOK_IT, Killed, Stage

from heartbeat.core.definition import removed
from heartbeat.core.run_history import RunEnd, records
from heartbeat.core.start_orders import Order
from heartbeat.errors import HeartbeatError, NotNow, StoreUnavailable
from heartbeat.model import Kind, Overlap, Phase, Reason, Signal
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.apply import define
from heartbeat.verbs.operate import found, pause_job, resume_job
from heartbeat.verbs.record import Recorded, Recorder
from heartbeat.verbs.sweep import sweep

DAYS = int(os.environ.get("TRIGGER_DAYS", "1000"))
CHUNKS = 10
HOUR = 60 * MINUTE
NOT_STARTED = {
    RunEnd.NOT_TRIGGERED,
    RunEnd.TRIGGER_FAILED,
    RunEnd.SKIPPED,
    RunEnd.NEVER_CHECKED_IN,
    RunEnd.EXCUSED,
    RunEnd.WAITING,
}
NOT_STARTED |= {RunEnd.UNKNOWN, RunEnd.DROPPED}

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
        self.grace = dice.choice([10, 10, 45]) * MINUTE
        self.overlap = dice.choice([*Overlap, Overlap.QUEUE])
        limit = dice.choice([None, 30 * MINUTE, 90 * MINUTE, 3 * HOUR])
        self.stage = Stage(
            store=self.store,
            schedule="0 * * * *",
            grace=self.grace,
            max_runtime=limit,
            overlap=self.overlap,
            at_least_once=self.twice,
        )
        self.stage.target.repeatable = dice.choice([0, 0, 4 * MINUTE, 24 * HOUR])
        self.often = dice.choice([0.0, 0.0, 0.05, 0.2])
        self.store.dice, self.store.often = dice, self.often
        self.trouble = dice.choice([0.0, 0.3, 0.8])
        self.busy = dice.choice([0.0, 0.0, 0.01, 0.03])
        self.lengths = dice.choice([[1, 5, 20, 80], [170]])
        self.begin = self.stage.now
        self.end = self.begin + 12 * HOUR
        self.ends = []  # (when, kind, run id): what the runs will tell
        self.diary, self.queue, self.gone = Diary(self.begin, 0), Queue(self.grace, limit), None
        self.wrong, self.by_hand, self.begun, self.tried = [], {}, {}, 0

    def run(self):
        for now in range(self.begin, self.end, MINUTE):
            self.stage.now = now
            if self.dice.random() < self.busy:
                self.people(now)
            if (now - self.diary.minute * MINUTE) % HOUR < 12 * MINUTE:
                self.fire(now)
            self.hear(now)
            if now % HOUR < 12 * MINUTE or now % (3 * MINUTE) == 0:
                self.tick(now)
        self.often = self.store.often = 0.0
        self.people(self.end, "back")
        for now in range(self.end, self.end + 2 * HOUR, MINUTE):
            self.stage.now = now
            self.hear(now)
            self.tick(now)

    def people(self, now, what=None):
        """Somebody changes what is expected: in the file, or by hand."""
        self.store.often = 0.0
        what = "back" if self.gone else what or self.dice.choice(["edit", "edit", "pause", "resume", "off", "remove"])
        with contextlib.suppress(NotNow):
            getattr(self, what)(now)
        self.store.often = self.often

    def edit(self, now):
        """Often to a minute just past, or just to come."""
        minute = (now // MINUTE + self.dice.choice([-5, -1, 0, 1, 5, 30])) % 60
        if minute != self.diary.minute and self.diary.holds(now):
            define(self.store, replace(self.stage.snapshot.job, schedule=(f"{minute} * * * *",)), now)
            self.diary.begins(now, minute)

    def pause(self, now):
        until = now + self.dice.choice([5, 20, 90]) * MINUTE if self.dice.random() < 0.7 else None
        pause_job(self.store, "job", now, until=until)
        self.diary.paused(now, until)

    def resume(self, now):
        self.diary.resumed(now)
        resume_job(self.store, "job", now)

    def off(self, now):
        if self.diary.holds(now):
            define(self.store, replace(self.stage.snapshot.job, enabled=False), now)
            self.diary.stops(now)
        else:
            self.back(now)

    def remove(self, now):
        self.gone = self.stage.snapshot.job
        self.store.commit([removed(self.stage.snapshot, now, None)])
        self.diary.removed(now)
        self.queue.forget()

    def back(self, now):
        """Declared again, or enabled."""
        if self.gone:
            found(self.store, [replace(self.gone, enabled=True)], now)
        elif not self.diary.holds(now):
            define(self.store, replace(self.stage.snapshot.job, enabled=True), now)
        else:
            return
        self.gone = None
        self.diary.begins(now, self.diary.minute)

    def fire(self, now):
        """The scheduler calls at the slot, often twice, sometimes late, sometimes never, and by an old schedule too."""
        slot = now - (now - self.diary.minute * MINUTE) % HOUR
        if self.dice.random() < (0.85 if now == slot else 0.08):
            for _ in range(self.dice.choice([1, 1, 2, 3])):
                self.start(Order(slug="job", slot=slot))
        if self.dice.random() < 0.01:
            old = self.dice.choice(self.diary.held).minute * MINUTE
            self.start(Order(slug="job", slot=now - (now - old) % HOUR))
        if self.dice.random() < 0.01:
            self.by_hand[f"by-hand-{now}"] = chosen = self.dice.choice([None, None, slot])
            self.start(Order(slug="job", slot=chosen, run_id=f"by-hand-{now}", by="me"))

    def start(self, order):
        self.stage.target.script = [self.step if self.dice.random() < self.trouble else self.take]
        wanted, held = self.must_start(order), None
        with contextlib.suppress(HeartbeatError, Killed):
            held = self.stage.starter.start(order).held
        if wanted and held is not None:
            self.wrong.append(f"slot {order.slot} was not started at {self.stage.now}, {held}")
        if not order.by and order.slot is not None:
            self.tried = max(self.tried, order.slot)

    def must_start(self, order):
        """By the diary there is no reason not to: the first call for a slot that somebody wants."""
        now, slot = self.stage.now, order.slot
        first = not order.by and not order.run_id and slot is not None and slot > self.tried
        quiet = self.overlap is Overlap.ALLOW and not self.often and self.gone is None
        return first and quiet and now < slot + self.grace and self.diary.why_not(slot, now) is None

    def check(self, call):
        """A call of the target: did anybody want it, and may it be now?"""
        now, by_hand = self.stage.now, call.run_id in self.by_hand
        why = None if by_hand else self.diary.why_not(call.slot, now)
        if why is not None:
            self.wrong.append(f"slot {call.slot} was started at {now}, {why}")
        if call.attempt > 1:
            return
        if not by_hand and self.overlap is not Overlap.QUEUE and now >= call.slot + self.grace:
            self.wrong.append(f"slot {call.slot} was started at {now}, too late")
        if self.overlap is Overlap.QUEUE:
            self.queue.given_up({s.run_id for s in self.stage.state.starts if s.phase is Phase.FAILED})
            self.wrong += self.queue.called(call, now, by_hand)

    def take(self, call, _):
        self.check(call)
        self.queue.took(call, self.stage.now)
        return self.work(call)

    def work(self, call):
        if call.run_id not in self.by_hand:
            self.begun.setdefault(call.slot, set()).add(call.run_id)
        began = self.stage.now + self.dice.randrange(1, 8) * MINUTE
        if self.dice.random() < 0.9:
            self.ends.append((began, Kind.START, call.run_id))
        if self.dice.random() < 0.9:
            length = self.dice.choice(self.lengths) * MINUTE
            self.ends.append((began + length, self.dice.choice([Kind.SUCCESS] * 4 + [Kind.FAIL]), call.run_id))
        return TOOK_IT

    def step(self, call, _):
        self.check(call)
        what = self.dice.choice([REFUSED, REFUSED, NEVER, SILENT, "dead", "dead after"])
        if what == "dead":
            raise Killed
        if what in (SILENT, "dead after"):
            self.work(call)
        return Killed() if what == "dead after" else what

    def hear(self, now):
        due, self.ends = [e for e in self.ends if e[0] <= now], [e for e in self.ends if e[0] > now]
        for when, kind, run_id in due:
            signal = Signal(slug="job", kind=kind, at=when, received=now, run_id=run_id, id=f"{run_id}{kind}")
            try:
                (heard,) = Recorder(self.store).record([signal])
            except HeartbeatError:
                self.ends.append((when, kind, run_id))  # the client sends it again, though it may be written
                if kind is not Kind.START:
                    self.queue.tells(kind, run_id, when)
                continue
            if heard is not Recorded.UNKNOWN:
                self.queue.tells(kind, run_id, when)
                if kind is not Kind.START and self.by_hand.get(run_id):
                    self.diary.ended(self.by_hand[run_id], now)

    def tick(self, now):
        try:
            swept = sweep(self.store, now, service=("ops",))
        except HeartbeatError:
            return
        for order in swept.starts:
            if self.dice.random() < 0.9:
                self.start(order)

    @property
    def slots(self):
        """Those that somebody wanted when they came, and whose fate the job has not taken with it."""
        return [slot for slot in self.diary.coming(self.begin, self.end) if not self.diary.forgotten(slot)]

    def problems(self):
        target, state = self.stage.target, self.stage.state
        yield from self.wrong
        doubled = [run for run in set(target.started) if target.started.count(run) > 1]
        if doubled and not self.twice:
            yield f"started twice: {doubled}"
        yield from (f"slot {slot} was started as {runs}" for slot, runs in self.begun.items() if len(runs) > 1)
        made = {r.slot: r for r in records(self.stage.snapshot, self.store.history("job", 10_000)) if r.by == ""}
        for slot in self.slots:
            yield from self.fate(slot, made.get(slot))
        left = [s for s in state.starts if s.until and s.until < self.stage.now - 5 * MINUTE]
        if left:
            yield f"starts without an end: {left}"

    def fate(self, slot, record):
        if slot not in self.by_hand.values():  # else its story is that of the run by hand
            yield from self.story(slot, record)
        if not self.is_open(slot) and not any(entry.verdict for entry in self.store.history("job", 100, slot)):
            yield f"slot {slot} has no verdict"

    def story(self, slot, record):
        if record is None:
            yield f"slot {slot} has no record"
        elif slot in self.begun or self.is_open(slot) or record.end in NOT_STARTED or record.reason is BLIND:
            return
        else:
            yield f"slot {slot} was not started, and its record says {record.end}"

    def is_open(self, slot):
        """It waits, has just begun, or is under way."""
        state = self.stage.state
        waits = any(start.slot == slot and start.phase in {Phase.QUEUED, Phase.CLAIMED} for start in state.starts)
        just_begun = any(start.slot == slot and self.stage.now < start.called + self.grace for start in state.starts)
        return waits or just_begun or any(run.slot == slot for run in state.runs)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_slot_is_started_twice_and_none_is_silently_not_started(chunk):
    started = not_started = changed = 0
    for seed in range(chunk, DAYS, CHUNKS):
        day = Day(seed)
        day.run()
        assert list(day.problems()) == [], f"seed {seed}"
        started += len(set(day.slots) & set(day.begun))
        not_started += len(set(day.slots) - set(day.begun))
        changed += len(day.diary.held) + len(day.diary.pauses) - 1
        day.store.close()
    assert started > DAYS // CHUNKS
    assert not_started > DAYS // CHUNKS // 4, "the days hold enough trouble"
    assert changed > DAYS // CHUNKS, "people do enough"
