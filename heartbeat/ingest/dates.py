"""The period that parts of a date name: from when to when, by a zone's clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

_CENTURY = 2000


def window(parts: Mapping[str, int], zone: ZoneInfo) -> tuple[int, int] | None:
    """From (inclusive) to (exclusive) in milliseconds; None when the parts name no year, or a time that does not exist.

    parts: numbers by strftime directive letter. An hour that occurs twice includes both.
    """
    try:
        start, end = _local(parts)
        return (
            min(_ms(start, zone, fold) for fold in (0, 1)),
            max(_ms(end, zone, fold) for fold in (0, 1)),
        )
    except (KeyError, ValueError, OverflowError):
        return None


def _local(parts: Mapping[str, int]) -> tuple[datetime, datetime]:
    first, after = _days(parts)
    start = datetime(first.year, first.month, first.day)  # noqa: DTZ001 - the zone is added when all is known
    if "H" not in parts or after - first != timedelta(days=1):
        return start, datetime(after.year, after.month, after.day)  # noqa: DTZ001 - the same
    start = start.replace(hour=parts["H"], minute=parts.get("M", 0), second=parts.get("S", 0) if "M" in parts else 0)
    unit = timedelta(hours=1) if "M" not in parts else timedelta(minutes=1)
    return start, start + (timedelta(seconds=1) if {"M", "S"} <= parts.keys() else unit)


def _days(parts: Mapping[str, int]) -> tuple[date, date]:
    if "V" in parts and "G" in parts:
        first = date.fromisocalendar(parts["G"], parts["V"], parts.get("u", 1))
        return first, first + timedelta(days=1 if "u" in parts else 7)
    year = parts["Y"] if "Y" in parts else _CENTURY + parts["y"]
    if "j" in parts:
        first = date(year, 1, 1) + timedelta(days=parts["j"] - 1)
        return first, first + timedelta(days=1)
    if "m" not in parts:
        return date(year, 1, 1), date(year + 1, 1, 1)
    first = date(year, parts["m"], parts.get("d", 1))
    if "d" in parts:
        return first, first + timedelta(days=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def _ms(local: datetime, zone: ZoneInfo, fold: int) -> int:
    return round(local.replace(tzinfo=zone, fold=fold).timestamp() * 1000)
