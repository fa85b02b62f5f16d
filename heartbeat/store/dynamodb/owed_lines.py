"""History lines whose job has already moved: throttled ones are owed, and written with the next commit."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from heartbeat.store.dynamodb.call import Refused

if TYPE_CHECKING:
    from heartbeat.store.dynamodb.call import Item, Patient

OWED_MAX = 1_000


class Lines:
    """One table's history rows, written after the job rather than with it."""

    def __init__(self, call: Patient, table: str) -> None:
        self._call, self._table = call, table
        self._owed: deque[Item] = deque(maxlen=OWED_MAX)

    def write(self, item: Item) -> None:
        """Write a line, now or with the next commit: its signal is recorded, and must not be sent again."""
        try:
            self._call("PutItem", {"TableName": self._table, "Item": item})
        except Refused as refused:
            if not refused.is_passing:
                raise
            self._owed.append(item)

    def pay(self) -> None:
        """Write what is owed."""
        for _ in range(len(self._owed)):
            self.write(self._owed.popleft())
