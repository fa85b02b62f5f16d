"""The ping function."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.ping_work import Pings
from heartbeat.doors.lambdas.table import now, open_table
from heartbeat.settings import read_stack

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK = read_stack(os.environ)
STORE = open_table(STACK)
PINGS = Pings(STORE, STACK.ping_keys, STACK.jobs, Journal(STACK.name, time.time), now)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """A request to the function URL."""
    return PINGS.answer(event)
