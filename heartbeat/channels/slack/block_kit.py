"""Message → Block Kit. Pure. Everything that is not ours is escaped, and every text fits Slack's limits."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from heartbeat.model import Alert, Event, Verdict
from heartbeat.text.alert_text import asides, details, label, next_command, recovery

if TYPE_CHECKING:
    from collections.abc import Iterable

    from heartbeat.text.alert_text import Message

Block = dict[str, Any]

# https://docs.slack.dev/reference/block-kit/blocks: 3000 characters a section, 2000 a field, ten fields.
SECTION_MAX = 3000
FIELD_MAX = 2000
FIELDS_MAX = 10
LINE_MAX = 250
OUTPUT_MAX = 1500
ASIDE_MAX = 900

EMOJI = {
    Verdict.MISSED: ":red_circle:",
    Verdict.FAILED: ":x:",
    Verdict.TIMED_OUT: ":hourglass:",
    Verdict.LATE: ":large_yellow_circle:",
}
EVENT_EMOJI = {
    Event.OPENED: ":red_circle:",
    Event.REMINDER: ":repeat:",
    Event.RECOVERED: ":large_green_circle:",
    Event.CLOSED: ":wastebasket:",
    Event.BLIND: ":see_no_evil:",
    Event.UNDELIVERED: ":mailbox_with_no_mail:",
    Event.ILL: ":face_with_thermometer:",
    Event.WELL: ":large_green_circle:",
    Event.TEST: ":white_circle:",
}
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'"}
_MARKUP = re.compile(r"(?<!\w)([*_~])")
_URL_SAFE = ":/?#[]@!$&'()*+,;=%~"
_JOINER = "\N{COMBINING GRAPHEME JOINER}"  # invisible; a mark right after it opens no bold, italics or strike


def escape(text: str, limit: int) -> str:
    """Text without any meaning in mrkdwn, at most `limit` characters, never cut inside an `&amp;`."""
    return _fit((_ESCAPES.get(char, char) for char in _MARKUP.sub(rf"{_JOINER}\1", text)), limit)


def fence(text: str) -> str:
    """The end of an output as a code block that it cannot break out of."""
    pieces = [_ESCAPES.get(char, char) for char in reversed(text.rstrip())]
    tail = _fit(pieces, OUTPUT_MAX, whole=True)
    return f"```\n{tail}\n```"


def code(text: str, limit: int) -> str:
    """The beginning of a text as a code block that it cannot break out of."""
    return f"```\n{_fit((_ESCAPES.get(char, char) for char in text.strip()), limit)}\n```"


def fallback(message: Message) -> str:
    """What notifications show and screen readers read."""
    return escape(message.summary, SECTION_MAX)


def blocks(message: Message) -> list[Block]:
    """The whole message."""
    body = _single(message.alerts[0], message) if len(message.alerts) == 1 else [_section(_list(message))]
    first = [_section(f":warning: *{escape(message.opening, LINE_MAX)}*")] if message.opening else []
    return [*first, *body]


def headline(message: Message) -> list[Block]:
    """Only the sentence: for a reply in the thread, whose first message has the facts."""
    return [_section(_headline(message.alerts[0], message.headline, SECTION_MAX))]


def recovered(alert: Alert) -> str:
    """`Recovered after 42 min, 3 missed`: the reply in the thread."""
    return f"{EVENT_EMOJI[Event.RECOVERED]} Recovered {escape(recovery(alert), LINE_MAX)}"


def _single(alert: Alert, message: Message) -> list[Block]:
    found = [_section(_headline(alert, message.headline, SECTION_MAX))]
    rows = details(alert, message.now)[:FIELDS_MAX]
    if rows:
        found.append({"type": "section", "fields": [_field(alert, key, value) for key, value in rows]})
    remarks = "\n".join(f"*{key}* {_aside(key, value)}" for key, value in asides(alert))
    if remarks:
        found.append(_section(remarks))
    if alert.output.strip():
        found.append(_section(fence(alert.output)))
    items = (alert.incident, alert.run_id, alert.reason or "", next_command(alert))
    ids = " · ".join(escape(item, LINE_MAX) for item in items if item)
    return [*found, {"type": "context", "elements": [_text(ids)]}] if ids else found


def _list(message: Message) -> str:
    first = message.alerts[0]
    head = message.headline.partition(": ")[0]
    shown = message.alerts[: len(message.lines)]
    lines = (
        f"• {_headline(alert, line, LINE_MAX)}" if alert and line.startswith(label(alert)) else f"_{line}_"
        for alert, line in zip_longest(shown, message.lines)
    )
    return "\n".join((f"{_emoji(first)} *{escape(head, LINE_MAX)}*", *lines))


def _headline(alert: Alert, sentence: str, limit: int) -> str:
    word = label(alert)
    start = f"{_emoji(alert)} *{word}*"
    return start + escape(sentence.removeprefix(word), limit - len(start))


def _emoji(alert: Alert) -> str:
    own = EMOJI.get(alert.verdict) if alert.verdict and alert.event is Event.OPENED else None
    return own or EVENT_EMOJI[alert.event]


def _field(alert: Alert, key: str, value: str) -> Block:
    text = escape(value, FIELD_MAX - 50)
    struck = alert.event is Event.RECOVERED and key == "Deadline passed"
    return _text(f"*{key}*\n~{text}~" if struck else f"*{key}*\n{text}")


def _aside(key: str, value: str) -> str:
    link = f"<{quote(value, safe=_URL_SAFE).replace('&', '&amp;')}|Open>"
    if key in {"Runbook", "Log"} and re.match(r"https?://", value, re.IGNORECASE) and len(link) <= ASIDE_MAX:
        return link
    return escape(value, ASIDE_MAX)


def _section(text: str) -> Block:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> Block:
    # verbatim: Slack does not look for links, channels or mentions in it.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _fit(pieces: Iterable[str], limit: int, *, whole: bool = False) -> str:
    """As many pieces as fit, then an ellipsis. whole: they come from the end, and are reversed."""
    kept: list[str] = []
    length = 0
    for piece in pieces:
        if length + len(piece) >= limit:
            kept.append("…")
            break
        kept.append(piece)
        length += len(piece)
    return "".join(reversed(kept) if whole else kept)
