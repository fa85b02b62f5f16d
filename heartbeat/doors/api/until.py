"""When something that people begin should end: after `2h`, or at an instant."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from heartbeat.errors import BadSetting
from heartbeat.schedule import parse_duration

HERE = "here"
"""As a zone: this machine's."""
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d", re.ASCII)
END_OF_TIME = 253_402_214_400_000
"""9999-12-31T00:00Z: later instants have no date in some time zones."""


def end_of(for_: str | None, until: str | None, now: int, zone: str | None) -> int | None:
    """When it ends; None if neither is given. zone: for a time without an offset, and for one without a date.

    Raises BadSetting, BadSchedule.
    """
    if for_ is not None and until is not None:
        raise BadSetting("it ends once: say for how long, or until when")
    if for_ is not None:
        at = now + parse_duration(for_)
    elif until is not None:
        at = _next(until, now, zone) if zone is not None and _CLOCK.fullmatch(until) else instant(until, zone)
    else:
        return None
    if at <= now:
        raise BadSetting(f"that ends at once: {for_ or until} is not in the future")
    return at


def _next(text: str, now: int, zone: str) -> int:
    """The next time that the clock says so."""
    today = datetime.fromtimestamp(now / 1000, None if zone == HERE else ZoneInfo(zone))
    at = instant(f"{today.date()}T{text:0>5}", zone)
    return at if at > now else instant(f"{today.date() + timedelta(days=1)}T{text:0>5}", zone)


def instant(text: str, zone: str | None) -> int:
    """An ISO 8601 time as milliseconds since the epoch. zone: as above. Raises BadSetting."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise BadSetting(f"{text[:40]!r} is no time; write 2026-11-22T18:00 or 2026-11-22T18:00+09:00") from None
    if local.tzinfo is None:
        if zone is None:
            raise BadSetting(f"{text!r} has no time zone; write {text}+09:00, {text}Z, or say for how long, as in 2h")
        local = local.astimezone() if zone == HERE else local.replace(tzinfo=ZoneInfo(zone))
    at = round(local.timestamp() * 1000)
    if not 0 <= at < END_OF_TIME:
        raise BadSetting(f"{text!r} is no time that can be waited for; name a year from 1970 to 9999")
    return at
