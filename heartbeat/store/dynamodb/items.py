"""What is in the DynamoDB table: string keys `pk` and `sk`, read only by Query, GetItem and BatchGetItem.

| pk                | sk               | holds                                                                        |
| ----------------- | ---------------- | ---------------------------------------------------------------------------- |
| job#SLUG          | job              | definition, state, version, due, uuid, life; version 0: a removed job left it |
| jobs              | SLUG             | nothing: the list of all jobs, written when a job is made or removed         |
| uuid#UUID         | uuid             | the slug                                                                     |
| log#SLUG          | LIFE#N#...       | the entries of one change                                                    |
| due#SPAN#SHARD    | MS#SLUG          | nothing: the timer wheel                                                     |
| wheel             | shards           | into how many shards rows may have been put                                  |
| incident#INCIDENT | DELIVERY         | the delivery                                                                 |
| outbox#SHARD      | NEXT_AT#DELIVERY | the delivery's incident and version: what waits, by time                     |
| document#NAME     | document         | the document                                                                 |

LIFE is the job's life (`State.life`; for states without one, how often a job of this name was made): no old entry may
be overwritten. A removed job leaves its item behind, which expires a week after its history.
All jobs are listed in one partition: it takes a thousand new jobs a second and reads in order, while a Scan has no
order and would also read every log row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from heartbeat.errors import CallerError, StoreCorrupt
from heartbeat.model import DAY, MINUTE, NEVER, SECOND
from heartbeat.store import rows
from heartbeat.store.dynamodb.call import EXPIRES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heartbeat.model import Change, Delivery, Document, Entry, Job, State
    from heartbeat.store.dynamodb.call import Item

SPAN = 10 * MINUTE
"""Time span of one wheel partition: a sweep, once a minute with some overlap, reads one or two."""
WHEEL_KEPT = 3 * DAY
"""How long after its time a wheel row expires."""
LEFT_KEPT = 7 * DAY
"""How much longer than its history we keep what a removed job left."""
TEXT_MAX = 190_000
"""Bytes of one text in an item: two of them (definition and state) stay below DynamoDB's 400 kB."""
PART_MAX = 300_000
"""Bytes of entries in one log item."""


