"""What every HTTP door does with a ping: check the key, read it, word the answer."""

from __future__ import annotations

import hmac
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

from heartbeat.doors.http.lately import Lately
from heartbeat.ingest import ping as ingest
from heartbeat.model import BODY_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class PingOutcome(StrEnum):
    """How a ping ended."""

    STORED = "stored"
    CREATED = "created"
    UNKNOWN = "unknown"
    BUSY = "busy"
    BROKEN = "broken"


Reply = tuple[PingOutcome, str]
"""How a ping ended; for an unknown job also the most similar name, "" if there is none."""
BROKEN: Reply = (PingOutcome.BROKEN, "")


SIZE_MAX = 16 << 20
"""Bytes of a body that we read (and discard after the first 10,000); more is refused."""
HEAD_MAX, HEADERS_MAX = 64_000, 100
"""Bytes of a request's address and headers, and the number of headers."""
TARGETS_MAX = 50_000
"""Paths to remember. Any uuid may be right: only the core knows the jobs."""
RETRY_AFTER = 2
"""Seconds to name in Retry-After."""

TEXT = b"text/plain; charset=utf-8"
COMMON = (
    (b"ping-body-limit", b"%d" % BODY_MAX),
    (b"access-control-allow-origin", b"*"),
    (b"cache-control", b"max-age=0, no-cache, no-store, must-revalidate, private"),
    (b"x-content-type-options", b"nosniff"),
)


class PingAnswer:
    """An HTTP answer: `headers` and `body` for ASGI, `wire` for the fast path."""

    __slots__ = ("body", "headers", "line", "status", "tail")

    def __init__(self, status: int, text: str, *extra: tuple[bytes, bytes], content_type: bytes = TEXT) -> None:
        self.status, self.body = status, text.encode()
        length = b"%d" % len(self.body)
        self.headers = [(b"content-type", content_type), (b"content-length", length), *COMMON, *extra]
        self.line = b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode())
        self.tail = b"".join(b"%s: %s\r\n" % header for header in self.headers)

    def wire(self, date: bytes, *, head: bool, close: bool) -> bytes:
        """The bytes to send."""
        last = b"connection: close\r\n\r\n" if close else b"\r\n"
        return b"".join((self.line, date, self.tail, last, b"" if head else self.body))


RETRY = (b"retry-after", b"%d" % RETRY_AFTER)
OK = PingAnswer(200, "OK")
NO_PING = PingAnswer(
    200, "", (b"access-control-allow-methods", b"GET, HEAD, POST"), (b"access-control-allow-headers", b"*")
)
"""To OPTIONS: a browser asks before it pings, and asking is not running."""
NOT_FOUND = PingAnswer(404, "not found")
TOO_LARGE = PingAnswer(413, f"body too large: send at most {SIZE_MAX >> 20} MB; the first {BODY_MAX} bytes are kept")
HEAD_TOO_LARGE = PingAnswer(431, f"headers too large: send at most {HEAD_MAX // 1000} kB and {HEADERS_MAX} headers")
ANSWERS = {
    PingOutcome.STORED: OK,
    PingOutcome.CREATED: PingAnswer(201, "Created"),
    PingOutcome.UNKNOWN: NOT_FOUND,
    PingOutcome.BUSY: PingAnswer(503, "busy: not recorded, send it again", RETRY),
    PingOutcome.BROKEN: PingAnswer(500, "unexpected error: not recorded, see the server's log"),
}
REFUSALS = {
    ingest.NOT_FOUND: NOT_FOUND,
    ingest.BAD_URL: PingAnswer(400, ingest.BAD_URL.text),
    ingest.BAD_UUID: PingAnswer(400, ingest.BAD_UUID.text),
}


def head_fits(url: int, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether an address of this many bytes and these headers are within the limits."""
    if len(headers) > HEADERS_MAX:
        return False
    return url + sum(len(name) + len(value) for name, value in headers) <= HEAD_MAX


def worded(outcome: PingOutcome, nearest: str) -> PingAnswer:
    """The answer to a ping with this outcome; nearest: the name that an unknown one may have meant, or ""."""
    if not nearest:
        return ANSWERS[outcome]
    return PingAnswer(404, "not found", (b"heartbeat-hint", b"did you mean %s?" % nearest.encode()))


class Gate:
    """Lets pings in. keys: the ping keys in force; now: milliseconds since the epoch."""

    def __init__(self, keys: Sequence[str], now: Callable[[], int]) -> None:
        self.now = now
        self.rekey(keys)

    def rekey(self, keys: Sequence[str]) -> None:
        """From now on these are in force. What was let in by another key is forgotten."""
        self._keys = [key.encode() for key in keys]
        self._targets: Lately[bytes, ingest.PingTarget] = Lately(TARGETS_MAX)

    def read(self, path: bytes, query: bytes, ident: bytes, body: bytes) -> ingest.Ping | PingAnswer:
        """The ping in a request, or the answer if there is none."""
        target = self._targets.get(path) or self._target(path)
        if isinstance(target, ingest.Refusal):
            return REFUSALS[target]
        ping = ingest.read(target, query, ident=ident, body=body, received=self.now())
        return REFUSALS[ping] if isinstance(ping, ingest.Refusal) else ping

    def _target(self, path: bytes) -> ingest.PingTarget | ingest.Refusal:
        target = ingest.target(path)
        if isinstance(target, ingest.Refusal):
            return target
        if not target.uuid and not self.is_key(target.key.encode("utf-8", "replace")):
            return ingest.NOT_FOUND
        self._targets.keep(path, target)
        return target

    def is_key(self, given: bytes) -> bool:
        """Whether this is a ping key. All keys are compared, in constant time, so the time taken reveals nothing."""
        return sum(hmac.compare_digest(given, key) for key in self._keys) > 0
