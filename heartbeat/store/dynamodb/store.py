"""The store in one DynamoDB table. `protocol` has the contract, `items` the layout.

An on-time ping is two small writes and no transaction: the job, guarded by its version, then its log row (a crash
between the two loses only that line of history; the next commit writes one that was throttled).
A change with several parts is one transaction.

Rows that say when to look (the wheel, the outbox) are written before what they point to, so that a crash leaves one too
many and never one too few; readers trust only the job and the delivery themselves.
"""

from __future__ import annotations

import time
from contextlib import suppress
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from heartbeat.model import DAY, NEVER, SECOND, Commit, Document, Mark, Snapshot
from heartbeat.store import rows
from heartbeat.store.dynamodb import items as lay
from heartbeat.store.dynamodb.call import BATCH_MAX, Lines, Patient, Refused
from heartbeat.store.dynamodb.due import Search
from heartbeat.store.dynamodb.parallel import Hands
from heartbeat.store.dynamodb.wheel import Wheel
from heartbeat.store.dynamodb.writes import WritePlan, is_plain, plan, update_job
from heartbeat.store.protocol import HISTORY_READ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from heartbeat.model import Change, Delivery, Due, Entry, Job
    from heartbeat.store.dynamodb.call import DynamoDBCall, Item

PAGE = 100
"""Lines of history in one read."""
MARGIN = 30 * SECOND
"""No row is written for an instant sooner than this: by then it is written, however slow the network and
however wrong a clock, and no sweep, whose mark is never ahead of its own clock, has passed it."""
RETENTION = 90 * DAY


class Scrubbed(Struct, frozen=True, kw_only=True):
    """last: the last job looked at, "" when there are no more; written: how many rows were written."""

    last: str
    written: int


