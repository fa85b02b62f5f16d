"""Those who are told: channels that are down for a while, refuse, ask for a pause, change their definition, are not
known to who delivers, or take a message just before the sender crashes.
"""

from __future__ import annotations

from random import Random

from heartbeat.errors import ChannelFailed
from heartbeat.model import SECOND
from simulation.stage import Crash

DEFINITIONS = ("first", "second")


class Receiver:
    """Keeps what came, by idempotency key. The same key again is recognised; the same alert under another is not.

    When a crash left a part of a message marked as sent, the rest of it comes again under its key: with nothing new.
    """

    group_above, pace, parallel = 5, 0, 1

    def __init__(self, world, name, down, dice):
        self.world, self.name, self.down, self.dice = world, name, down, dice
        self.by_key, self.order, self.faults = {}, [], []
        self.definition, self.pauses = DEFINITIONS[0], {}

    def send(self, alerts, *, key, now, receipt):  # noqa: ARG002 - the protocol's words
        if now < self.pauses.get(self.definition, 0):
            self.faults.append(f"{key} came within the pause that was asked for")
        if self.down and self.down[0] <= now < self.down[1]:
            raise ChannelFailed("down")
        self.perhaps_refuse(now)
        self.take(alerts, key)
        if self.world.faults and self.world.dice.random() < self.world.faults:
            raise Crash
        if self.world.faults and self.world.dice.random() < self.world.faults:
            raise ChannelFailed("the answer was lost")
        return "kept"

    def perhaps_refuse(self, now):
        """Before it has the message: a limit, a permission that comes later, nobody at home."""
        luck = self.dice.random() if self.world.faults else 1.0
        if luck < self.world.faults:
            self.pauses[self.definition] = now + 20 * SECOND
            raise ChannelFailed("429", retry_after=20, unsent=True)
        if luck < 2 * self.world.faults:
            raise ChannelFailed("403", refused=True)
        if luck < 3 * self.world.faults:
            raise ChannelFailed("connection refused", unsent=True)

    def take(self, alerts, key):
        if key in self.by_key:
            if not {alert.id for alert in alerts} <= set(self.by_key[key]):
                self.faults.append(f"key {key} came again with other alerts")
            return
        self.by_key[key] = [alert.id for alert in alerts]
        for alert in alerts:
            if any(alert.id == known.id for known in self.order):
                self.faults.append(f"{alert.id} came twice under two keys")
            self.order.append(alert)


class Deliverer:
    """The process that delivers: it knows that those before it are dead."""

    def __init__(self, number):
        self.name = f"life {number}"

    def gone(self, name):
        return name != self.name


class Board:
    """All channels of a world, and who serves them. It has dice of its own, so that the jobs' days stay as they are."""

    def __init__(self, world, down):
        names = ("ops", "pager", "service")
        self.world, self.dice, self.lives = world, Random(world.script.seed + 2), 1  # noqa: S311 - replayed
        self.channels = {name: Receiver(world, name, down.get(name), self.dice) for name in names}
        self.owner = Deliverer(self.lives)

    def begin(self):
        self.asked = {channel: dict(channel.pauses) for channel in self.channels.values()}

    def in_trouble(self, *, died):
        """What was asked for in a pass that came to no good end may be written down nowhere."""
        for channel, pauses in self.asked.items():
            channel.pauses = pauses
        if died:
            self.lives += 1
            self.owner = Deliverer(self.lives)

    def known(self):
        """The channels as the jobs file of who delivers has them now: one may be missing, or have another URL."""
        if not self.world.faults:
            return self.channels
        for channel in self.channels.values():
            if self.dice.random() < self.world.faults:
                channel.definition = self.dice.choice(DEFINITIONS)
        return {name: each for name, each in self.channels.items() if self.dice.random() > self.world.faults}
