"""What the comments above a line say about its job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.importing.crontab import Unreadable, read_line
from heartbeat.text.sanitize import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 150
_FEW = 3
_LEGEND = re.compile(
    r"\bdom\b|\bdow\b|command to be executed|day of (?:month|week)|crontab|^[-=*#|+.\s]", re.IGNORECASE
)
_TEXT = re.compile(r"[^\W\d_]{2}")


def described(above: Sequence[str]) -> str:
    """The comment lines directly above a job as its description; empty if they do not describe it."""
    texts = [line.strip().lstrip("#").strip() for line in above]
    if not texts or len(texts) > _FEW or any(_LEGEND.search(text) or _is_line(text) for text in texts):
        return ""
    whole = one_line(" ".join(texts))
    return whole if len(whole) <= LONGEST and _TEXT.search(whole) else ""


def _is_line(text: str) -> bool:
    """Whether this is a commented-out job or setting."""
    try:
        return read_line(text, system=False) is not None
    except Unreadable:
        return False
