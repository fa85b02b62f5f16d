"""The timer wheel in the table: which jobs somebody must look at, by time. `items` has the layout."""

from __future__ import annotations

from heapq import merge
from typing import TYPE_CHECKING

from msgspec import Struct

from heartbeat.model import Mark
from heartbeat.store.dynamodb import items as lay

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from heartbeat.store.dynamodb.call import Item, Patient

AFTER_ROW = "after-row#"
"""Prefix of a mark's key just behind a row; the row's job follows."""


class WheelRow(Struct, frozen=True, kw_only=True):
    """At this instant somebody must look at the job."""

    at: int
    slug: str

    def behind(self) -> Mark:
        """The mark of a search that has looked at everything up to this row."""
        return Mark(at=self.at, key=AFTER_ROW + self.slug)


class Wheel:
    """One table's rows. shards: partitions for each span's rows."""

    def __init__(self, call: Patient, table: str, shards: int) -> None:
        self._call, self._table, self._shards = call, table, shards
        self._known_shards: int | None = None

    def rows(self, since: Mark, now: int) -> Iterator[WheelRow]:
        """The rows from `since` to `now`, in order, outdated ones included."""
        place = (since.at, since.key.removeprefix(AFTER_ROW)) if since.key.startswith(AFTER_ROW) else (since.at, "")
        for span in range(since.at // lay.SPAN, now // lay.SPAN + 1):
            begin = span * lay.SPAN
            first, slug = place if place[0] >= begin else (begin, "")
            last = min(now - begin, lay.SPAN - 1)
            shards = [self._query(span, shard, _after(first - begin, slug), last) for shard in range(self.all_shards())]
            for item in merge(*shards, key=lay.sort_key):
                offset, _, name = lay.sort_key(item).partition("#")
                yield WheelRow(at=begin + int(offset), slug=name)

    def _query(self, span: int, shard: int, first: str, last: int) -> Iterator[Item]:
        values = {
            ":pk": {"S": lay.due_partition(span, shard)},
            ":first": {"S": first},
            ":end": {"S": lay.due_place(last + 1)},  # no row equals it: a slug follows in each
        }
        keys = "pk = :pk AND sk BETWEEN :first AND :end"
        return self._call.items(
            {"TableName": self._table, "KeyConditionExpression": keys, "ExpressionAttributeValues": values}
        )

    def put(self, dues: Mapping[str, int]) -> None:
        """Write a row for each of these jobs."""
        self._call.put_all(self._table, [lay.due_item(slug, due, self._shards) for slug, due in dues.items()])

    def lacking(self, dues: Mapping[str, int]) -> dict[str, int]:
        """Those of these jobs that have no row at their instant."""
        rows = {slug: lay.due_item(slug, due, self._shards) for slug, due in dues.items()}
        wanted = {slug: lay.key(row["pk"]["S"], row["sk"]["S"]) for slug, row in rows.items()}
        found = {item["pk"]["S"] + item["sk"]["S"] for item in self._call.batch(self._table, list(wanted.values()))}
        return {slug: dues[slug] for slug, at in wanted.items() if at["pk"]["S"] + at["sk"]["S"] not in found}

    def all_shards(self) -> int:
        """How many shards may hold rows: the most that any reader was ever set to, so lowering the number is safe."""
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


def _after(offset: int, slug: str) -> str:
    """A key between this row and the next: a space sorts before everything that a name may contain."""
    return f"{lay.due_place(offset)}#{slug} " if slug else lay.due_place(offset)
