"""Messages of an SQS queue as runs: `heartbeat worker`, `heartbeat exec --sqs`, and `work` for functions in Python."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heartbeat.worker.execution import Later
    from heartbeat.worker.stopping import Stopped
    from heartbeat.worker.worker import Terms, work

__all__ = ["Later", "Stopped", "Terms", "work"]
_HOMES = {"Later": "execution", "Stopped": "stopping", "Terms": "worker", "work": "worker"}


def __getattr__(name: str) -> object:
    if name in _HOMES:  # the launcher on AWS only needs to read messages
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(name)
