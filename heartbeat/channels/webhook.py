"""An HTTP request to any URL: a JSON document (see `body`) or a template, signed when there is a secret.

    Heartbeat-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "<t>.<body>")>
    Idempotency-Key: <the same for every attempt at this message>

The receiver computes the HMAC over the raw body, compares in constant time, and refuses what is more than five minutes
old. 2xx is taken; 408, 425, 429, 5xx and network errors are tried again; what a person can mend (REFUSED, redirects:
they are not followed) slowly; every other answer is final.
"""

from __future__ import annotations

import hmac
import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from socket import SHUT_RDWR, socket
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from heartbeat.channels import body
from heartbeat.channels.addresses import Guard
from heartbeat.channels.protocol import GROUP_ABOVE
from heartbeat.errors import ChannelFailed
from heartbeat.model import SECOND
from heartbeat.wording import compose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heartbeat.channels.template import Template
    from heartbeat.model import Alert
    from heartbeat.wording import Message

TOTAL = 10.0
"""Seconds for everything after the connection stands."""
JSON = "application/json"
BODY_MAX = 1024 * 1024
RETRY = frozenset({408, 425, 429})
REFUSED = frozenset({401, 402, 403, 404, 407, 410, 421})
"""It is the address or the permission, and not this message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How a webhook is called. secret: what signs; template: the body, None for the JSON document."""

    url: str = field(repr=False)
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: str = field(default="", repr=False)
    template: Template | None = None


class Webhook:
    """Sends each message as one HTTP request on a connection of its own."""

    pace = 0
    parallel = 16
    definition = ""

    def __init__(
        self,
        name: str,
        request: Request,
        *,
        guard: Guard | None = None,
        group_above: int = GROUP_ABOVE,
        total: float = TOTAL,
    ) -> None:
        self.name, self.group_above = name, group_above
        self._request, self._guard, self._total = request, guard or Guard(), total

    def send(self, alerts: Sequence[Alert], *, key: str, now: int, receipt: str) -> str:
        """See `Channel`."""
        del receipt
        payload = self._payload(compose(alerts, now), key)
        headers = self._headers(payload, key, now)
        url = urlsplit(self._request.url)
        status, retry_after = self._exchange(url, payload, headers)
        if not 200 <= status < 300:  # noqa: PLR2004  (RFC 9110: successful)
            raise _refused(url, status, seconds(retry_after, now))
        return ""

    def _payload(self, message: Message, key: str) -> bytes:
        template = self._request.template
        if template is None:
            return body.document(message, key, BODY_MAX).encode()
        return template.fill(body.texts(message, key)).encode()

    def _headers(self, payload: bytes, key: str, now: int) -> dict[str, str]:
        own = {"User-Agent": "Heartbeat", "Content-Type": JSON}
        given = {name.title(): value for name, value in self._request.headers.items()}
        signed = {"Heartbeat-Signature": sign(self._request.secret, payload, now)} if self._request.secret else {}
        return own | given | signed | {"Idempotency-Key": _header(key), "Connection": "close"}

    def _exchange(self, url: SplitResult, payload: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Send, and answer the status and the Retry-After header."""
        host, secure = url.hostname or "", url.scheme == "https"
        port = url.port or (443 if secure else 80)
        wire = self._guard.connect(host, port, secure=secure)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = {"Host": url.netloc.rpartition("@")[2]} | headers
        watch = threading.Timer(self._total, _hang_up, [wire])
        watch.start()
        try:
            return _speak(wire, (host, port), (self._request.method, path, payload, headers))
        except (OSError, ValueError, HTTPException) as error:
            raise ChannelFailed(f"{host}:{port} did not answer ({type(error).__name__})") from None
        finally:
            watch.cancel()
            wire.close()


def sign(secret: str, payload: bytes, now: int) -> str:
    """The value of the header Heartbeat-Signature."""
    stamp = now // SECOND
    mac = hmac.new(secret.encode(), f"{stamp}.".encode() + payload, sha256)
    return f"t={stamp},v1={mac.hexdigest()}"


def seconds(retry_after: str, now: int) -> float | None:
    """A Retry-After header, seconds or a date (RFC 9110, 10.2.3), in seconds from now; None when it says nothing."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        then = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.fromtimestamp(now / SECOND, UTC)).total_seconds())


def _speak(wire: socket, whom: tuple[str, int], request: tuple[str, str, bytes, dict[str, str]]) -> tuple[int, str]:
    method, path, payload, headers = request
    wire.settimeout(TOTAL)
    connection = HTTPConnection(*whom)
    connection.sock = wire
    connection.request(method, path, payload, headers)
    answer = connection.getresponse()
    try:
        return answer.status, answer.headers.get("Retry-After", "")
    finally:
        answer.close()


def _hang_up(wire: socket) -> None:
    # The whole exchange is bounded, not only each read: a receiver may not hold us with a byte now and then.
    with suppress(OSError):
        socket.shutdown(wire, SHUT_RDWR)


def _refused(url: SplitResult, status: int, retry_after: float | None) -> ChannelFailed:
    """What a status that is not a success means. 1xx to 4xx: the receiver did nothing with the message."""
    said = f"{url.hostname} answered {status}"
    if status in RETRY or status >= 500:  # noqa: PLR2004  (RFC 9110: server errors)
        return ChannelFailed(said, retry_after=retry_after, unsent=status in RETRY)
    if 300 <= status < 400:  # noqa: PLR2004  (RFC 9110: redirection)
        return ChannelFailed(f"{said}; redirects are not followed, give the final URL", refused=True)
    return ChannelFailed(said, refused=status in REFUSED, final=status not in REFUSED)


def _header(text: str) -> str:
    """Text as a header may carry it: what is not plain ASCII is escaped."""
    return json.dumps(text)[1:-1]
