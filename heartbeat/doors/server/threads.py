"""Threads that do something over and over: sweep, deliver, keep house."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from heartbeat.errors import WorldError
from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.telemetry import Log

AFTER_TROUBLE = 1.0
"""Seconds until the next try after something went wrong."""


class Chore:
    """Calls `step` in a thread of its own; `step` returns how many seconds to wait, unless somebody wakes it earlier.

    Errors are logged, and the work goes on: that the world is in the way is said once, and once more when it is back.
    """

    def __init__(self, name: str, step: Callable[[], float], log: Log) -> None:
        self.name, self._step, self._log = name, step, log
        self._wake = threading.Event()
        self._stopping = False
        self.trouble = ""
        """What is in the way, "" if nothing is."""
        self.waits = False
        """Whether it has nothing to do."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Stop waiting."""
        self._wake.set()

    def stop(self) -> None:
        """Begin nothing new. What is under way continues: see `join`."""
        self._stopping = True
        self._wake.set()

    def join(self, seconds: float) -> bool:
        """Wait for what is under way; returns whether it ended in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping:
            seconds = self._once()
            self.waits = True
            self._wake.wait(seconds)
            self.waits = False
            if not self._stopping:
                self._wake.clear()

    def _once(self) -> float:
        try:
            wait = self._step()
        except WorldError as problem:
            if not self.trouble:
                self._log.tell(Happened.HINDERED, chore=self.name, error=problem)
            self.trouble = str(problem)
        except Exception as problem:  # noqa: BLE001 - a door: the thread must outlive whatever one step ran into
            self._log.crash(self.name, problem)
        else:
            self.trouble = ""
            return wait
        return AFTER_TROUBLE
