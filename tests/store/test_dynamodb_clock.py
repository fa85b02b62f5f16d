"""Whatever happens between two requests, a job that is due is found: seeded histories of pings, sweeps, crashes."""

import random

import pytest
from store_samples import T0, new, ping
from store_wire import Crash, Wire, items

from heartbeat.model import DAY, HOUR, MINUTE, SECOND, Change, Commit, Mark
from heartbeat.store.dynamodb.store import MARGIN, DynamoDBStore

JOBS = 6
STEPS = 80


class Clockwork:
    """A table, the time, and a mark that every sweep goes on from, as the checker's do."""

    def __init__(self, call, seed):
        self.dice, self.call = random.Random(seed), call  # noqa: S311 - dice, not secrets
        self.now, self.mark, self.shards = T0, Mark(at=T0), 1
        self.store().commit([new(f"job-{n}", n, due=T0 + HOUR) for n in range(JOBS)])

    def store(self, call=None, **more):
        return DynamoDBStore("heartbeat", call or self.call, shards=self.shards, clock=lambda: self.now, **more)

    def some(self):
        snapshots = self.store().page("", JOBS)
        return self.dice.choice(snapshots)

    def met(self):
        """A success: nobody need look before a later instant; its row stays where it is."""
        found = self.some()
        later = max(found.due, self.now + self.dice.choice([20 * SECOND, MINUTE, 20 * MINUTE, 8 * HOUR, DAY]))
        self.store().commit([ping(found.job.slug, found.state.version, look=later)])

    def watched(self):
        """A start: somebody has to look earlier."""
        found = self.some()
        soon = self.now + self.dice.choice([0, SECOND, 5 * MINUTE, 40 * MINUTE])
        if soon < found.due:
            self.store().commit([ping(found.job.slug, found.state.version, due=soon, look=soon)])

    def remade(self):
        found = self.some()
        slug, due = found.job.slug, self.now + self.dice.choice([MINUTE, HOUR])
        self.store().commit([Change(slug=slug, expected=found.state.version, remove=True)])
        self.store().commit([new(slug, self.dice.randrange(10**9), due=due)])

    def wait(self):
        self.now += self.dice.choice([SECOND, 30 * SECOND, MINUTE, 10 * MINUTE, 30 * MINUTE, 7 * HOUR])

    def more_shards(self):
        self.shards = min(self.shards + 1, 3)

    def sweep(self, dies_after=None):
        """Rounds until there is no more; each keeps the mark once its jobs are settled."""
        wire = Wire(self.call)

        def before(*_request):
            if dies_after is not None and len(wire.sent) > dies_after:
                raise Crash

        wire.before = before
        store = self.store(wire)
        while True:
            due = store.due(self.mark, self.now, 2)
            for slug in due.slugs:
                self.settle(store, slug)
            self.mark = due.reached
            if not due.more:
                return

    def settle(self, store, slug):
        """Look at a job until the look is kept, as a sweep does; pings come in between."""
        for _ in range(20):
            found = store.load([slug]).get(slug)
            if found is None:
                return
            if self.dice.random() < 0.2:
                self.met()
            look = found.due if found.due > self.now else self.now + self.dice.choice([40 * SECOND, HOUR, 9 * HOUR])
            if store.commit([Change(slug=slug, expected=found.state.version, due=look, look=look)]) == [Commit.STORED]:
                return

    def crash(self):
        try:
            self.sweep(dies_after=self.dice.randrange(12))
        except Crash:
            return

    def overlooked(self):
        """Jobs that a sweep should have met by now."""
        return [s.job.slug for s in self.store().page("", JOBS) if s.due <= self.now - MARGIN]


@pytest.mark.parametrize("seed", range(60))
def test_no_job_that_is_due_is_overlooked(call, seed):
    world = Clockwork(call, seed)
    acts = [world.met] * 6 + [world.watched] * 3 + [world.wait] * 6 + [world.crash] * 2 + [world.sweep] * 3
    acts += [world.remade, world.more_shards]
    swept = 0
    for _ in range(STEPS):
        act = world.dice.choice(acts)
        act()
        if act == world.sweep:
            swept += 1
            assert world.overlooked() == [], (seed, world.now, [item["pk"]["S"] for item in items(call)])
    world.now += MARGIN + SECOND
    world.sweep()
    assert world.overlooked() == []
    assert swept > 1
