"""An HTTP request to any URL: a JSON document (see `body`) or a template, signed when there is a secret.

    Heartbeat-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "<t>.<body>")>
    Idempotency-Key: <the same for every attempt at this message>

The receiver computes the HMAC over the raw body, compares in constant time, and refuses what is more than five minutes
old. 2xx is success; 408, 425, 429, 5xx and network errors are retried; what a person can fix (REFUSED, and redirects:
we follow none) slowly; every other answer is final. `heartbeat.outbound.sender` does the sending.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from heartbeat.channels import body
from heartbeat.channels.protocol import GROUP_ABOVE, Channel
from heartbeat.errors import ChannelFailed, SendFailed
from heartbeat.model import SECOND
from heartbeat.outbound.sender import NOT_FOLLOWED, NOT_NOW, REDIRECTS, HttpRequest, Sender
from heartbeat.text.alert_text import compose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heartbeat.channels.webhook.template import Template
    from heartbeat.model import Alert
    from heartbeat.outbound.addresses import Guard
    from heartbeat.outbound.sender import HttpAnswer
    from heartbeat.text.alert_text import Message

TOTAL = 10.0
"""Seconds for the whole of a request and its answer."""
JSON = "application/json"
BODY_MAX = 1024 * 1024
REFUSED = frozenset({401, 402, 403, 404, 407, 410, 421})
"""The address or the permission is wrong, not this message: it may wait until a person has mended that, while a start
(`targets.http`) is refused for good, for its slot would be over by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """How a webhook is called. secret: signs each request; template: the body, None for the JSON document."""

    url: str = field(repr=False)
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: str = field(default="", repr=False)
    template: Template | None = None


class Webhook(Channel):
    """Sends each message as one HTTP request."""

    parallel = 16

    def __init__(
        self,
        name: str,
        request: WebhookSettings,
        *,
        guard: Guard | None = None,
        group_above: int = GROUP_ABOVE,
        total: float = TOTAL,
    ) -> None:
        self.name, self.group_above = name, group_above
        self._request, self._sender = request, Sender(guard, seconds=total, keep=True)

    def send(self, alerts: Sequence[Alert], *, key: str, now: int, receipt: str) -> str:
        """See `Channel`."""
        del receipt
        payload = self._payload(compose(alerts, now), key)
        headers = self._headers(payload, key, now)
        answer = post(
            self._sender, HttpRequest(url=self._request.url, method=self._request.method, headers=headers, body=payload)
        )
        if not answer.taken:
            raise _refused(self._request.url, answer, seconds(answer.headers.get("retry-after", ""), now))
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
        return own | given | signed | {"Idempotency-Key": _header(key)}


def post(sender: Sender, request: HttpRequest) -> HttpAnswer:
    """Send. Raises ChannelFailed when no answer comes; the channel decides what an answer means."""
    try:
        return sender.send(request)
    except SendFailed as failed:
        raise ChannelFailed(str(failed), refused=failed.refused, unsent=not failed.sent) from None


def sign(secret: str, payload: bytes, now: int) -> str:
    """The value of the header Heartbeat-Signature."""
    stamp = now // SECOND
    mac = hmac.new(secret.encode(), f"{stamp}.".encode() + payload, sha256)
    return f"t={stamp},v1={mac.hexdigest()}"


def seconds(retry_after: str, now: int) -> float | None:
    """RFC 9110, 10.2.3: Retry-After holds seconds or a date. In seconds from now; None when it says nothing."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        then = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.fromtimestamp(now / SECOND, UTC)).total_seconds())


def _refused(url: str, answer: HttpAnswer, retry_after: float | None) -> ChannelFailed:
    """What a status other than success means. Up to 4xx the receiver did nothing with the message."""
    status = answer.status
    said = f"{urlsplit(url).hostname} answered {status}"
    if status in NOT_NOW or status >= 500:  # noqa: PLR2004  (RFC 9110: server errors)
        return ChannelFailed(said, retry_after=retry_after, unsent=status in NOT_NOW)
    if status in REDIRECTS:
        return ChannelFailed(f"{said}; {NOT_FOLLOWED}", refused=True)
    return ChannelFailed(said, refused=status in REFUSED, final=status not in REFUSED)


def _header(text: str) -> str:
    """Text as a header may carry it: anything but plain ASCII is escaped."""
    return json.dumps(text)[1:-1]
