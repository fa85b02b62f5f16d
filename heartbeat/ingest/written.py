"""JSON that anybody may have written, as values that we can store: no half surrogates, no NUL."""

from __future__ import annotations

import json
import re
from typing import Any

from heartbeat.text.sanitize import sound

_ODD = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)|[\ud800-\udfff]")
"""What may become half a surrogate or a NUL: an escaped one, or a literal one."""
TOO_DEEP = "too deep"
DEPTH_MAX = 100
"""Levels of nested values that are cleaned."""


def parsed(written: str | bytes) -> object:
    """A text as JSON, cleaned. Raises ValueError, also for JSON too deep to read.

    The result may still be too deep to show: readers take texts, numbers, and values of a known depth.
    """
    text = _text(written)
    value = loaded(text)
    return _kept(value, DEPTH_MAX) if _ODD.search(text) else value


def loaded(written: str | bytes) -> Any:  # noqa: ANN401 - as json has it
    """The same, uncleaned, for a reader that cleans whatever it keeps."""
    try:
        return json.loads(_text(written))
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def _text(written: str | bytes) -> str:
    return written if isinstance(written, str) else written.decode(json.detect_encoding(written), "replace")


def _kept(value: object, room: int) -> object:
    """The same value, cleaned. room: how deep it may still go."""
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, list | dict) and not room:
        raise ValueError(TOO_DEEP)
    if isinstance(value, list):
        return [_kept(each, room - 1) for each in value]
    if isinstance(value, dict):
        return {sound(name): _kept(each, room - 1) for name, each in value.items()}
    return value
