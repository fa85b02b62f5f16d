"""Instants and durations → words, in the zone of whoever reads them. Pure: `now` is an argument."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heartbeat.model import DAY, HOUR, MINUTE, NEVER, SECOND

if TYPE_CHECKING:
    from datetime import tzinfo


NEAR = {0: "", -1: "yesterday ", 1: "tomorrow "}


def duration(ms: int) -> str:
    """`45 s`, `42 min`, `3 h 10 min`, `2 d 4 h`."""
    ms = max(ms, 0)
    for big, big_word, small, small_word in ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "min")):
        if ms >= big:
            rest = ms % big // small
            return f"{ms // big} {big_word} {rest} {small_word}" if rest else f"{ms // big} {big_word}"
    return f"{ms // MINUTE} min" if ms >= MINUTE else f"{ms // SECOND} s"


def ago(at: int, now: int) -> str:
    """`31 min ago`, `in 5 min`."""
    return f"{duration(now - at)} ago" if at <= now else f"in {duration(at - now)}"


def moment(at: int | None, now: int, zone: str, *, zone_too: bool = True) -> str:
    """`09:00 JST`, `yesterday 09:02 JST`, `2026-11-20 09:02 JST`; "" for an instant that is not known."""
    if at is None or not 0 <= at < NEVER:
        return ""
    day, hour, abbreviation = _local(at // SECOND, zone)
    word = NEAR.get((day - _local(now // SECOND, zone)[0]).days)
    said = f"{day} {hour}" if word is None else word + hour
    return f"{said} {abbreviation}" if zone_too else said


def stamp(at: int | None, zone: str) -> str:
    """`2026-11-22 09:00 JST (00:00 UTC)`."""
    if at is None or not 0 <= at < NEVER:
        return ""
    (day, hour, abbreviation), (utc_day, utc_hour, _) = _local(at // SECOND, zone), _local(at // SECOND, "UTC")
    there = utc_hour if utc_day == day else f"{utc_day} {utc_hour}"
    return f"{day} {hour} {abbreviation}" + ("" if abbreviation == "UTC" else f" ({there} UTC)")


def and_ago(at: int | None, now: int, zone: str) -> str:
    """`yesterday 09:02 JST, 24 h ago`; "" for an instant that is not known."""
    then = moment(at, now, zone)
    return f"{then}, {ago(at, now)}" if at is not None and then else ""


@lru_cache(maxsize=10_000)
def iso(at: int | None) -> str | None:
    """An instant in UTC, with milliseconds where there are any."""
    if at is None or not 0 <= at < NEVER:
        return None
    precision = "milliseconds" if at % SECOND else "seconds"
    return datetime.fromtimestamp(at / SECOND, UTC).isoformat(timespec=precision).replace("+00:00", "Z")


@lru_cache(maxsize=10_000)
def _local(second: int, zone: str) -> tuple[date, str, str]:
    """The day, the time and the zone's name. Worked out once: jobs that go down together share their instants."""
    local = datetime.fromtimestamp(second, _zone(zone))
    return local.date(), _hour(local), _abbreviation(local)


def _zone(zone: str) -> tzinfo:
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # a zone that this machine lacks: the alert must go out all the same
        return UTC


def _hour(local: datetime) -> str:
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def _abbreviation(local: datetime) -> str:
    word = local.tzname() or "UTC"
    return f"UTC{word}" if word[0] in "+-" else word
