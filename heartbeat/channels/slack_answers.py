"""What Slack's answers mean, for the webhook and the bot alike."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

from heartbeat.errors import ChannelFailed
from heartbeat.model import SECOND

TIMEOUT = 10
PACE = 1 * SECOND
"""Slack takes about one message a second and channel (docs.slack.dev, rate limits)."""
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
"""Slack's words for what a person can mend: the token, the channel, a permission."""
BAD_REQUEST, SERVER_ERROR = 400, 500
"""From the one on nothing was told, from the other on nobody knows what became of the message."""
LOST = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
BAD_BLOCKS = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "invalid_payload", "msg_too_long", "msg_blocks_too_long"}
)
REVOKED = frozenset({401, 403, 404, 410})
"""What a webhook answers once it is revoked, or its channel archived or gone."""


class LostError(ChannelFailed):
    """The message to update or to thread under is gone: say it anew."""


class BadBlocksError(ChannelFailed):
    """Slack does not take our blocks: say it in plain words."""


def fail(problem: str, status: int, headers: dict[str, Any], *, revoked: bool = False) -> NoReturn:
    """Raise what an answer other than "ok" means. `problem`: Slack's own word for it."""
    word = problem.strip()[:80]
    said = f"Slack answered {status} {word}"
    if status == TOO_MANY or word == "ratelimited":
        raise ChannelFailed(said, retry_after=_seconds(headers), unsent=True)
    if word in LOST:
        raise LostError(said, unsent=True)
    if word in BAD_BLOCKS:
        raise BadBlocksError(said, unsent=True)
    raise ChannelFailed(said, refused=word in REFUSED or revoked, unsent=BAD_REQUEST <= status < SERVER_ERROR)


def _seconds(headers: dict[str, Any]) -> float:
    found = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    return float(found) if str(found).isdigit() else 30.0


def unreachable(error: Exception) -> ChannelFailed:
    """The failure for an error on the way; without its text, which may hold the webhook's URL, a secret."""
    return ChannelFailed(f"Slack cannot be reached ({type(error).__name__})")


def silent() -> logging.Logger:
    """A logger in nobody's tree: at DEBUG the SDK writes the webhook's URL, a secret."""
    return logging.Logger("slack", level=logging.CRITICAL + 1)  # noqa: LOG001  (that is the point)
