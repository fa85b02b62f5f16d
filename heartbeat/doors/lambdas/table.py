"""The stack's table, and the time, for every function."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from heartbeat.model import DAY
from heartbeat.store.dynamodb.signed_call import signed_call
from heartbeat.store.dynamodb.store import DynamoDBStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.settings import StackSettings

HANDS = 8
"""Concurrent requests to the table: a function waits for the network more than it computes."""


def now() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Pauses:
    """Waits between attempts, and counts them: each is a request that the table temporarily refused."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, seconds: float) -> None:
        """Wait."""
        self._count += 1
        time.sleep(seconds)

    def taken(self) -> int:
        """How many since the last call."""
        count, self._count = self._count, 0
        return count


def open_table(stack: StackSettings, pause: Callable[[float], None] = time.sleep) -> DynamoDBStore:
    """This stack's store, with the credentials that Lambda puts into the environment. pause: waits for seconds."""
    call = signed_call(os.environ, time.time)
    return DynamoDBStore(
        stack.table, call, shards=stack.shards, retention=stack.keep_days * DAY, hands=HANDS, clock=now, sleep=pause
    )
