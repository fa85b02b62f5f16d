"""When something that people begin should end: after `2h`, or at an instant."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from heartbeat.errors import BadSetting
from heartbeat.schedule import parse_duration

END_OF_TIME = 253_402_214_400_000
"""9999-12-31T00:00Z: later instants have no date in some time zones."""


def end_of(for_: str | None, until: str | None, now: int, zone: str | None) -> int | None:
    """When it ends; None if neither is given. zone: for a time without an offset.

    Raises BadSetting, BadSchedule.
    """
    if for_ is not None and until is not None:
        raise BadSetting("it ends once: say for how long, or until when")
    if for_ is not None:
        at = now + parse_duration(for_)
    elif until is not None:
        at = instant(until, zone)
    else:
        return None
    if at <= now:
        raise BadSetting(f"that ends at once: {for_ or until} is not in the future")
    return at


def instant(text: str, zone: str | None) -> int:
    """An ISO 8601 time as milliseconds since the epoch. zone: as above. Raises BadSetting."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise BadSetting(f"{text[:40]!r} is no time; write 2026-11-22T18:00 or 2026-11-22T18:00+09:00") from None
    if local.tzinfo is None:
        if zone is None:
            raise BadSetting(f"{text!r} has no time zone; write {text}+09:00, {text}Z, or say for how long, as in 2h")
        local = local.replace(tzinfo=ZoneInfo(zone))
    at = round(local.timestamp() * 1000)
    if not 0 <= at < END_OF_TIME:
        raise BadSetting(f"{text!r} is no time that can be waited for; name a year from 1970 to 9999")
    return at
