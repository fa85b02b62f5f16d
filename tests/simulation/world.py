"""A world runs: the script's events on a heap, actors in each other's way, and an end when all is settled."""

from __future__ import annotations

import heapq
from random import Random

from msgspec.structs import replace

from heartbeat.core.blind import Ears
from heartbeat.core.definition import founding
from heartbeat.errors import NotNow, StoreUnavailable, TooBusy, UnknownJob
from heartbeat.model import MINUTE, SECOND, Commit
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.deliver import deliver
from heartbeat.verbs.operate import acknowledge, pause_job, resume_job, silence, unsilence
from heartbeat.verbs.record import Recorder
from heartbeat.verbs.sweep import sweep
from simulation.absences import sent
from simulation.applying import Owner
from simulation.channels import Board
from simulation.diary import Born, Silenced, Unsilenced
from simulation.inline import Inline
from simulation.stage import Actor, Crash, Hearer, Person, Sweeper, note_documents
from simulation.telling import Told

CHANGES = {"remove", "declare", "edit", "move", "adopt"}
TROUBLE = (Crash, StoreUnavailable, TooBusy)
DEPTH = 2
NEAR = 5 * SECOND
EVENTS_MAX = 50_000


class World:
    """After `run()`, without threads: `diary`, `decided` (what the core told, by step), `board` (what people heard)."""

    def __init__(self, script):
        self.script, self.dice = script, Random(script.seed + 1)  # noqa: S311 - replayed, not guarded
        self.faults = script.faults
        self.store = SQLiteStore(":memory:")
        self.now, self.diary, self.decided, self.events = script.start, [], [], []
        self.slugs = [plan.job.slug for plan in script.jobs]
        self.older, self.busy, self.count, self.answers, self.outgoing = {}, [], 0, [], []
        self.board = Board(self, script.down)
        self.deliverer, self.person = Actor(self, "deliver"), Person(self, "person")
        self.hearers = [Hearer(self, f"recorder {n}") for n in (1, 2)]
        self.recorders = {actor.name: Recorder(actor.store) for actor in self.hearers}
        self.owner, self.away = Owner(self), {}
        self.delivers_at = None

    # The stage's questions

    def write(self, step):
        self.diary.append(step)

    def committed(self, actor, change):
        note_documents(self, change)
        if change.slug:
            actor.stored(change)
        step = len(self.diary) - 1
        if actor is not self.deliverer:  # what it tells of channels is the channels' business
            self.outgoing += change.deliveries
            self.decided += [Told(step=step, slug=a.slug, event=str(a.event), at=a.at) for a in change.alerts]
        if change.deliveries and actor is not self.deliverer:
            self.wake_deliverer(self.now + self.dice.randrange(3 * SECOND))

    def meanwhile(self):
        """Somebody else may act just before this."""
        if len(self.busy) > DEPTH or self.dice.random() > 0.25 or not self.events:
            return
        at, _, other, action = self.events[0]
        if at <= self.now + NEAR and other is not None and other not in self.busy:
            heapq.heappop(self.events)
            self.perform(at, other, action)

    # Events

    def at(self, when, actor, action):
        """actor None: nobody may act in between."""
        self.count += 1
        heapq.heappush(self.events, (max(when, self.now), self.count, actor, action))

    def perform(self, at, actor, action):
        self.now = max(self.now, at)
        self.busy.append(actor)
        try:
            action()
        finally:
            self.busy.pop()

    def run(self):
        self.begin()
        for _ in range(EVENTS_MAX):
            if not self.events:
                break
            at, _, actor, action = heapq.heappop(self.events)
            self.perform(at, actor, action)
        assert not self.events, "the world did not come to its end"
        self.settle()
        return self

    def begin(self):
        for plan in self.script.jobs:
            if self.script.changing:
                self.at(plan.born, self.owner, lambda plan=plan: self.change(self.owner.declare, plan))
            else:  # nobody and nothing is in the way
                self.at(plan.born, None, lambda plan=plan: self.make(plan))
        for ping in self.script.pings:
            self.at(ping.arrives, self.dice.choice(self.hearers), lambda ping=ping: self.hear(ping, ping.arrives))
        for act in self.script.acts:
            if act.what in CHANGES:
                self.at(act.at, self.owner, lambda act=act: self.change(self.owner.act, act))
                continue
            alone = act.what in {"silence", "unsilence"}
            self.at(act.at, None if alone else self.person, lambda act=act: self.do(act))
        for number in range(self.script.sweepers):
            sweeper = Sweeper(self, f"sweeper {number + 1}")
            self.at(self.script.start, sweeper, lambda sweeper=sweeper: self.sweep(sweeper))

    def make(self, plan):
        assert self.store.commit([founding(plan.job, plan.born)]) == [Commit.STORED]
        self.write(Born(slug=plan.job.slug, now=plan.born, job=plan.job))

    def change(self, write, what):
        """The jobs files change; what was not carried out whole is applied again."""
        try:
            write(what)
        except TROUBLE:
            self.at(self.now + SECOND, self.owner, lambda: self.change(self.owner.again, None))

    def hear(self, ping, arrives):
        """A ping that was not answered is sent again by its client."""
        actor = self.busy[-1]
        signal = replace(ping.signal, received=arrives, at=ping.signal.at if ping.stamped else arrives)
        if ping.signal.slug in self.script.skews:
            signal = sent(signal, self.script.skews[ping.signal.slug])
        try:
            (answer,) = self.recorders[actor.name].record([signal])
        except TROUBLE as trouble:
            if isinstance(trouble, Crash):
                self.recorders[actor.name] = Recorder(actor.store)
            again = arrives + self.dice.randrange(SECOND, 20 * SECOND)
            self.at(again, actor, lambda: self.hear(ping, max(again, self.now)))
        else:
            self.answers.append((signal, answer))

    def sweep(self, sweeper):
        low, high = self.script.sweeps
        now = self.now
        pause = self.dice.randrange(low, high)
        if not any(begin <= now < end for begin, end in self.script.outages):
            sweeper.begin(now)
            try:
                pause = SECOND if self.sweep_once(sweeper, now) else pause
            except TROUBLE:
                pause = self.dice.randrange(SECOND, 15 * SECOND)
        else:
            pause = self.dice.randrange(SECOND, MINUTE)
        if now + pause < self.script.end:
            self.at(now + pause, sweeper, lambda: self.sweep(sweeper))

    def sweep_once(self, sweeper, now):
        limit = self.dice.choice((1000, 1000, 1000, 2))
        swept = sweep(sweeper.store, now, service=("service",), limit=limit, ears=Ears(patience=self.script.patience))
        if not (swept.lost and swept.blind):
            sweeper.home(sweeper.due - sweeper.kept if swept.lost else set())
        return swept.more

    def do(self, act):
        self.person.begin(act)
        verbs = {"pause": pause_job, "resume": resume_job}
        try:
            if act.what in verbs:
                verbs[act.what](self.person.store, act.slug, act.at)
            elif act.what == "ack":
                acknowledge(self.person.store, act.slug, act.at, by="ann")
            elif act.what == "silence":
                silence(self.store, act.silence)
                self.write(Silenced(silence=act.silence))
            else:
                unsilence(self.store, "s", act.at)
                self.write(Unsilenced(name="s", now=act.at))
        except (NotNow, UnknownJob):
            pass
        except TROUBLE:
            act.at = self.now + SECOND
            self.at(act.at, self.person, lambda: self.do(act))

    # Telling

    def wake_deliverer(self, when):
        if self.delivers_at is None or when < self.delivers_at:
            self.delivers_at = when
            self.at(when, self.deliverer, self.deliver)

    def deliver(self):
        self.delivers_at = None
        self.board.begin()
        try:
            done = self.deliver_once(self.deliverer.store)
        except TROUBLE as trouble:
            self.board.in_trouble(died=isinstance(trouble, Crash))
            self.wake_deliverer(self.now + 5 * SECOND)
            return
        if done.more or self.store.outbox(self.now + 1, 1):
            self.wake_deliverer(self.now + SECOND)
        elif waiting := self.store.outbox(1 << 52, 1):
            self.wake_deliverer(max(waiting[0].next_at, self.now + MINUTE))

    def deliver_once(self, store):
        known, owner = self.board.known(), self.board.owner
        return deliver(store, known, lambda: self.now, parallel=1, sleep=self.sleep, owner=owner, threads=Inline)

    def sleep(self, seconds):
        self.now += round(seconds * SECOND)

    # The end

    def settle(self):
        """Nothing breaks any more; time runs on until nothing is left to do."""
        self.faults = 0.0
        sweeper = Sweeper(self, "the last sweeper")
        self.now = max(self.now, self.script.end)
        for _ in range(100):
            sweeper.begin(self.now)
            if not self.sweep_once(sweeper, self.now):
                break
        else:
            raise AssertionError("the sweeps found no end")
        for _ in range(2000):
            waiting = self.store.outbox(1 << 52, 1)
            if not waiting:
                return
            self.now = max(self.now, waiting[0].next_at)
            self.deliver_once(self.store)
        raise AssertionError("the outbox never became empty")