class DynamoDBStore:
    """Jobs, history, outbox and documents in one table.

    table: its name; call: reaches DynamoDB; shards: partitions for each span's due rows (may be raised,
    never lowered); retention: how long entries and finished deliveries are kept; hands: requests that may run
    at once (`call` must then be thread-safe); clock: milliseconds since the epoch, for MARGIN; sleep:
    waits between attempts.
    """

    def __init__(  # noqa: PLR0913 - all but two have a default
        self,
        table: str,
        call: DynamoDBCall,
        *,
        shards: int = 1,
        retention: int = RETENTION,
        hands: int = 1,
        clock: Callable[[], int] = lambda: 0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table, self._shards, self._retention = table, shards, retention
        self._call = Patient(call, sleep)
        self._clock = clock
        self._lines = Lines(self._call, table)
        self._wheel = Wheel(self._call, table, shards)
        self._hands = Hands(hands)
        self._search = Search(table, self._call, self._wheel, self._hands, self._names)

    def load(self, slugs: Sequence[str]) -> dict[str, Snapshot]:
        """See Store.load."""
        snapshots = [_snapshot(item) for item in self._items(slugs) if _version(item)]
        return {snapshot.job.slug: snapshot for snapshot in snapshots}

    def left(self, slugs: Sequence[str]) -> dict[str, Snapshot]:
        """See Store.left."""
        gone = [_snapshot(item) for item in self._items(slugs) if "job_state" in item and not _version(item)]
        return {snapshot.job.slug: snapshot for snapshot in gone}

    def page(self, after: str, limit: int) -> list[Snapshot]:
        """See Store.page."""
        return list(islice(self._jobs(after, limit), limit))

    def declared(self, source: str, slugs: Sequence[str]) -> dict[str, Job]:  # noqa: ARG002 - no index has owners
        """See Store.declared: all jobs there are."""
        return {snapshot.job.slug: snapshot.job for snapshot in self._jobs("", PAGE)}

    def slug_of(self, uuid: str) -> str | None:
        """See Store.slug_of."""
        found = self._get(lay.uuid_key(uuid))
        return lay.read_text(found, "slug") if found else None

    def names(self, after: str, limit: int) -> list[str]:
        """See Store.names."""
        return list(islice(self._names(after, limit), limit))

    def due(self, since: Mark, now: int, limit: int) -> Due:
        """See Store.due. Returns only jobs that really are due.

        An on-time signal moves its job's `due` and leaves the row where it was. Such rows are moved here.
        """
        if since.at > now:  # another machine's clock was ahead
            since = Mark(at=now - lay.SPAN)
        return self._search.due(since, now, limit)

    def commit(self, changes: Sequence[Change]) -> list[Commit]:
        """See Store.commit. A change with more than about 95 deliveries and documents is refused (CallerError)."""
        self._lines.pay()
        kept = self._hands.each_change(self._commit, changes)
        return [Commit.STORED if stored else Commit.STALE for stored in kept]

    def history(self, slug: str, limit: int, slot: int | None = None, since: int | None = None) -> list[Entry]:
        """See Store.history."""
        entries = self._entries(slug, limit if slot is None else HISTORY_READ, since)
        return list(islice((entry for entry in entries if slot in {None, entry.slot}), limit))

    def outbox(self, now: int, limit: int) -> list[Delivery]:
        """See Store.outbox."""
        return list(islice(self._waiting(now), limit))

    def scrub(self, after: str, now: int, limit: int) -> Scrubbed:
        """Check that the wheel has rows for up to `limit` jobs that sort after `after`, and write those it lacks.

        Each job should have a row at its `due`, or an earlier one that will be moved. We cannot tell which, so
        a row missing at `due` is written. Then nothing is lost, whatever happened to the wheel.
        """
        snapshots = self.page(after, limit)
        wanted = {s.job.slug: max(s.due, now + MARGIN) for s in snapshots if s.due < NEVER}
        lacking = self._wheel.lacking(wanted)
        self._wheel.put(lacking)
        last = snapshots[-1].job.slug if len(snapshots) == limit else ""
        return Scrubbed(last=last, written=len(lacking))

    def deliveries(self, incident: str) -> list[Delivery]:
        """See Store.deliveries."""
        found = [_delivery(item) for item in self._query(f"incident#{incident}")]
        return sorted(found, key=lambda delivery: (delivery.created_at, delivery.id))

    def document(self, name: str) -> Document:
        """See Store.document."""
        found = self._get(lay.document_key(name))
        value = rows.DOCUMENT.load(lay.read_text(found, "body"), name) if found else None
        return Document(name=name, version=_version(found), value=value)

    def purge(self, before: int, limit: int) -> int:  # noqa: ARG002 - the table's time to live does it
        """See Store.purge: rows expire by themselves."""
        return 0

    def close(self) -> None:
        """See Store.close: the connections belong to whoever gave us `call`."""
        self._hands.close()

    # Reading

    def _get(self, where: Item) -> Item:
        answer = self._call("GetItem", {"TableName": self._table, "Key": where, "ConsistentRead": True})
        found: Item = answer.get("Item", {})
        return found

    def _items(self, slugs: Sequence[str]) -> list[Item]:
        keys = [lay.job_key(slug) for slug in slugs]
        return [self._get(keys[0])] if len(keys) == 1 else self._batch(keys)

    def _batch(self, keys: list[Item]) -> list[Item]:
        return self._call.batch(self._table, keys)

    def _query(self, pk: str, condition: str = "", value: str = "", **more: Any) -> Iterator[Item]:  # noqa: ANN401 - as JSON
        values = {":pk": {"S": pk}, **({":sk": {"S": value}} if condition else {}), **more.pop("values", {})}
        keys = {"KeyConditionExpression": f"pk = :pk{condition}", "ExpressionAttributeValues": values}
        return self._call.items({"TableName": self._table, **keys, **more})

    def _names(self, after: str, limit: int) -> Iterator[str]:
        condition = " AND sk > :sk" if after else ""  # DynamoDB: keys may not even be compared with an empty string
        return (item["sk"]["S"] for item in self._query("jobs", condition, after, Limit=limit))

    def _jobs(self, after: str, limit: int) -> Iterator[Snapshot]:
        """All jobs whose slug sorts after this one, by slug; `limit` is how many to fetch at once."""
        for slugs in _chunks(self._names(after, limit), limit):
            found = self.load(slugs)
            yield from (found[slug] for slug in slugs if slug in found)

    def _entries(self, slug: str, most: int, since: int | None) -> Iterator[Entry]:
        items = self._query(f"log#{slug}", ScanIndexForward=False, Limit=min(most, PAGE))
        texts = (text["S"] for item in items for text in reversed(item["body"]["L"]))
        return islice(rows.read_back(texts, slug, since), most)

    def _waiting(self, now: int) -> Iterator[Delivery]:
        shards = range(self._wheel.all_shards())
        queries = [self._query(f"outbox#{shard}", " AND sk < :sk", f"{now + 1:016}") for shard in shards]
        for rows_ in _chunks(merge(*queries, key=lay.sort_key)):
            found = {item["sk"]["S"]: item for item in self._batch([_target(row) for row in rows_])}
            for row in rows_:
                delivery = found.get(row["delivery"]["S"])
                if delivery and row["sk"]["S"].startswith(f"{lay.read_number(delivery, 'due'):016}#"):
                    yield _delivery(delivery)
                elif delivery and _version(delivery) >= _version(row):
                    self._forget(row, _version(row))

    # Writing

    def _commit(self, change: Change) -> bool:
        if is_plain(change):
            return self._commit_plain(change)
        planned = self._plan(change)
        if planned is None:
            return False
        self._prepare(change, planned)
        if not self._call.stored(*planned.request(self._table)):
            return False
        for row in planned.outdated:
            self._forget(row, _version(row))
        return True

    def _commit_plain(self, change: Change) -> bool:
        self._look_at(change)
        returned = {"ReturnValues": "ALL_NEW", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        request = {"TableName": self._table, **returned, **update_job(change)}
        try:
            stored: Item = self._call("UpdateItem", request)["Attributes"]
        except Refused as refused:
            if not refused.is_stale:
                raise
            if not _is_ours(refused.item, request):
                return False
            stored = refused.item  # an earlier attempt had made it, but its answer was lost
        for item in lay.log_items(change, lay.read_number(stored, "life"), self._retention):
            self._lines.write(item)
        return True

    def _plan(self, change: Change) -> WritePlan | None:
        job = self._get(lay.job_key(change.slug)) if change.slug else {}
        known = [delivery for delivery in change.deliveries if delivery.version > 1]
        items = self._batch([lay.delivery_key(each.alert.incident, each.id) for each in known])
        return plan(change, job, {item["sk"]["S"]: item for item in items}, self._shards, self._retention)

    def _prepare(self, change: Change, planned: WritePlan) -> None:
        self._look_at(change)
        for row in planned.waiting:
            # A slow loser must not overwrite a newer row at the same instant with its old version.
            older = {"ConditionExpression": "attribute_not_exists(pk) OR ver <= :ver"}
            values = {"ExpressionAttributeValues": {":ver": row["ver"]}}
            self._call.stored("PutItem", {"TableName": self._table, "Item": row, **older, **values})

    def _look_at(self, change: Change) -> None:
        """Write the wheel's row. One for the past, or for now, goes where the next sweep will still find it."""
        if change.due is not None and change.due < NEVER:
            heard = (entry.signal.received for entry in change.entries if entry.signal)
            self._wheel.put({change.slug: max(change.due, self._clock() + MARGIN if self._clock() else 0, *heard)})

    def _forget(self, row: Item, version: int) -> None:
        """Delete an outdated outbox row, unless it has been written anew."""
        where = {"Key": {name: row[name] for name in ("pk", "sk")}, "ConditionExpression": "ver <= :ver"}
        values = {"ExpressionAttributeValues": {":ver": lay.number(version)}}
        with suppress(Refused):  # it does no harm; whoever sees it next tries again
            self._call("DeleteItem", {"TableName": self._table, **where, **values})


def _chunks(items: Iterable[Any], size: int = BATCH_MAX) -> Iterator[list[Any]]:
    rest = iter(items)
    while chunk := list(islice(rest, min(size, BATCH_MAX))):
        yield chunk


def _version(item: Item) -> int:
    return lay.read_number(item, "ver") if item else 0


def _is_ours(item: Item, request: dict[str, Any]) -> bool:
    """Whether an earlier attempt at this very request left the item as it is."""
    return bool(item) and item.get("nonce") == request["ExpressionAttributeValues"][":nonce"]


def _target(row: Item) -> Item:
    return lay.delivery_key(lay.read_text(row, "incident"), lay.read_text(row, "delivery"))


def _snapshot(item: Item) -> Snapshot:
    slug = item["pk"]["S"].removeprefix("job#")
    return Snapshot(
        job=rows.load_job(lay.read_text(item, "body"), slug),
        state=rows.STATE.load(lay.read_text(item, "job_state"), slug),
        due=lay.read_number(item, "due") if "due" in item else NEVER,
        uuid=item.get("uid", {}).get("S", ""),
    )


def _delivery(item: Item) -> Delivery:
    return rows.DELIVERY.load(lay.read_text(item, "body"), item["sk"]["S"])