def key(pk: str, sk: str) -> Item:
    """The key of an item."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def job_key(slug: str) -> Item:
    """Where a job is stored."""
    return key(f"job#{slug}", "job")


def listed_key(slug: str) -> Item:
    """Where a job is listed by name."""
    return key("jobs", slug)


def uuid_key(uuid: str) -> Item:
    """Where a uuid leads to its job."""
    return key(f"uuid#{uuid}", "uuid")


def document_key(name: str) -> Item:
    """Where a document is stored."""
    return key(f"document#{name}", "document")


def delivery_key(incident: str, name: str) -> Item:
    """Where a delivery is stored: its id belongs to one incident."""
    return key(f"incident#{incident}", name)


def shards_key() -> Item:
    """Where we record how many shards may hold rows."""
    return key("wheel", "shards")


def due_partition(span: int, shard: int) -> str:
    """The partition of one span of the wheel."""
    return f"due#{span}#{shard}"


def due_place(offset: int) -> str:
    """Sort key prefix of rows this many milliseconds after the start of their span."""
    return f"{offset:06}"


def due_item(slug: str, at: int, shards: int) -> Item:
    """A wheel row: at this instant somebody must look at the job."""
    pk = due_partition(at // SPAN, shard_of(slug, shards))
    return {**key(pk, f"{due_place(at % SPAN)}#{slug}"), EXPIRES: seconds(at + WHEEL_KEPT)}


def outbox_key(delivery_id: str, next_at: int, shards: int) -> Item:
    """Where a delivery waits for its next attempt."""
    return key(f"outbox#{shard_of(delivery_id, shards)}", f"{next_at:016}#{delivery_id}")


def outbox_item(delivery: Delivery, shards: int, retention: int) -> Item:
    """A waiting delivery. It expires long after deliveries give up."""
    return {
        **outbox_key(delivery.id, delivery.next_at, shards),
        "delivery": {"S": delivery.id},
        "incident": {"S": delivery.alert.incident},
        "ver": number(delivery.version),
        EXPIRES: seconds(delivery.next_at + retention),
    }


def delivery_item(delivery: Delivery, retention: int) -> Item:
    """A delivery; it expires once it is finished."""
    expires = {EXPIRES: seconds(delivery.created_at + retention)} if delivery.next_at >= NEVER else {}
    return {
        **delivery_key(delivery.alert.incident, delivery.id),
        "ver": number(delivery.version),
        "due": number(delivery.next_at),
        "body": short(rows.dump(delivery), f"delivery {delivery.id!r}"),
        **expires,
    }


def document_item(document: Document) -> Item:
    """A document."""
    body = short(rows.dump(document.value), f"document {document.name!r}")
    return {**document_key(document.name), "ver": number(document.version), "body": body}


def left_item(change: Change, job: Item, retention: int) -> Item:
    """What a removed job leaves behind."""
    at = change.state.removed_at if change.state else None
    texts = {**job_texts(None, change.state), "body": job["body"]} if change.state else {}
    uid = {"uid": job["uid"]} if "uid" in job else {}
    expires = {} if at is None else {EXPIRES: seconds(at + retention + LEFT_KEPT)}
    return {**job_key(change.slug), "ver": number(0), "life": job["life"], **texts, **uid, **expires}


def log_items(change: Change, life: int, retention: int) -> Iterator[Item]:
    """The entries of one change: one item, or several when they are large."""
    n = max((entry.n for entry in change.entries), default=0)
    heard = max(map(rows.heard_at, change.entries), default=0)
    for part, texts in enumerate(_parts(change.entries)):
        yield {
            **key(f"log#{change.slug}", f"{life:06}#{n:012}#{heard:015}#{part:03}"),
            "body": {"L": [{"S": text} for text in texts]},
            EXPIRES: seconds(heard + retention),
        }


def _parts(entries: Sequence[Entry]) -> Iterator[list[str]]:
    texts: list[str] = []
    size = 0
    for entry in entries:
        text = rows.dump(entry)
        size += len(text.encode())
        if texts and size > PART_MAX:
            yield texts
            texts, size = [], len(text.encode())
        texts.append(text)
    if texts:
        yield texts


def job_texts(job: Job | None, state: State | None) -> Item:
    """What a change replaces in a job's item."""
    texts: Item = {}
    if state:
        texts["job_state"] = short(rows.dump(state), f"the state of {state.version}")
    if job:
        texts["body"] = short(rows.dump(job), f"the definition of {job.slug!r}")
    return texts


def short(text: str, what: str) -> dict[str, str]:
    """The text as an attribute, if it fits into an item."""
    if len(text) > TEXT_MAX // 4 and (size := len(text.encode())) > TEXT_MAX:
        raise CallerError(f"{what} takes {size} bytes; we keep at most {TEXT_MAX} of it in DynamoDB: shorten it")
    return {"S": text}


def sort_key(item: Item) -> str:
    """What orders the items of a partition."""
    return str(item["sk"]["S"])


def shard_of(name: str, shards: int) -> int:
    """The shard of a name; the same in every process."""
    return crc32(name.encode()) % shards


def number(value: int) -> dict[str, str]:
    """An integer as an attribute."""
    return {"N": str(value)}


def seconds(instant: int) -> dict[str, str]:
    """An instant as the time to live expects it."""
    return number(instant // SECOND)


def read_number(item: Item, name: str) -> int:
    """An integer attribute; raises StoreCorrupt when it is missing."""
    try:
        return int(item[name]["N"])
    except (KeyError, ValueError) as error:
        raise _corrupt(item, name) from error


def read_text(item: Item, name: str) -> str:
    """A text attribute; raises StoreCorrupt when it is missing."""
    try:
        return str(item[name]["S"])
    except KeyError as error:
        raise _corrupt(item, name) from error


def _corrupt(item: Item, name: str) -> StoreCorrupt:
    where = "/".join(item.get(part, {}).get("S", "?") for part in ("pk", "sk"))
    return StoreCorrupt(f"the item {where} has no readable {name!r}: {item.get(name)!r}")
