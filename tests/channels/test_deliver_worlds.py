"""Seeded worlds: channels that fail and processes that die at any moment, against what must hold all the same."""

from __future__ import annotations

from random import Random

import pytest
from samples import NOW, alert, recovered

from heartbeat.deliver import deliver
from heartbeat.errors import ChannelFailed
from heartbeat.model import HOUR, MINUTE, NEVER, Change, Event, Outcome
from heartbeat.outbox import delivery
from heartbeat.store.sqlite import SQLiteStore

ORDER = {Event.OPENED: 0, Event.REMINDER: 1, Event.RECOVERED: 2}


class Crash(BaseException):
    """The process dies."""


class Weather:
    """A channel that fails or crashes by chance, before or after the receiver has the message; then all is well."""

    pace, definition = 0, "weather"

    def __init__(self, name, dice):
        self.name, self.dice = name, dice
        self.parallel = dice.choice([1, 3])
        self.group_above = dice.choice([0, 2, 5])
        self.calm = False
        self.keys = {}
        self.told = []
        self.doubled = 0

    def send(self, alerts, *, key, now, receipt):
        del now, receipt
        luck = 1.0 if self.calm else self.dice.random()
        if luck < 0.15:
            raise ChannelFailed("bad weather", retry_after=self.dice.choice([None, 40.0]))
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


def play(dice, store, channels):
    now, limit = NOW, dice.choice([7, 1000])
    incidents = []
    for step in range(12):
        if step < 6:
            incidents += happen(dice, store, now)
        now += dice.choice([0, MINUTE, 3 * MINUTE, HOUR])
        try:
            deliver(store, channels, lambda: now, fallback=["pager"], limit=limit, sleep=lambda _: None)  # noqa: B023
        except Crash:
            now += MINUTE
    for channel in channels.values():
        channel.calm = True
    for _ in range(500):
        waiting = store.outbox(NEVER - 1, 1)
        if not waiting:
            return incidents
        now = max(now, waiting[0].next_at)
        deliver(store, channels, lambda: now, fallback=["pager"], sleep=lambda _: None)  # noqa: B023
    raise AssertionError("never quiet")


@pytest.mark.parametrize("seed", range(40))
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
        if row.outcome is Outcome.DEAD and row.channel == "ops":
            assert f"{row.id}/undelivered@pager" in {other.id for other in rows}
