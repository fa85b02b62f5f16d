"""A change as DynamoDB writes. Pure: the current items are arguments."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from heartbeat.errors import CallerError
from heartbeat.model import NEVER
from heartbeat.store.dynamodb import items as lay
from heartbeat.store.dynamodb.call import BATCH_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from heartbeat.model import Change
    from heartbeat.store.dynamodb.call import Item, Request

    Write = tuple[str, Request]
    """("Put", {...}), as in TransactWriteItems, without the table."""

NONCE_LENGTH = 12


class WritePlan(Struct, frozen=True, kw_only=True):
    """writes: all or nothing; waiting: outbox rows to write first; outdated: outbox rows to delete afterwards."""

    writes: list[Write]
    waiting: list[Item]
    outdated: list[Item]

    def request(self, table: str) -> Write:
        """One request for all the writes; a single write needs no transaction."""
        writes = [(kind, {"TableName": table, **write}) for kind, write in self.writes]
        if len(writes) == 1:
            return f"{writes[0][0]}Item", writes[0][1]
        # With the token, an attempt repeated because its answer was lost does nothing the second time.
        items = [{kind: write} for kind, write in writes]
        return "TransactWriteItems", {"TransactItems": items, "ClientRequestToken": str(uuid.uuid4())}


def is_plain(change: Change) -> bool:
    """Whether the change only updates a job, with at most one history line: that needs no read and no transaction."""
    conditional = change.deliveries or change.documents or change.remove or not change.expected
    return bool(change.slug) and not conditional and len(change.entries) <= 1


def plan(change: Change, job: Item, deliveries: Mapping[str, Item], shards: int, retention: int) -> WritePlan | None:
    """The writes of a change, given the current job and deliveries; None when it is already stale."""
    if _is_stale(change, job, deliveries):
        return None
    writes = [*_job_writes(change, job, retention), *_other_writes(change, retention)]
    if len(writes) > BATCH_MAX:
        raise CallerError(
            f"a change of {len(writes)} items is more than DynamoDB takes at once ({BATCH_MAX}): split it"
        )
    waiting = [lay.outbox_item(new, shards, retention) for new in change.deliveries if new.next_at < NEVER]
    still = {row["sk"]["S"] for row in waiting}
    was = (_outbox_row(old, shards) for old in deliveries.values() if int(old["due"]["N"]) < NEVER)
    return WritePlan(writes=writes, waiting=waiting, outdated=[row for row in was if row["sk"]["S"] not in still])


def update_job(change: Change) -> Request:
    """Update the job if it is at the expected version. `nonce` tells this commit from all others."""
    texts = lay.job_texts(change.job, change.state)
    look = change.look if change.due is None else change.due
    due = {} if look is None else {"due": lay.number(look)}
    version = change.state.version if change.state else change.expected
    given: Item = {"ver": lay.number(version), "nonce": {"S": uuid.uuid4().hex[:NONCE_LENGTH]}, **texts, **due}
    return {
        "Key": lay.job_key(change.slug),
        "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in given),
        **_if_version(change.expected, {f":{name}": value for name, value in given.items()}),
    }


def _is_stale(change: Change, job: Item, deliveries: Mapping[str, Item]) -> bool:
    version = int(job["ver"]["N"]) if job else 0
    if version != change.expected or (change.remove and not version):
        return True
    known = (delivery for delivery in change.deliveries if delivery.version > 1)
    return any(_delivery_version(deliveries.get(new.id)) != new.version - 1 for new in known)


def _delivery_version(item: Item | None) -> int:
    return int(item["ver"]["N"]) if item else 0


def _job_writes(change: Change, job: Item, retention: int) -> Iterator[Write]:
    if not change.slug:
        return
    life = int(job["life"]["N"]) if job else 0
    if change.remove:
        yield from _remove(change, job, retention)
    elif change.expected:
        yield "Update", update_job(change)
    else:
        life = change.state.life or life + 1 if change.state else life + 1
        yield from _create(change, job, life)
    yield from (("Put", {"Item": item}) for item in lay.log_items(change, life, retention))


def _create(change: Change, left: Item, life: int) -> Iterator[Write]:
    """left: what the last job of this name left behind, if there was one."""
    if change.job is None or change.state is None:
        raise ValueError(f"a change that makes {change.slug!r} needs its definition and its state")
    uid: Item = {"uid": {"S": change.uuid}} if change.uuid else {}
    due = lay.number(NEVER if change.due is None else change.due)
    numbers: Item = {"ver": lay.number(change.state.version), "due": due, "life": lay.number(life)}
    item = {**lay.job_key(change.slug), **lay.job_texts(change.job, change.state), **numbers, **uid}
    yield "Put", {"Item": item, **(_if_version(0) if left else _if_new())}
    yield "Put", {"Item": lay.listed_key(change.slug)}
    if change.uuid:
        yield "Put", {"Item": {**lay.uuid_key(change.uuid), "slug": {"S": change.slug}}, **_if_new()}


def _remove(change: Change, job: Item, retention: int) -> Iterator[Write]:
    yield "Put", {"Item": lay.left_item(change, job, retention), **_if_version(change.expected)}
    yield "Delete", {"Key": lay.listed_key(change.slug)}
    if "uid" in job:
        yield "Delete", {"Key": lay.uuid_key(job["uid"]["S"])}


def _other_writes(change: Change, retention: int) -> Iterator[Write]:
    for delivery in change.deliveries:
        yield "Put", {"Item": lay.delivery_item(delivery, retention), **_if_next(delivery.version)}
    for document in change.documents:
        yield "Put", {"Item": lay.document_item(document), **_if_next(document.version)}


def _outbox_row(delivery: Item, shards: int) -> Item:
    """The outbox row of a delivery as it is now."""
    where = lay.outbox_key(delivery["sk"]["S"], int(delivery["due"]["N"]), shards)
    return {**where, "ver": delivery["ver"]}


def _if_next(version: int) -> Request:
    return _if_new() if version == 1 else _if_version(version - 1)


def _if_new() -> Request:
    return {"ConditionExpression": "attribute_not_exists(pk)"}


def _if_version(version: int, values: Mapping[str, Any] | None = None) -> Request:
    given = {**(values or {}), ":expected": lay.number(version)}
    return {"ConditionExpression": "ver = :expected", "ExpressionAttributeValues": given}
