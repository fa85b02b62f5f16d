"""Which jobs and slots an S3 key concerns: the templates of `evidence.key`, read backwards.

A template finds the jobs and the time that the key names; whether the object is a slot's evidence is decided by
`evidence.belongs`, as for the sweep.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heartbeat.core import slots
from heartbeat.ingest import evidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from heartbeat.ingest.events import Object
    from heartbeat.model import Job, Snapshot

BACK_MAX = 400
"""How many slots to go back for a key that names its time only in part, such as `{date:%m-%d}`: a year of days."""
FORMS_MAX = 10_000
"""How many templates are kept as patterns; each is made when a key with the same beginning comes."""
DIGITS = {"Y": 4, "j": 3, "u": 1, "G": 4} | dict.fromkeys("mdHMSyV", 2)
_CENTURY = 2000
_DIRECTIVE = re.compile(r"%(.)|([^%]+|%)", re.DOTALL)


class Keys:
    """All jobs' evidence keys, indexed once. own: the name of the service's own bucket, "" for none."""

    def __init__(self, jobs: Iterable[Job], own: str) -> None:
        self._near: dict[tuple[str, str], list[Job]] = {}
        for job in jobs:
            if job.evidence is not None:
                begins = job.evidence.key.partition("{")[0]
                place = (job.evidence.bucket or own, begins)
                self._near.setdefault(place, []).append(job)
        self._begins = sorted({len(begins) for _, begins in self._near})

    def jobs(self, found: Object) -> Iterator[Job]:
        """The jobs whose evidence this object may be. Tries only templates that begin like its key."""
        for length in self._begins:
            for job in self._near.get((found.bucket, found.key[:length]), ()):
                if job.evidence is not None and form(job.evidence.key).fullmatch(found.key):
                    yield job


@lru_cache(maxsize=FORMS_MAX)
def form(template: str) -> re.Pattern[str]:
    """A pattern for the keys that a template makes, with the parts of the date as groups (the first of each kind)."""
    named: set[str] = set()
    whole, last = "", 0
    for part in evidence.PART.finditer(template):
        whole += re.escape(template[last : part.start()])
        whole += re.escape(part[0][0]) if part[1] is None else _date(part[1], named)
        last = part.end()
    return re.compile(whole + re.escape(template[last:]), re.ASCII | re.DOTALL)


def _date(written: str, named: set[str]) -> str:
    whole = ""
    for part in _DIRECTIVE.finditer(written):
        letter = part[1]
        if letter is None or letter == "%":
            whole += re.escape(part[2] or "%")
        elif letter in DIGITS and letter not in named:
            named.add(letter)
            whole += rf"(?P<{letter}>\d{{{DIGITS[letter]}}})"
        else:
            whole += rf"\d{{{DIGITS[letter]}}}" if letter in DIGITS else ".{1,40}?"
    return whole


def candidates(snapshot: Snapshot, key: str, modified: int, now: int) -> list[int]:
    """The few slots that an object with this key, last modified then, may be evidence for."""
    job, schedule = snapshot.job, slots.schedule_of(snapshot.job)
    if schedule.interval_ms is not None:
        near = [slots.heartbeat_cursor(snapshot.state) + schedule.interval_ms]
    else:
        near = _by_date(snapshot, key, modified, now)
    return [slot for slot in dict.fromkeys(near) if key in evidence.keys(job, slot, now)]


def _by_date(snapshot: Snapshot, key: str, modified: int, now: int) -> list[int]:
    job, schedule = snapshot.job, slots.schedule_of(snapshot.job)
    found = form(job.evidence.key).fullmatch(key) if job.evidence else None
    if found is None:
        return []
    named = window({name: int(digits) for name, digits in found.groupdict().items()}, ZoneInfo(job.timezone))
    if named is None:
        return _going_back(snapshot, key, modified)
    start, end = max(named[0], snapshot.state.born), min(named[1] - 1, schedule.next_ms(now) or named[1])
    if start > end:
        return []
    ends = (schedule.next_ms(start - 1), schedule.previous_ms(end + 1), slots.by_time(job, snapshot.state, modified))
    return [slot for slot in ends if slot is not None and start <= slot <= end]


def _going_back(snapshot: Snapshot, key: str, modified: int) -> list[int]:
    """The latest slots with this key when it was modified, including the next one."""
    job, schedule = snapshot.job, slots.schedule_of(snapshot.job)
    found: list[int] = []
    slot = schedule.next_ms(modified) or schedule.previous_ms(modified + 1)
    for _ in range(BACK_MAX):
        if slot is None or slot <= snapshot.state.born or len(found) > 1:
            break
        if evidence.key_of(job, slot) == key:
            found.append(slot)
        slot = schedule.previous_ms(slot)
    return found


def window(parts: Mapping[str, int], zone: ZoneInfo) -> tuple[int, int] | None:
    """From (inclusive) to (exclusive) in milliseconds; None when the parts name no year, or a time that does not exist.

    parts: numbers by strftime directive letter. An hour that occurs twice includes both.
    """
    try:
        start, end = _local(parts)
        return (min(_ms(start, zone, fold) for fold in (0, 1)), max(_ms(end, zone, fold) for fold in (0, 1)))
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
