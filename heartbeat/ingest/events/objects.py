"""New S3 objects, as reported by EventBridge and by a bucket's own notifications.

Sources: Amazon S3 user guide, "EventBridge event message structure" and "Event message structure" (where keys are
encoded as in a query string).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from heartbeat.errors import BadSignal
from heartbeat.ingest.events.heard import Object
from heartbeat.ingest.events.shape import at, quoted, text

KEY_MAX = 1024
"""Bytes of the longest key that S3 allows."""


def created(event: dict[str, Any]) -> Object:
    """Object Created."""
    return _object(text(event, "detail", "bucket", "name"), _key(event, "detail", "object", "key")[: KEY_MAX + 1])


def notified(record: dict[str, Any]) -> Object | None:
    """One record of a bucket's notification; None when it reports no new object."""
    if not text(record, "eventName").removeprefix("s3:").startswith("ObjectCreated"):
        return None
    key = unquote_plus(_key(record, "s3", "object", "key"))
    return _object(text(record, "s3", "bucket", "name"), key)


def _key(value: object, *path: str) -> str:
    """A key exactly as it is, NUL and all: a different key is a different object."""
    found = at(value, *path)
    return found[: 4 * KEY_MAX].encode("utf-8", "replace").decode() if isinstance(found, str) else ""


def _object(bucket: str, key: str) -> Object:
    if not bucket or not key:
        raise BadSignal("an S3 event without bucket or key")
    if len(key.encode()) > KEY_MAX:
        raise BadSignal(f"an S3 event with a key of more than {KEY_MAX} bytes: {quoted(key)}")
    return Object(bucket=bucket, key=key)
