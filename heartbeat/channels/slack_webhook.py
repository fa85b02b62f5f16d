"""Slack through an incoming webhook: no threads, no updates, every message complete in itself."""

from __future__ import annotations

from http.client import HTTPException
from typing import TYPE_CHECKING

from slack_sdk.errors import SlackClientError
from slack_sdk.webhook import WebhookClient

from heartbeat.channels import slack_blocks
from heartbeat.channels.protocol import GROUP_ABOVE
from heartbeat.channels.slack_answers import PACE, REVOKED, TIMEOUT, BadBlocksError, fail, silent, unreachable
from heartbeat.wording import compose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.channels.slack_blocks import Block
    from heartbeat.model import Alert


class SlackWebhook:
    """Posts to one incoming webhook."""

    pace = PACE
    parallel = 1
    definition = ""

    def __init__(self, name: str, url: str, *, group_above: int = GROUP_ABOVE) -> None:
        self.name, self.group_above = name, group_above
        self._client = WebhookClient(url, timeout=TIMEOUT, logger=silent(), retry_handlers=[])

    def send(self, alerts: Sequence[Alert], *, key: str, now: int, receipt: str) -> str:
        """See `Channel`. A webhook answers nothing that could be kept."""
        del key, receipt
        message = compose(alerts, now)
        text = slack_blocks.fallback(message)
        try:
            self._post(text, slack_blocks.blocks(message))
        except BadBlocksError:
            self._post(text, None)
        return ""

    def _post(self, text: str, blocks: list[Block] | None) -> None:
        try:
            answer = self._client.send(text=text, blocks=blocks, unfurl_links=False, unfurl_media=False)
        except (OSError, HTTPException, SlackClientError, ValueError) as error:
            raise unreachable(error) from None
        if answer.status_code != 200:  # noqa: PLR2004  (OK)
            fail(answer.body, answer.status_code, answer.headers, revoked=answer.status_code in REVOKED)
