"""Slack through a bot, which threads and updates its messages. Slack's SDK sends through our own sender.

Its receipt is JSON, `{"channel", "ts", "alerts"}`: where its message is and how many alerts it told.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import WebClient

from heartbeat.channels.protocol import GROUP_ABOVE, Channel
from heartbeat.channels.slack import block_kit
from heartbeat.channels.slack.answers import ANSWER_MAX, PACE, TIMEOUT, BadBlocksError, LostError, fail, silent
from heartbeat.channels.webhook.request import post
from heartbeat.errors import ChannelFailed
from heartbeat.model import Event
from heartbeat.outbound.sender import HttpRequest, Sender
from heartbeat.text.alert_text import compose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from urllib.request import Request

    from slack_sdk.web import SlackResponse

    from heartbeat.channels.slack.block_kit import Block
    from heartbeat.model import Alert
    from heartbeat.outbound.addresses import Guard
    from heartbeat.text.alert_text import Message


class Root(Struct, frozen=True, kw_only=True):
    """The message that reported an incident. alerts: how many it told."""

    channel: str
    ts: str
    alerts: int = 1

    @classmethod
    def read(cls, receipt: str) -> Root | None:
        """The root that a receipt names; None when there is none, or it cannot be read."""
        try:
            found = json.loads(receipt)
            return cls(channel=str(found["channel"]), ts=str(found["ts"]), alerts=int(found["alerts"]))
        except (ValueError, KeyError, TypeError):
            return None


class Client(WebClient):
    """The SDK's client; its own transport follows redirects, takes proxies from the environment and has no deadline."""

    def __init__(self, token: str, base_url: str, sender: Sender) -> None:
        super().__init__(token, base_url=base_url, logger=silent(), retry_handlers=[])
        self._sender = sender

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        """The SDK's one place that opens a connection. Raises ChannelFailed."""
        body = req.data if isinstance(req.data, bytes) else b""
        headers = {name: str(value) for name, value in req.header_items() if name.lower() != "content-length"}
        answer = post(self._sender, HttpRequest(url=url, headers=headers, body=body))
        return {"status": answer.status, "headers": dict(answer.headers), "body": answer.text}


class SlackBot(Channel):
    """Posts as a bot: reminders and recoveries go into the thread, and a recovery turns the first message green."""

    pace = PACE

    def __init__(  # noqa: PLR0913  (they are its settings)
        self,
        name: str,
        token: str,
        channel: str,
        *,
        thread: bool = True,
        update: bool = True,
        group_above: int = GROUP_ABOVE,
        base_url: str = WebClient.BASE_URL,
        guard: Guard | None = None,
    ) -> None:
        self.name, self.group_above = name, group_above
        self._channel, self._thread, self._update = channel, thread, update
        self._secrets = (token,)
        self._client = Client(token, base_url, Sender(guard, seconds=TIMEOUT, limit=ANSWER_MAX))

    def send(self, alerts: Sequence[Alert], *, key: str, now: int, receipt: str) -> str:
        """See `Channel`."""
        del key  # chat.postMessage takes no idempotency key
        message = compose(alerts, now)
        root = Root.read(receipt)
        try:
            if root is not None and self._follow_up(message, root):
                return receipt
        except LostError:
            pass
        return self._post(message)

    def _follow_up(self, message: Message, root: Root) -> bool:
        """Report it where the incident was reported; False: these settings want a separate message."""
        single = len(message.alerts) == 1
        if single and root.alerts == 1 and message.alerts[0].event is Event.RECOVERED:
            return self._recover(message, root)
        if self._thread:
            blocks = block_kit.headline(message) if single else block_kit.blocks(message)
            self._say(message, blocks, thread_ts=root.ts, reply_broadcast=not single)
        return self._thread

    def _recover(self, message: Message, root: Root) -> bool:
        if self._update:
            self._edit(message, root)
        if self._thread:
            text = block_kit.recovered(message.alerts[0])
            self._call(self._client.chat_postMessage, text=text, channel=root.channel, thread_ts=root.ts)
        return self._update or self._thread

    def _edit(self, message: Message, root: Root) -> None:
        text = block_kit.fallback(message)
        edit = self._client.chat_update
        try:
            self._call(edit, text=text, channel=root.channel, ts=root.ts, blocks=block_kit.blocks(message))
        except BadBlocksError:
            self._call(edit, text=text, channel=root.channel, ts=root.ts, blocks=[])

    def _post(self, message: Message) -> str:
        answer = self._say(message, block_kit.blocks(message))
        found = answer.data if isinstance(answer.data, dict) else {}
        if "channel" not in found or "ts" not in found:  # posted, and nobody knows where
            return ""
        root = Root(channel=str(found["channel"]), ts=str(found["ts"]), alerts=len(message.alerts))
        return json.dumps(asdict(root))

    def _say(self, message: Message, blocks: list[Block], **place: Any) -> SlackResponse:  # noqa: ANN401  (passed on)
        text = block_kit.fallback(message)
        say = self._client.chat_postMessage
        try:
            return self._call(say, text=text, channel=self._channel, blocks=blocks, **place)
        except BadBlocksError:
            return self._call(say, text=text, channel=self._channel, **place)

    def _call(self, method: Callable[..., SlackResponse], **arguments: Any) -> SlackResponse:  # noqa: ANN401  (passed on)
        if method == self._client.chat_postMessage:
            arguments |= {"unfurl_links": False, "unfurl_media": False}
        try:
            return method(**arguments)
        except SlackApiError as error:
            answer = error.response
            problem = answer.data.get("error", "") if isinstance(answer.data, dict) else ""
            fail(str(problem), answer.status_code, answer.headers, secrets=self._secrets)
        except (SlackClientError, ValueError, AttributeError, TypeError) as error:  # its text may hold the token
            raise ChannelFailed(f"Slack's answer cannot be read ({type(error).__name__})") from None
