"""Slack: through an incoming webhook, or through a bot that threads and updates what it said.

A bot's receipt is JSON, `{"channel", "ts", "alerts"}`: where its message lies and how many alerts it told.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, NoReturn

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import WebClient
from slack_sdk.webhook import WebhookClient

from heartbeat.channels import slack_blocks
from heartbeat.channels.protocol import GROUP_ABOVE
from heartbeat.errors import ChannelFailed
from heartbeat.model import SECOND, Event
from heartbeat.wording import compose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from slack_sdk.web import SlackResponse

    from heartbeat.channels.slack_blocks import Block
    from heartbeat.model import Alert
    from heartbeat.wording import Message

TIMEOUT = 10
PACE = 1 * SECOND
"""Slack takes about one message a second and channel (docs.slack.dev, rate limits)."""
TOO_MANY = 429
FINAL = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "no_permission",
        "missing_scope",
        "org_login_required",
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "channel_is_archived",
        "restricted_action",
        "action_prohibited",
        "posting_to_general_channel_denied",
        "ekm_access_denied",
        "team_access_not_granted",
        "no_service",
        "no_service_id",
        "no_team",
        "team_disabled",
        "invalid_token",
        "user_not_found",
        "no_active_hooks",
    }
)
LOST = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
BAD_BLOCKS = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "invalid_payload", "msg_too_long", "msg_blocks_too_long"}
)
REVOKED = frozenset({401, 403, 404, 410})
"""What a webhook answers once it is revoked, or its channel archived or gone."""


class _LostError(ChannelFailed):
    """The message to update or to thread under is gone: say it anew."""


class _BadBlocksError(ChannelFailed):
    """Slack does not take our blocks: say it in plain words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The message that told that an incident opened. alerts: how many it told."""

    channel: str
    ts: str
    alerts: int = 1

    @classmethod
    def read(cls, receipt: str) -> Root | None:
        """The root of a receipt; None when there is none, or it cannot be read."""
        try:
            found = json.loads(receipt)
            return cls(channel=str(found["channel"]), ts=str(found["ts"]), alerts=int(found["alerts"]))
        except (ValueError, KeyError, TypeError):
            return None


class SlackWebhook:
    """Posts to an incoming webhook: no threads, no updates, every message complete in itself."""

    pace = PACE
    parallel = 1

    def __init__(self, name: str, url: str, *, group_above: int = GROUP_ABOVE) -> None:
        self.name, self.group_above = name, group_above
        self._client = WebhookClient(url, timeout=TIMEOUT, logger=_silent(), retry_handlers=[])

    def send(self, alerts: Sequence[Alert], *, key: str, now: int, receipt: str) -> str:
        """See `Channel`. A webhook answers nothing that could be kept."""
        del key, receipt
        message = compose(alerts, now)
        text = slack_blocks.fallback(message)
        try:
            self._post(text, slack_blocks.blocks(message))
        except _BadBlocksError:
            self._post(text, None)
        return ""

    def _post(self, text: str, blocks: list[Block] | None) -> None:
        try:
            answer = self._client.send(text=text, blocks=blocks, unfurl_links=False, unfurl_media=False)
        except (OSError, HTTPException, SlackClientError, ValueError) as error:
            raise _unreachable(error) from None
        if answer.status_code != 200:  # noqa: PLR2004  (OK)
            _fail(answer.body, answer.status_code, answer.headers, revoked=answer.status_code in REVOKED)


class SlackBot:
    """Posts as a bot: reminders and recoveries go into the thread, and a recovery turns the first message green."""

    pace = PACE
    parallel = 1

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
    ) -> None:
        self.name, self.group_above = name, group_above
        self._channel, self._thread, self._update = channel, thread, update
        self._client = WebClient(token, base_url=base_url, timeout=TIMEOUT, logger=_silent(), retry_handlers=[])

    def send(self, alerts: Sequence[Alert], *, key: str, now: int, receipt: str) -> str:
        """See `Channel`."""
        del key  # chat.postMessage takes no idempotency key
        message = compose(alerts, now)
        root = Root.read(receipt)
        try:
            if root is not None and self._follow_up(message, root):
                return receipt
        except _LostError:
            pass
        return self._post(message)

    def _follow_up(self, message: Message, root: Root) -> bool:
        """Tell it where the incident was told; False: these settings want a message of its own."""
        single = len(message.alerts) == 1
        if single and root.alerts == 1 and message.alerts[0].event is Event.RECOVERED:
            return self._recover(message, root)
        if self._thread:
            blocks = slack_blocks.headline(message) if single else slack_blocks.blocks(message)
            self._say(message, blocks, thread_ts=root.ts, reply_broadcast=not single)
        return self._thread

    def _recover(self, message: Message, root: Root) -> bool:
        if self._update:
            self._edit(message, root)
        if self._thread:
            text = slack_blocks.recovered(message.alerts[0])
            self._call(self._client.chat_postMessage, text=text, channel=root.channel, thread_ts=root.ts)
        return self._update or self._thread

    def _edit(self, message: Message, root: Root) -> None:
        text = slack_blocks.fallback(message)
        edit = self._client.chat_update
        try:
            self._call(edit, text=text, channel=root.channel, ts=root.ts, blocks=slack_blocks.blocks(message))
        except _BadBlocksError:
            self._call(edit, text=text, channel=root.channel, ts=root.ts, blocks=[])

    def _post(self, message: Message) -> str:
        answer = self._say(message, slack_blocks.blocks(message))
        root = Root(channel=str(answer["channel"]), ts=str(answer["ts"]), alerts=len(message.alerts))
        return json.dumps(asdict(root))

    def _say(self, message: Message, blocks: list[Block], **place: Any) -> SlackResponse:  # noqa: ANN401  (passed on)
        text = slack_blocks.fallback(message)
        say = self._client.chat_postMessage
        try:
            return self._call(say, text=text, channel=self._channel, blocks=blocks, **place)
        except _BadBlocksError:
            return self._call(say, text=text, channel=self._channel, **place)

    def _call(self, method: Callable[..., SlackResponse], **arguments: Any) -> SlackResponse:  # noqa: ANN401  (passed on)
        if method == self._client.chat_postMessage:
            arguments |= {"unfurl_links": False, "unfurl_media": False}
        try:
            return method(**arguments)
        except SlackApiError as error:
            answer = error.response
            _fail(str(answer["error"]), answer.status_code, answer.headers)
        except (OSError, HTTPException, SlackClientError, ValueError) as error:
            raise _unreachable(error) from None


def _fail(problem: str, status: int, headers: dict[str, Any], *, revoked: bool = False) -> NoReturn:
    """Raise what an answer other than "ok" means. `problem`: Slack's own word for it."""
    word = problem.strip()[:80]
    said = f"Slack answered {status} {word}"
    if status == TOO_MANY or word == "ratelimited":
        raise ChannelFailed(said, retry_after=_seconds(headers))
    if word in LOST:
        raise _LostError(said)
    if word in BAD_BLOCKS:
        raise _BadBlocksError(said)
    raise ChannelFailed(said, final=word in FINAL or revoked)


def _seconds(headers: dict[str, Any]) -> float:
    found = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    return float(found) if str(found).isdigit() else 30.0


def _unreachable(error: Exception) -> ChannelFailed:
    # Not the error's text: it may hold the webhook's URL, which is a secret.
    return ChannelFailed(f"Slack cannot be reached ({type(error).__name__})")


def _silent() -> logging.Logger:
    # Of our own, and in no logger's tree: at DEBUG the SDK writes the webhook's URL, which is a secret.
    return logging.Logger("slack", level=logging.CRITICAL + 1)  # noqa: LOG001  (that is the point)
