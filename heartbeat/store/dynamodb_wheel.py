"""The timer wheel in the table: which jobs somebody has to look at, by time. How it lies there: `dynamodb_items`."""

from __future__ import annotations

from heapq import merge
from typing import TYPE_CHECKING

from heartbeat.store import dynamodb_items as lay

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from heartbeat.store.dynamodb_call import Item, Patient

PUSHED_MAX = 200_000
"""Rows pushed on that this process remembers; what it has forgotten it writes once more."""


class Wheel:
    """The rows of one table. shards: into how many partitions a span's rows go."""

    def __init__(self, call: Patient, table: str, shards: int) -> None:
        self._call, self._table, self._shards = call, table, shards
        self._pushed: dict[str, int] = {}
        self._known_shards: int | None = None

    def read(self, since: int, now: int) -> Iterator[str]:
        """The slugs of the rows from `since` to `now`, earliest first, each once, true or not."""
        seen: set[str] = set()
        for span in range(since // lay.SPAN, now // lay.SPAN + 1):
            first, last = max(since - span * lay.SPAN, 0), min(now - span * lay.SPAN, lay.SPAN - 1)
            shards = [self._query(span, shard, first, last) for shard in range(self.all_shards())]
            for item in merge(*shards, key=_sort_key):
                slug = _sort_key(item).partition("#")[2]
                if slug not in seen:
                    seen.add(slug)
                    yield slug

    def _query(self, span: int, shard: int, first: int, last: int) -> Iterator[Item]:
        values = {
            ":pk": {"S": lay.due_partition(span, shard)},
            ":first": {"S": lay.due_place(first)},
            ":end": {"S": lay.due_place(last + 1)},  # no row is equal to it: a slug follows in each
        }
        keys = "pk = :pk AND sk BETWEEN :first AND :end"
        return self._call.items(
            {"TableName": self._table, "KeyConditionExpression": keys, "ExpressionAttributeValues": values}
        )

    def put(self, dues: Mapping[str, int]) -> None:
        """Write a row for each of these jobs."""
        self._call.put_all(self._table, [lay.due_item(slug, due, self._shards) for slug, due in dues.items()])

    def push(self, dues: Mapping[str, int]) -> None:
        """Write the next rows of jobs that were met where nobody need look yet.

        The overlap of two sweeps shows a row again: what this process has pushed on already is not written twice.
        """
        new = {slug: due for slug, due in dues.items() if self._pushed.get(slug) != due}
        self.put(new)
        if len(self._pushed) > PUSHED_MAX:
            self._pushed.clear()
        self._pushed |= new

    def lacking(self, dues: Mapping[str, int]) -> dict[str, int]:
        """Those of these jobs that have no row at this instant."""
        rows = {slug: lay.due_item(slug, due, self._shards) for slug, due in dues.items()}
        wanted = {slug: lay.key(row["pk"]["S"], row["sk"]["S"]) for slug, row in rows.items()}
        found = {item["pk"]["S"] + item["sk"]["S"] for item in self._call.batch(self._table, list(wanted.values()))}
        return {slug: dues[slug] for slug, at in wanted.items() if at["pk"]["S"] + at["sk"]["S"] not in found}

    def all_shards(self) -> int:
        """How many shards may hold rows: as many as a process that reads was ever set to, so that fewer do no harm."""
        if self._known_shards is None:
            item = self._call(
                "GetItem", {"TableName": self._table, "Key": lay.shards_key(), "ConsistentRead": True}
            ).get("Item")
            before = lay.read_number(item, "shards") if item else 1
            if before < self._shards:
                self._announce()
            self._known_shards = max(before, self._shards)
        return self._known_shards

    def _announce(self) -> None:
        count = lay.number(self._shards)
        fewer = "attribute_not_exists(pk) OR shards < :shards"
        self._call.stored(
            "PutItem",
            {
                "TableName": self._table,
                "Item": {**lay.shards_key(), "shards": count},
                "ConditionExpression": fewer,
                "ExpressionAttributeValues": {":shards": count},
            },
        )


def _sort_key(item: Item) -> str:
    return str(item["sk"]["S"])
