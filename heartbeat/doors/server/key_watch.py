"""A key that was rotated is taken up while the server runs, and an old one is refused from its end on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.telemetry import Happened
from heartbeat.verbs import ping_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.store.protocol import Store
    from heartbeat.telemetry import Log

EVERY = 0.5
"""Seconds between looks; `heartbeat key rotate` is another process, and a script may use the new key at once."""


class KeyWatch:
    """given: the environment's keys, in place of those kept. valid: those in force; fresh: one was made just now."""

    def __init__(self, store: Store, given: tuple[str, ...], now: int, log: Log) -> None:
        self._store, self._given, self._log = store, given, log
        self.fresh = False if given else ping_keys.first(store)[1]
        self.valid = given or ping_keys.read(store, now).valid

    def step(self, now: int, tell: Callable[[tuple[str, ...]], None]) -> float:
        """Look, and tell which keys are in force when they are others; returns the seconds until the next look.

        A database without a key, one that was just put in its place, changes nothing.
        """
        kept = ping_keys.read(self._store, now)
        if kept.given != len(self._given):
            ping_keys.note_given(self._store, len(self._given))
        if kept.valid and kept.valid != self.valid and not self._given:
            self.valid = kept.valid
            tell(kept.valid)
            self._log.tell(Happened.KEYS_CHANGED, valid=len(kept.valid))
        return EVERY
