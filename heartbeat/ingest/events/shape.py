"""Reading JSON that anybody may have written: every answer has the requested type and a bounded length."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from heartbeat.model import BODY_MAX, NEVER
from heartbeat.text.sanitize import one_line, sound

TEXT_MAX = 2048
"""Characters of a name or an ARN."""
QUOTED_MAX = 60


def at(value: object, *path: str) -> object:
    """The value at the end of a path of keys, or None."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text(value: object, *path: str, most: int = TEXT_MAX) -> str:
    """The text there in a form we can store, "" for anything else."""
    found = at(value, *path)
    return sound(found[:most]) if isinstance(found, str) else ""


def mapping(value: object, *path: str) -> dict[str, Any]:
    """The mapping there, an empty one for anything else."""
    found = at(value, *path)
    return found if isinstance(found, dict) else {}


def items(value: object, *path: str) -> list[Any]:
    """The list there, an empty one for anything else."""
    found = at(value, *path)
    return found if isinstance(found, list) else []


def whole(value: object, *path: str) -> int | None:
    """The whole number there, unless it is too large to store."""
    found = at(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) and abs(found) < NEVER else None


def instant(value: object, *path: str) -> int | None:
    """The instant there in milliseconds: ISO 8601 (UTC unless it says otherwise), or epoch milliseconds."""
    found = at(value, *path)
    number = found
    if isinstance(found, str):
        number = int(found) if found.isascii() and found.isdecimal() and len(found) < len(str(NEVER)) else _iso(found)
    return number if isinstance(number, int) and not isinstance(number, bool) and 0 < number < NEVER else None


def _iso(written: str) -> int | None:
    try:
        moment = datetime.fromisoformat(written)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def spelled(arn: str, marker: str) -> tuple[str, ...]:
    """All ways to name what an ARN names: the ARN, the name after the marker, both also without revision or alias."""
    name = arn.partition(marker)[2] or arn
    bare = name.partition(":")[0] if marker in arn else name
    return tuple(dict.fromkeys((arn, name, bare, arn.removesuffix(name[len(bare) :])))) if arn else ()


def joined(*parts: str) -> str:
    """The non-empty parts, as a signal's body."""
    return "\n".join(part for part in parts if part).encode()[:BODY_MAX].decode("utf-8", "ignore")


def quoted(written: str) -> str:
    """A text from outside as our sentences quote it."""
    line = one_line(written[: 10 * QUOTED_MAX])
    return f'"{line[:QUOTED_MAX]}…"' if len(line) > QUOTED_MAX else f'"{line}"'
