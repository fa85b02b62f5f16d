"""Sentry's envelope: a line of JSON, then items, each a line of JSON and a payload.

Source: develop.sentry.dev, "Envelopes".
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from heartbeat.ingest.written import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.ingest.compat.request import CompatRequest

UNPACKED_MAX = 4 << 20
"""Maximum bytes: a small body must not unpack to a huge one."""
HEADER_MAX = 16_384
"""Bytes of the envelope's first line."""
ITEMS_MAX = 1_000
CHECK_INS_MAX = 50
_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's wbits: 31 is gzip with its header, 15 is zlib's own."""


class BadEnvelope(Exception):
    """A body that cannot be read. status: HTTP's."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def unpacked(request: CompatRequest, most: int = UNPACKED_MAX) -> bytes:
    """The body, decompressed. Raises BadEnvelope."""
    body, more = _unpacked(request, most)
    if more:
        raise BadEnvelope(f"the body has more than {most >> 20} MB when it is unpacked", 413)
    return body


def header(request: CompatRequest) -> dict[str, Any]:
    """The envelope's first line, unpacking no more than it needs. Raises BadEnvelope."""
    body, _ = _unpacked(request, HEADER_MAX)
    return _object(body[:HEADER_MAX].partition(b"\n")[0], "the envelope's first line")


def _unpacked(request: CompatRequest, most: int) -> tuple[bytes, bool]:
    """The first bytes of the body, decompressed, and whether there are more."""
    how = request.headers.get("content-encoding", "identity").strip().lower()
    if how in {"", "identity"}:
        return request.body, False
    if how not in _WINDOWS:
        raise BadEnvelope(f"content-encoding {how[:40]!r} is not understood; send gzip", 415)
    unpack = zlib.decompressobj(_WINDOWS[how])
    try:
        body = unpack.decompress(request.body, most)
    except zlib.error as problem:
        raise BadEnvelope(f"the body is no {how} ({problem})") from None
    if not unpack.eof and not unpack.unconsumed_tail:
        raise BadEnvelope(f"the body is no {how} (it ends too early)")
    return body, bool(unpack.unconsumed_tail)


def check_ins(body: bytes) -> list[dict[str, Any]]:
    """The envelope's check-ins; other items are ignored. Raises BadEnvelope."""
    line, _, rest = body.partition(b"\n")
    _object(line, "the envelope's first line")
    payloads = [payload for kind, payload in _items(rest) if kind == "check_in"]
    if len(payloads) > CHECK_INS_MAX:
        raise BadEnvelope(f"an envelope has {len(payloads)} check-ins; send at most {CHECK_INS_MAX} in one", 413)
    return [_object(payload, "a check-in") for payload in payloads]


def _items(rest: bytes) -> Iterator[tuple[str, bytes]]:
    start = 0
    for _ in range(ITEMS_MAX):
        end = _end_of_line(rest, start)
        if not (line := rest[start:end].strip()):
            if end >= len(rest):
                return
            start = end + 1
            continue
        header, start = _object(line, "an item's header"), end + 1
        length = header.get("length")
        if isinstance(length, int) and not isinstance(length, bool) and length >= 0:
            end = min(start + length, len(rest))
        else:  # without a length, it extends to the end of the line
            end = _end_of_line(rest, start)
        yield str(header.get("type", "")), rest[start:end]
        start = end + 1


def _end_of_line(text: bytes, start: int) -> int:
    end = text.find(b"\n", start)
    return len(text) if end < 0 else end


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        value = parsed(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise BadEnvelope(f"{what} is no JSON object")
    return value
