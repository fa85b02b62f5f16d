"""What Slack's answers mean, for the webhook and the bot alike."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, NoReturn

from heartbeat.errors import ChannelFailed
from heartbeat.model import SECOND
from heartbeat.outbound.sender import NOT_FOLLOWED, REDIRECTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TIMEOUT = 10.0
"""Seconds for the whole of a request and its answer."""
ANSWER_MAX = 64 * 1024
PACE = 1 * SECOND
"""docs.slack.dev, rate limits: Slack takes about one message a second in each channel."""
TOO_MANY = 429
REFUSED = frozenset(
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
"""Slack's words for what a person can fix: the token, the channel, a permission."""
BAD_REQUEST, SERVER_ERROR = 400, 500
"""From 400 the message was not posted; from 500 nobody knows whether it was."""
LOST = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
BAD_BLOCKS = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "invalid_payload", "msg_too_long", "msg_blocks_too_long"}
)
REVOKED = frozenset({401, 403, 404, 410})
"""What a webhook answers once it is revoked, or its channel archived or gone."""


_WORD = re.compile(r"[a-z][a-z_]{1,79}")


class LostError(ChannelFailed):
    """The message to update or to thread under is gone: post a new one."""


class BadBlocksError(ChannelFailed):
    """Slack rejects our blocks: say it in plain text."""


def fail(
    problem: str, status: int, headers: Mapping[str, Any], *, revoked: bool = False, secrets: Iterable[str] = ()
) -> NoReturn:
    """Raise what an answer other than "ok" means. `problem`: Slack's own word for it; secrets: never repeated."""
    word = problem.strip()
    said = f"Slack answered {status} {_shown(word, secrets)}"
    if status in REDIRECTS:
        said += f"; {NOT_FOLLOWED}"
    if status == TOO_MANY or word == "ratelimited":
        raise ChannelFailed(said, retry_after=_seconds(headers), unsent=True)
    if word in LOST:
        raise LostError(said, unsent=True)
    if word in BAD_BLOCKS:
        raise BadBlocksError(said, unsent=True)
    refused = word in REFUSED or revoked or status in REDIRECTS
    raise ChannelFailed(said, refused=refused, unsent=BAD_REQUEST <= status < SERVER_ERROR)


def _shown(word: str, secrets: Iterable[str]) -> str:
    """Only what looks like one of Slack's words: anything else may be an echo of the webhook's URL or the token."""
    strange = not _WORD.fullmatch(word) or any(secret in word for secret in secrets)
    return "with something other than ok or one of its words for what is wrong" if strange else word


def _seconds(headers: Mapping[str, Any]) -> float:
    found = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    return float(found) if str(found).isdigit() else 30.0


def silent() -> logging.Logger:
    """A logger in nobody's tree: at DEBUG the SDK writes the webhook's URL, a secret."""
    return logging.Logger("slack", level=logging.CRITICAL + 1)  # noqa: LOG001  (that is the point)
