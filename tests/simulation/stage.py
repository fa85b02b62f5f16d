"""The store as an actor in a bad world sees it: others act in between, it crashes, lags, and answers too much.

What is committed is written into the diary here, and so is what the core decided to tell (for the comparison only).
"""

from __future__ import annotations

from msgspec.structs import replace

from heartbeat.errors import StoreUnavailable
from heartbeat.model import Commit
from heartbeat.verbs.service_state import CLOCK
from simulation.diary import Acknowledged, Alive, Heard, Paused, Resumed, Swept


class Crash(BaseException):
    """The process is gone."""


class Faulty:
    """One process's view of the store."""

    def __init__(self, world, actor):
        self._world, self._actor, self._store = world, actor, world.store
        self._dice = world.dice

    def load(self, slugs):
        self._world.meanwhile()
        found = self._store.load(slugs)
        lagging = self._roll(0.5) and self._actor.may_lag
        answer = {}
        for slug, snapshot in found.items():
            before = self._world.older.get(slug, snapshot)
            answer[slug] = before if lagging else snapshot
            self._world.older[slug] = snapshot
        fresh = {slug for slug in answer if answer[slug].state.version == found[slug].state.version}
        self._actor.loaded(fresh)
        return answer

    def left(self, slugs):
        self._world.meanwhile()
        return self._store.left(slugs)

    def names(self, after, limit):
        self._world.meanwhile()
        return self._store.names(after, limit)

    def due(self, since, now, limit):
        self._world.meanwhile()
        due = self._store.due(since, now, limit)
        found = list(due.slugs)
        self._actor.looked(found, full=due.more)
        if self._roll(0.5) and len(found) < limit - 1:
            extra = self._dice.choice([*self._world.slugs, "ghost"])
            found = [*found, *({extra} - set(found))]
        return replace(due, slugs=tuple(found))

    def commit(self, changes):
        self._world.meanwhile()
        self._perhaps_crash()
        if len(changes) > 1 and self._roll(0.5):  # a store may keep a part of the batch before it goes away
            kept = self._dice.randrange(1, len(changes))
            self._keep(changes[:kept])
            raise Crash
        answers = self._keep(changes)
        self._perhaps_crash()
        return answers

    def _keep(self, changes):
        answers = self._store.commit(changes)
        for change, answer in zip(changes, answers, strict=True):
            if answer is Commit.STORED:
                self._world.committed(self._actor, change)
        return answers

    def history(self, slug, limit, slot=None, since=None):
        self._world.meanwhile()
        return self._store.history(slug, limit, slot, since)

    def document(self, name):
        self._world.meanwhile()
        return self._store.document(name)

    def outbox(self, now, limit):
        return self._store.outbox(now, limit)

    def deliveries(self, incident):
        self._world.meanwhile()
        return self._store.deliveries(incident)

    def page(self, after, limit):
        return self._store.page(after, limit)

    def declared(self, source, slugs):
        return self._store.declared(source, slugs)

    def _perhaps_crash(self):
        if self._roll(1):
            raise Crash
        if self._roll(0.5):
            raise StoreUnavailable("the store went away")

    def _roll(self, weight):
        faults = self._world.faults
        return faults > 0 and self._dice.random() < faults * weight


class Actor:
    """Somebody who acts on the store. Tells the diary what its commits mean."""

    may_lag = True

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.store = Faulty(world, self)

    def loaded(self, fresh):
        """What a load answered as it really was."""

    def looked(self, found, *, full):
        """What was due."""

    def stored(self, change):
        """A change of a job was kept."""


class Hearer(Actor):
    def stored(self, change):
        for entry in change.entries:
            if entry.signal is not None:
                self.world.write(Heard(signal=entry.signal))


class Sweeper(Actor):
    """Knows, once a sweep has come home, which jobs it had looked at and where in the diary it did."""

    def begin(self, now):
        self.now = now
        self.looks = []
        self.due, self.full, self.kept = set(), False, set()

    def looked(self, found, *, full):
        self.due, self.full = set(found), full
        self.looks.append((self._mark(), set(self.world.slugs) - self.due))

    def loaded(self, fresh):
        self.looks.append((self._mark(), fresh))

    def stored(self, change):
        self.kept.add(change.slug)
        if change.state is not None:
            self.world.write(Swept(now=self.now, slugs={change.slug}))

    def _mark(self):
        step = Swept(now=self.now, sure=False)
        self.world.write(step)
        return step

    def home(self, lost):
        """The sweep ended well: what it saw and left alone, it judged to need nothing."""
        for step, slugs in self.looks:
            if not (self.full and step is self.looks[0][0]):
                step.slugs |= slugs - self.kept - lost


class Person(Actor):
    may_lag = False

    def begin(self, act):
        self.act = act

    def stored(self, change):
        if change.state is None:
            return
        slug, now = self.act.slug, self.act.at
        if self.act.what == "pause":
            self.world.write(Paused(slug=slug, now=now))
        elif self.act.what == "resume":  # it looks at what is overdue first
            resumed = any(entry.remark == "resumed" for entry in change.entries)
            self.world.write(Resumed(slug=slug, now=now) if resumed else Swept(now=now, slugs={slug}))
        elif self.act.what == "ack":
            self.world.write(Acknowledged(slug=slug, now=now))


def note_documents(world, change):
    """The clock's book says when a sweep was last alive."""
    for document in change.documents:
        if document.name == CLOCK:
            world.write(Alive(now=document.value["alive"]))
