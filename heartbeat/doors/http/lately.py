"""A cache of what was asked for lately. Strangers may choose the keys: neither many nor long ones cost more."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

LENGTH_MAX = 300
"""Maximum bytes or characters of a key."""
K = TypeVar("K", str, bytes)
V = TypeVar("V")


class Lately(Generic[K, V]):
    """At most `most` values; the one not asked for the longest goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, if it is kept."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def keep(self, key: K, value: V) -> None:
        """Keep it for a while, unless its key is too long."""
        if len(key) > LENGTH_MAX:
            return
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def __len__(self) -> int:
        return len(self._kept)
