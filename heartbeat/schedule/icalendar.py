"""What calendars write around a rule: DTSTART, its TZID or Z, and EXDATE, on lines of their own (RFC 5545, 3.8).

    DTSTART;TZID=Europe/Berlin:20260101T090000
    RRULE:FREQ=DAILY
    EXDATE;TZID=Europe/Berlin:20261225T090000

The rule is read on the clock of its DTSTART: in TZID's zone, in UTC for a Z, otherwise in the job's.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from heartbeat.errors import BadSchedule
from heartbeat.schedule.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heartbeat.schedule.zones import Zone

NAMES = ("DTSTART", "RRULE", "EXDATE", "RDATE", "EXRULE")
EXAMPLE = "write it like RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18 or DTSTART:20260101T090000 RRULE:FREQ=DAILY;INTERVAL=2"
_NAME = rf"(?:{'|'.join(NAMES)})"
_PROPERTY = re.compile(rf'({_NAME})((?:;[A-Z-]+=(?:"[^"]*"|[^:;"]*))*)[:=](\S+)(?:\s+|$)', re.IGNORECASE)
_BEGINS = re.compile(rf"{_NAME}[:;=]", re.IGNORECASE)
_GLUED = re.compile(rf";(?={_NAME}[:;=])", re.IGNORECASE)
_TZID = re.compile(r';TZID="?/?([^";]+)', re.IGNORECASE)
_DATE = re.compile(r"([0-9]{8})(?:(T[0-9]{6})(Z?))?")


class Written(Struct, frozen=True, kw_only=True):
    """rule: without its name; begin: the DTSTART, on the zone's clock; excluded: readings, and days (of no time)."""

    rule: str
    zone: Zone
    begin: datetime | None = None
    excluded: frozenset[datetime] = frozenset()
    excluded_days: frozenset[datetime] = frozenset()


def joined_lines(lines: Sequence[str]) -> list[str]:
    """The lines, with those of one calendar entry as one: a new entry begins with a second RRULE or DTSTART."""
    found: list[str] = []
    there: set[str] = set()
    for place, line in enumerate(lines):
        names = {name for name in NAMES if re.search(rf"(?:^|\s){name}[:;=]", line, re.IGNORECASE)}
        first = names == {"DTSTART"} and "RRULE" in there and any(_begins(each, "RRULE") for each in lines[place + 1 :])
        if not names or not there or first or names & there & {"DTSTART", "RRULE"}:
            found.append(line)
            there = names
        else:
            found[-1] += f" {line}"
            there |= names
    return found


def _begins(line: str, name: str) -> bool:
    return line.upper().startswith((f"{name}:", f"{name};"))


def is_calendars(text: str) -> bool:
    """Whether a text begins as a calendar's property does."""
    return _BEGINS.match(text) is not None


def unfolded(text: str) -> str:
    """RFC 5545, 3.1: a line that begins with a blank goes on with the one before."""
    return re.sub(r"\r?\n[ \t]", "", text) if is_calendars(text.lstrip()) else text


def read_written(text: str, own: Zone) -> Written:
    """The parts. own: the job's zone. Raises BadSchedule."""
    found = list(_properties(text))
    rules = [value.upper() for name, _, value in found if name == "RRULE"]
    begins = [(params, value) for name, params, value in found if name == "DTSTART"]
    if len(rules) != 1 or len(begins) > 1:
        raise refused(text, "must have one RRULE, and at most one DTSTART")
    if not begins:
        return _excluding(Written(rule=rules[0], zone=own), found, text)
    begin, place = _instant(*begins[0], own, text)
    return _excluding(Written(rule=rules[0], zone=place, begin=begin), found, text)


def _properties(text: str) -> Iterator[tuple[str, str, str]]:
    rest = _GLUED.sub(" ", text.strip())
    if not is_calendars(rest):
        rest = f"RRULE:{rest}"
    place = 0
    for form in _PROPERTY.finditer(rest):
        if form.start() != place:
            break
        name, place = form[1].upper(), form.end()
        if name == "RDATE":
            raise refused(text, "has an RDATE", "write the date beside it in a list, as at(2026-12-01T09:00:00)")
        if name == "EXRULE":
            raise refused(text, "has an EXRULE, which calendars gave up", "name the dates as EXDATE:20261225T090000")
        yield name, form[2], form[3]
    if place != len(rest):
        raise refused(text, "cannot be read")


def _excluding(written: Written, found: list[tuple[str, str, str]], text: str) -> Written:
    days, readings = set(), set()
    for name, params, values in found:
        for value in values.split(",") if name == "EXDATE" else ():
            reading, place = _instant(params, value, written.zone, text)
            if "T" in value.upper():
                readings.add(_on_clock(reading, place, written.zone))
            else:
                days.add(reading)
    return Written(
        rule=written.rule,
        zone=written.zone,
        begin=written.begin,
        excluded=frozenset(readings),
        excluded_days=frozenset(days),
    )


def _instant(params: str, value: str, own: Zone, text: str) -> tuple[datetime, Zone]:
    """A reading, and the zone on whose clock it is."""
    form, named = _DATE.fullmatch(value.upper()), _TZID.search(params)
    try:
        reading = datetime.fromisoformat(f"{form[1]}{form[2] or ''}") if form else None
    except ValueError:
        reading = None
    if form is None or reading is None:
        raise refused(text, f"has {value[:20]}, which is no date")
    if form[3]:
        return reading, zone("UTC")
    return reading, zone(named[1]) if named else own


def _on_clock(reading: datetime, place: Zone, wanted: Zone) -> datetime:
    if place.name == wanted.name:
        return reading
    return reading.replace(tzinfo=UTC if place.name == "UTC" else place.tz).astimezone(wanted.tz).replace(tzinfo=None)


def refused(text: str, problem: str, remedy: str = EXAMPLE) -> BadSchedule:
    """The error that shows the whole entry."""
    return BadSchedule(field="RRULE", text=text, problem=problem, remedy=remedy)
