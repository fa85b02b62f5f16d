"""When a schedule should run, worked out the slow way: wall clock by wall clock, asking zoneinfo for each.

Nothing here knows `heartbeat.schedule`. The rules are the DST table of Debian's cron: in the hour that does not exist a
fixed expression runs at the jump (unless the clock jumped by more than three hours) and a wildcard does not run; in the
hour that comes twice a fixed one runs in the first pass only and a wildcard in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
LONGEST_JUMP = timedelta(hours=3)
UNIX, EVENTBRIDGE = "unix", "eventbridge"


@dataclass(frozen=True, kw_only=True)
class Cron:
    """One expression: its text for heartbeat, and what it means for us (sets, not syntax).

    weekdays (Monday is 0) and monthdays: None is any; when both are given, either will do.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    weekdays: frozenset[int] | None = None
    monthdays: frozenset[int] | None = None
    fixed: bool
    dialect: str = UNIX

    def runs_on(self, day: date) -> bool:
        wanted = [days for days in (self.weekdays, self.monthdays) if days is not None]
        found = (self.weekdays and day.weekday() in self.weekdays) or (self.monthdays and day.day in self.monthdays)
        return not wanted or bool(found)


def slots_between(crons: tuple[Cron, ...], zone: str, start: int, end: int) -> list[int]:
    """Every slot of the union in start <= slot <= end, as milliseconds since the epoch."""
    tz = ZoneInfo(zone)
    found: set[int] = set()
    day = instant(start).astimezone(tz).date() - timedelta(days=1)
    last = instant(end).astimezone(tz).date() + timedelta(days=1)
    while day <= last:
        for cron in crons:
            if cron.runs_on(day):
                found.update(_of_day(cron, day, tz))
        day += timedelta(days=1)
    return sorted(slot for slot in found if start <= slot <= end)


def _of_day(cron: Cron, day: date, tz: ZoneInfo) -> list[int]:
    return [
        ms(moment)
        for hour in cron.hours
        for minute in cron.minutes
        for moment in _moments(cron.dialect, cron.fixed, datetime(day.year, day.month, day.day, hour, minute), tz)  # noqa: DTZ001
    ]


def _moments(dialect: str, fixed: bool, wall: datetime, tz: ZoneInfo) -> list[datetime]:
    """The instants at which a job for this wall clock reading runs."""
    first = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=tz, fold=1).astimezone(UTC)
    if first == second:
        return [first]
    if first.astimezone(tz).replace(tzinfo=None) != wall:  # the clock jumps over it
        return [_jump(second, first, tz)] if dialect == UNIX and fixed and first - second <= LONGEST_JUMP else []
    return [first] if fixed or dialect == EVENTBRIDGE else [first, second]


def _jump(low: datetime, high: datetime, tz: ZoneInfo) -> datetime:
    """The first minute after which the zone's offset is no longer what it was at `low`."""
    before = low.astimezone(tz).utcoffset()
    while low < high and low.astimezone(tz).utcoffset() == before:
        low += MINUTE
    return low


@lru_cache(maxsize=4096)
def named(text: str, zone: str) -> int | None:
    """The instant that a wall clock reading such as 2026-11-22T09:00 names; None if it comes twice."""
    first = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return None if ms(first.replace(fold=1)) > ms(first) else ms(first)


def instant(at: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)


def ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def clock(at: int, zone: str = "UTC") -> str:
    """For people: the local date and time, to the second (and the millisecond where there is one)."""
    local = instant(at).astimezone(ZoneInfo(zone))
    return local.strftime("%m-%d %H:%M:%S") + (f".{at % 1000:03}" if at % 1000 else "")
