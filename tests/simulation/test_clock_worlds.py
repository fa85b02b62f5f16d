"""Worlds at whose end the server's clock is set back: from then on some jobs go on and the others have stopped.

What must be told is written down here from the words of the documentation, by the calendar alone.
"""

from random import Random

import pytest

from heartbeat.core.blind import Ears
from heartbeat.model import DAY, HOUR, MINUTE, SECOND, Kind, Signal, Status
from heartbeat.verbs.record import Recorder
from heartbeat.verbs.sweep import sweep
from simulation.script import write
from simulation.world import World

WORLDS = 150
CHUNK = 50
PAUSE = 20 * SECOND
WATCHED = 6 * HOUR


def shortest(plan):
    """The shortest time between two slots of this job."""
    gaps = [b - a for a, b in zip(plan.known, plan.known[1:], strict=False)]
    return plan.every or min(gaps, default=DAY)


def to_come(plan, now, before):
    """The slots that come by the new clock, but for one that has come already and is not repeated within the hour."""
    slots = [slot for slot in plan.known if slot > now]
    once = len(slots) > 1 and slots[0] <= before and slots[1] - slots[0] > max(before - now, HOUR)
    return slots[1:] if once else slots


def expected_by(plan, now, before):
    """When a job that has stopped must be told by, at the latest: after the first slot that comes by the new clock."""
    slots = [now + plan.every] if plan.every else to_come(plan, now, before)
    return slots[0] + plan.job.grace if slots else None


def beats(plan, now, end):
    """When a job that goes on is heard."""
    if plan.every:
        return list(range(now, end, max(plan.every // 2, SECOND)))
    return [slot + min(plan.job.grace // 2, MINUTE) for slot in plan.known if now < slot < end]


def told_after_it(seed):
    """Faults of the telling after the clock was set back, in words."""
    dice = Random(-seed)  # noqa: S311 - replayed, not guarded
    script = write(seed)
    script.faults = 0.0
    world = World(script)
    world.run()
    before = world.now
    now = before - dice.choice((20 * SECOND, 5 * MINUTE, HOUR, HOUR, 7 * HOUR, DAY))
    plans = {plan.job.slug: plan for plan in script.jobs if shortest(plan) <= HOUR and plan.job.alert_after == 1}
    alive = {slug for slug in plans if dice.random() < 0.5}
    sweep_all(world.store, now)  # the clock is set back
    found = {slug: state_of(world, slug) for slug in plans}
    ahead = [slug for slug, plan in plans.items() if plan.every and found[slug].cursor > now]
    limits = {slug: expected_by(plan, now, before) for slug, plan in plans.items()}
    end = min(max(filter(None, limits.values()), default=now) + MINUTE, now + WATCHED)
    calls = sorted((at, slug) for slug in alive for at in beats(plans[slug], now, end))
    play(world.store, now, end, calls)
    yield from (f"{slug} waits for the time before" for slug in ahead)
    for slug, by in limits.items():
        was, status = found[slug], state_of(world, slug).status
        steady = was.status is Status.UP and not was.runs and not was.ahead
        if slug in alive and steady and status is Status.DOWN:
            yield f"{slug} goes on and is called down"
        told = status is Status.DOWN or was.status is Status.PAUSED
        if slug not in alive and not told and by is not None and by < end:
            yield f"{slug} has stopped and is {status}"


def state_of(world, slug):
    return world.store.load([slug])[slug].state


def sweep_all(store, now):
    while sweep(store, now, service=("service",), ears=Ears(patience=5 * MINUTE)).more:
        pass


def play(store, now, end, calls):
    recorder = Recorder(store)
    while now < end:
        while calls and calls[0][0] <= now:
            at, slug = calls.pop(0)
            recorder.record([Signal(slug=slug, kind=Kind.SUCCESS, at=at, received=at)])
        sweep_all(store, now)
        now += PAUSE


@pytest.mark.parametrize("first", range(0, WORLDS, CHUNK))
def test_what_is_told_after_the_clock_is_set_back(first):
    faults = [f"world {seed}: {fault}" for seed in range(first, first + CHUNK) for fault in told_after_it(seed)]
    assert faults == []
