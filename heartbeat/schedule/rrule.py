"""iCalendar's RRULE, read by python-dateutil, which knows only wall clock readings: the rest of the rule is ours.

Without a DTSTART the rule itself must say what iCalendar would take from there, and its days begin at midnight.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from heartbeat.schedule.icalendar import read_written, refused
from heartbeat.schedule.recurrence import LATER, Recurrence
from heartbeat.schedule.rule import POLICIES, Zoned

if TYPE_CHECKING:
    from dateutil.rrule import rrule

    from heartbeat.schedule.rule import Rule
    from heartbeat.schedule.zones import Zone

_UNTIL = re.compile(r"([0-9]{8})(?:(T[0-9]{6})(Z?))?")
_SMALL = re.compile(r"[1-9][0-9]{0,3}")
# iCalendar takes these from DTSTART, so a rule without one must name them.
_NEEDS = {
    "YEARLY": ("BYMONTHDAY", "BYDAY", "BYYEARDAY", "BYWEEKNO"),
    "MONTHLY": ("BYMONTHDAY", "BYDAY"),
    "WEEKLY": ("BYDAY",),
    "DAILY": ("FREQ",),
    "HOURLY": ("FREQ",),
}
_NAMES = {
    *("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYYEARDAY", "BYWEEKNO"),
    *("BYSETPOS", "BYHOUR", "BYMINUTE", "BYSECOND"),
}
_TIMES_A_DAY = 96
_DAY = re.compile(r"[+-]?([1-9][0-9]?)?(?:MO|TU|WE|TH|FR|SA|SU)")


def read_rrule(text: str, zone: Zone) -> Rule:
    """A rule from `RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18`, or as `icalendar` shows."""
    written = read_written(text, zone)
    begin, parts = written.begin, _parts(written.rule, text)
    if begin is None:
        _check_stands_alone(parts, text)
    wall = Recurrence(
        rule=_made(_hours_spelt_out(parts, begin, text), begin, _until(parts.get("UNTIL"), written.zone, text), text),
        parts=parts,
        begin=begin,
        excluded=written.excluded,
        excluded_days=written.excluded_days,
    )
    return Zoned(wall=wall, zone=written.zone, policy=POLICIES["rrule"])


def _parts(rule: str, text: str) -> dict[str, str]:
    parts = dict(part.partition("=")[::2] for part in rule.removesuffix(";").split(";"))
    unknown = sorted(set(parts) - _NAMES)
    if unknown:
        raise refused(text, f"holds {unknown[0]}, which is not supported")
    if parts.get("FREQ") not in _NEEDS:
        raise refused(text, "needs a FREQ of YEARLY, MONTHLY, WEEKLY, DAILY or HOURLY")
    for name in {"INTERVAL", "COUNT"} & set(parts):
        if not _SMALL.fullmatch(parts[name]):
            raise refused(text, f"has a bad {name}", f"write {name} as a number from 1 to 9999")
    if "BYDAY" in parts:
        _check_days(parts, text)
    return parts


def _check_days(parts: dict[str, str], text: str) -> None:
    """Refuse numbered weekdays that cannot exist: for a month's tenth Friday, dateutil reads past its tables."""
    by_year = parts["FREQ"] == "YEARLY" and "BYMONTH" not in parts
    most = 53 if by_year else 5 if parts["FREQ"] in {"YEARLY", "MONTHLY"} else 0
    for day in parts["BYDAY"].split(","):
        form = _DAY.fullmatch(day)
        if form is None or int(form[1] or 0) > most:
            raise refused(text, f"holds the day {day}, which does not exist here", "write BYDAY=MO,TU or BYDAY=-1FR")


def _check_stands_alone(parts: dict[str, str], text: str) -> None:
    if parts.get("INTERVAL", "1") != "1" or "COUNT" in parts:
        raise refused(text, "counts from a beginning that it does not name", "put DTSTART:20260101T090000 before it")
    needs = _NEEDS[parts["FREQ"]]
    if not any(each in parts for each in needs):
        raise refused(text, "does not say on which days", f"add {' or '.join(needs)}, or a DTSTART before it")


def _hours_spelt_out(parts: dict[str, str], begin: datetime | None, text: str) -> dict[str, str]:
    """The parts, with HOURLY as DAILY and its hours; refused if a year would have too many times to hold."""
    spelt = {name: value for name, value in parts.items() if name != "UNTIL"}
    if parts["FREQ"] == "HOURLY":
        step = int(parts.get("INTERVAL", "1"))
        if 24 % step or "BYSETPOS" in parts or "COUNT" in parts:
            raise refused(text, "is HOURLY in a way that does not repeat daily", "write FREQ=DAILY with BYHOUR")
        hours = {str(hour) for hour in range(begin.hour % step if begin else 0, 24, step)}
        named = set(parts["BYHOUR"].split(",")) & hours if "BYHOUR" in parts else hours
        spelt |= {"FREQ": "DAILY", "INTERVAL": "1", "BYHOUR": ",".join(named)}
    times = 1
    for name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        times *= len(spelt.get(name, "").split(","))
    if times > _TIMES_A_DAY:
        raise refused(text, f"comes more than {_TIMES_A_DAY} times a day", "write it as cron, such as */5 * * * *")
    return spelt


def _until(text: str | None, zone: Zone, whole: str) -> datetime | None:
    """The last reading, on the zone's clock. RFC 5545: Z is UTC. A date alone means its whole day."""
    form = _UNTIL.fullmatch(text) if text else None
    if text is None:
        return None
    try:
        until = datetime.fromisoformat(f"{form[1]}{form[2] or 'T235959'}") if form else None
    except ValueError:
        until = None
    if form is None or until is None:
        raise refused(whole, "has a bad UNTIL", "write UNTIL=20261231 or UNTIL=20261231T235959Z")
    return until.replace(tzinfo=UTC).astimezone(zone.tz).replace(tzinfo=None) if form[3] else until


def _made(parts: dict[str, str], begin: datetime | None, until: datetime | None, text: str) -> rrule:
    """The rule as dateutil's, LATER; one that never fires is refused here, at the cost of one search."""
    from dateutil.rrule import rrule, rrulestr  # noqa: PLC0415 -- the base install has no dateutil

    try:
        made = rrulestr(
            ";".join("=".join(part) for part in parts.items()),
            dtstart=(begin or datetime(1970, 1, 1)) + LATER,  # noqa: DTZ001 -- a reading of a clock on the wall
        )
        if isinstance(made, rrule) and until:
            made = made.replace(until=until + LATER)
    except (ValueError, TypeError, OverflowError) as error:
        raise refused(text, f"cannot be read ({error})") from None
    if not isinstance(made, rrule) or next(iter(made), None) is None:
        raise refused(text, "never comes", "name days that the months have")
    return made
