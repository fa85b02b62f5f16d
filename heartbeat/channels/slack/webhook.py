"""Slack through an incoming webhook: no threads, no updates, every message stands alone.

It is sent as every webhook is (`outbound/sender.py`), and not by Slack's SDK, whose client follows redirects and takes
proxies from the environment. Only the answer `ok` means that it was posted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from heartbeat.channels.protocol import GROUP_ABOVE, Channel
from heartbeat.channels.slack import block_kit
from heartbeat.channels.slack.answers import ANSWER_MAX, PACE, REVOKED, TIMEOUT, BadBlocksError, fail
from heartbeat.channels.webhook.request import JSON, post
from heartbeat.outbound.sender import HttpRequest, Sender
from heartbeat.redact import secrets_of_url
from heartbeat.text.alert_text import compose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.channels.slack.block_kit import Block
    from heartbeat.model import Alert
    from heartbeat.outbound.addresses import Guard

HEADERS = {"Content-Type": f"{JSON}; charset=utf-8", "User-Agent": "Heartbeat"}


class SlackWebhook(Channel):
    """Posts to one incoming webhook."""

    pace = PACE

    def __init__(self, name: str, url: str, *, group_above: int = GROUP_ABOVE, guard: Guard | None = None) -> None:
        self.name, self.group_above = name, group_above
        self._url, self._secrets = url, secrets_of_url(url)
        self._sender = Sender(guard, seconds=TIMEOUT, limit=ANSWER_MAX)

    def send(self, alerts: Sequence[Alert], *, key: str, now: int, receipt: str) -> str:
        """See `Channel`. A webhook's answer holds nothing worth keeping."""
        del key, receipt
        message = compose(alerts, now)
        text = block_kit.fallback(message)
        try:
            self._post(text, block_kit.blocks(message))
        except BadBlocksError:
            self._post(text, None)
        return ""

    def _post(self, text: str, blocks: list[Block] | None) -> None:
        said = {"text": text, "unfurl_links": False, "unfurl_media": False} | ({"blocks": blocks} if blocks else {})
        answer = post(self._sender, HttpRequest(url=self._url, headers=HEADERS, body=json.dumps(said).encode()))
        if answer.status != 200 or answer.text.strip() != "ok":  # noqa: PLR2004  (OK)
            revoked = answer.status in REVOKED
            fail(answer.text, answer.status, answer.headers, revoked=revoked, secrets=self._secrets)
