"""Those who are told: channels that are down for a while, or that take a message just before the sender crashes."""

from __future__ import annotations

from concurrent.futures import Future

from heartbeat.errors import ChannelFailed
from simulation.stage import Crash


class Receiver:
    """Keeps what came, by idempotency key. The same key again is recognised; the same alert under another is not."""

    group_above, pace, parallel, definition = 5, 0, 1, ""

    def __init__(self, world, name, down):
        self.world, self.name, self.down = world, name, down
        self.by_key, self.order, self.faults = {}, [], []

    def send(self, alerts, *, key, now, receipt):  # noqa: ARG002 - the protocol's words
        if self.down and self.down[0] <= now < self.down[1]:
            raise ChannelFailed("down")
        self.take(alerts, key)
        if self.world.faults and self.world.dice.random() < self.world.faults:
            raise Crash
        if self.world.faults and self.world.dice.random() < self.world.faults:
            raise ChannelFailed("the answer was lost")
        return "kept"

    def take(self, alerts, key):
        if key in self.by_key:
            if self.by_key[key] != [alert.id for alert in alerts]:
                self.faults.append(f"key {key} came again with other alerts")
            return
        self.by_key[key] = [alert.id for alert in alerts]
        for alert in alerts:
            if any(alert.id == known.id for known in self.order):
                self.faults.append(f"{alert.id} came twice under two keys")
            self.order.append(alert)


class Board:
    """All channels of a world."""

    def __init__(self, world, down):
        names = ("ops", "pager", "service")
        self.channels = {name: Receiver(world, name, down.get(name)) for name in names}


class Inline:
    """A thread pool without threads: a world must happen the same way each time it is replayed."""

    def __init__(self, **_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    @staticmethod
    def submit(work, *args):
        done = Future()
        try:
            done.set_result(work(*args))
        except BaseException as error:  # noqa: BLE001 - as a pool does; `result()` raises it
            done.set_exception(error)
        return done
