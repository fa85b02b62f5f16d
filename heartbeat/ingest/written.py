"""JSON that anybody may have written, as values that can be kept: no half surrogates, no NUL, no depth without end."""

from __future__ import annotations

import json
import re

from heartbeat.clean import sound

_ODD = re.compile(r"\\u(?:[dD][89a-fA-F]|0000)|[\ud800-\udfff]")
"""What may become half a surrogate or a NUL: an escape of one, or one as it is."""
TOO_DEEP = "too deep"
DEPTH_MAX = 100
"""Values within values; whoever shows or compares what is deeper fails where nobody expects it."""


def parsed(written: str | bytes) -> object:
    """A text as JSON. Raises ValueError, also for what is too deep to read."""
    text = written if isinstance(written, str) else written.decode(json.detect_encoding(written), "replace")
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    plain = text.count("[") + text.count("{") <= DEPTH_MAX and not _ODD.search(text)
    return value if plain else _kept(value, DEPTH_MAX)


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
