"""Seeded worlds: channels that fail and processes that die at any moment, against what must hold all the same."""

from __future__ import annotations

import os
from random import Random

import pytest
from alert_samples import NOW, alert, recovered
from simulation.inline import Inline

from heartbeat.core.addressing import delivery
from heartbeat.errors import ChannelFailed
from heartbeat.model import HOUR, MINUTE, NEVER, SECOND, Change, Event, Outcome
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.deliver import deliver

ORDER = {Event.OPENED: 0, Event.REMINDER: 1, Event.RECOVERED: 2}


class Crash(BaseException):
    """The process dies."""


REFUSALS = (
    lambda dice: ChannelFailed("429", retry_after=dice.choice([3.0, 40.0]), unsent=True),
    lambda _dice: ChannelFailed("403", refused=True),
    lambda _dice: ChannelFailed("connection refused", unsent=True),
    lambda dice: ChannelFailed("503", retry_after=dice.choice([None, 40.0])),
)
"""What a receiver may answer that has not got the message."""


class Weather:
    """A channel that fails or crashes by chance, before or after the receiver has the message; then all is well."""

    pace = 0

    def __init__(self, name, dice):
        self.name, self.dice = name, dice
        self.parallel = dice.choice([1, 3])
        self.group_above = dice.choice([0, 2, 5])
        self.calm = False
        self.keys = {}
        self.told = []
        self.doubled = 0
        self.pauses, self.definition = {}, "weather"

    def send(self, alerts, *, key, now, receipt):
        del receipt
        assert now >= self.pauses.get(self.definition, 0), "sent within the pause that was asked for"
        luck = 1.0 if self.calm else self.dice.random()
        if luck < 0.25:
            refusal = self.dice.choice(REFUSALS)(self.dice)
            if refusal.retry_after and self.parallel == 1:
                self.pauses[self.definition] = now + int(refusal.retry_after * 1000)
            raise refusal
        luck -= 0.1
        if luck < 0.17:
            raise ChannelFailed("struck by lightning", final=True)
        if luck < 0.22:
            raise Crash
        self.take(alerts, key)
        if luck < 0.27:
            raise Crash
        if luck < 0.32:
            raise ChannelFailed("the answer was lost")
        return "receipt"

    def take(self, alerts, key):
        """The receiver: what comes again under the same key is not told again."""
        ids = tuple(sorted(one.id for one in alerts))
        assert self.keys.setdefault(key, ids) == ids, "one key for two messages"
        if key not in {k for k, _ in self.told}:
            self.told.append((key, alerts))
        else:
            self.doubled += 1


def happen(dice, store, now):
    """Some jobs go down, some stay down, some recover."""
    for n in range(dice.randint(1, 9)):
        slug = f"job{now}-{n}"
        story = [alert(slug), alert(slug, event=Event.REMINDER), recovered(slug)][: dice.randint(1, 3)]
        for one in story:
            rows = tuple(delivery(one, name, now + ORDER[one.event]) for name in ("ops", "pager"))
            store.commit([Change(deliveries=rows)])
        yield f"{slug}/1"


class Process:
    """One that knows of some of those before it that they are dead; they all are."""

    def __init__(self, name, dice):
        self.name, self.dice = name, dice

    def gone(self, name):
        return name != self.name and self.dice.random() < 0.5


class Time:
    """Goes on by a millisecond whenever somebody looks, and while somebody sleeps."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        self.now += 1
        return self.now

    def sleep(self, seconds):
        self.now += int(seconds * SECOND)


def play(dice, store, channels):
    time, limit = Time(), dice.choice([7, 1000])
    incidents = []
    for step in range(12):
        if step < 6:
            incidents += happen(dice, store, time.now)
        time.now += dice.choice([0, SECOND, MINUTE, 3 * MINUTE, HOUR])
        known = {name: channels[name] for name in channels if dice.random() < 0.8}
        for channel in channels.values():
            channel.definition = dice.choice([channel.definition, channel.definition, "another"])
        process = Process(f"process {step}", dice)
        try:
            deliver(
                store, known, time, fallback=["pager"], limit=limit, sleep=time.sleep, owner=process, threads=Inline
            )
        except Crash:
            time.now += dice.choice([SECOND, MINUTE])
    for channel in channels.values():
        channel.calm = True
    for _ in range(500):
        waiting = store.outbox(NEVER - 1, 1)
        if not waiting:
            return incidents
        time.now = max(time.now, waiting[0].next_at)
        deliver(store, channels, time, fallback=["pager"], sleep=time.sleep, threads=Inline)
    raise AssertionError("never quiet")


@pytest.mark.parametrize("seed", range(int(os.environ.get("WORLDS", "200"))))
def test_in_any_weather_everything_is_told_once_and_in_order(seed):
    dice = Random(seed)  # noqa: S311  (dice, not secrets)
    store = SQLiteStore(":memory:")
    channels = {name: Weather(name, dice) for name in ("ops", "pager")}
    for incident in play(dice, store, channels):
        rows = store.deliveries(incident)
        assert {row.outcome for row in rows} <= {Outcome.SENT, Outcome.DEAD}
        for channel in channels.values():
            check_story(incident, channel, [row for row in rows if row.channel == channel.name])
        check_the_dead(rows)


def check_story(incident, channel, rows):
    told = [one for _, alerts in channel.told for one in alerts if one.incident == incident]
    chain = [ORDER[one.event] for one in told if one.event in ORDER]
    assert chain == sorted(set(chain)), "out of order, or told twice"
    assert {row.alert.id for row in rows if row.outcome is Outcome.SENT} <= {one.id for one in told}


def check_the_dead(rows):
    for row in rows:
        if row.outcome is Outcome.DEAD and row.channel == "ops" and row.alert.event is not Event.UNDELIVERED:
            assert f"{row.id}/undelivered@pager" in {other.id for other in rows}
