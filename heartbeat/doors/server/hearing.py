"""Whether anybody could reach this server: only the door knows about times when nobody listened."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from heartbeat.core.blind import Blind, Ears, patience
from heartbeat.model import SECOND
from heartbeat.verbs import service_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.store.protocol import Store


def steady() -> float:
    """Seconds that setting the clock does not move; the machine's sleep counts, where the system supports it."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


@dataclass(slots=True, kw_only=True)
class Hearing:
    """Shut from the previous process's last sweep until a front is attached, and between two fronts.

    now: milliseconds; patience: see Ears; shut_at: since when nobody can reach us, None if somebody can.
    """

    now: Callable[[], int]
    patience: int
    shut_at: int | None = None
    steady: Callable[[], float] = steady
    _over: Blind | None = None
    _looked: tuple[int, float] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def shut(self) -> None:
        """The front is gone."""
        with self._lock:
            self.shut_at = self.now()

    def open(self) -> None:
        """A front is attached: callers waiting in the socket's queue are heard from now on."""
        with self._lock:
            now = self.now()
            if self.shut_at is not None and self.shut_at < now:
                self._over = Blind(start=self._over.start if self._over else self.shut_at, end=now)
            self.shut_at = None

    def take(self, now: int) -> Ears:
        """What a sweep at `now` must know; each deaf period is told once, one still going on every time."""
        with self._lock:
            deaf, self._over = self._over, None
            if self.shut_at is not None and self.shut_at < now:
                deaf = Blind(start=deaf.start if deaf else self.shut_at, end=now)
            return Ears(patience=self.patience, deaf=deaf, ahead=self._ahead(now))

    def _ahead(self, now: int) -> int:
        before, self._looked = self._looked, (now, self.steady())
        if before is None:
            return 0
        return now - before[0] - round((self._looked[1] - before[1]) * SECOND)


def begin(store: Store, now: Callable[[], int], every: float) -> Hearing:
    """The ears of a starting server: nobody has listened since the last sweep. every: seconds between sweeps."""
    book = service_state.clock(store, now())
    return Hearing(now=now, patience=patience(round(every * SECOND)), shut_at=book.alive if book.version else None)
