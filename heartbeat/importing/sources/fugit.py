"""Times as Ruby's fugit and rufus-scheduler read them: cron, with seconds or a zone, and English: `every day at 9am`.

fugit turns its English into cron, so this does the same. What is not understood here is refused, never guessed at.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from heartbeat.importing.crontab import Unreadable
from heartbeat.importing.sources.document import TEMPLATE
from heartbeat.schedule import format_duration

_SECONDS_FIRST = 6
_ZONE = re.compile(r"\s+(?:(?:in|on)\s+)?([A-Z][A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+|UTC|GMT)$")
_NOON = {"@noon": "0 12 * * *", "@midnight": "0 0 * * *"}
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_UNITS = {"s": "second", "sec": "second", "m": "minute", "min": "minute", "h": "hour", "d": "day", "w": "week"}
_PLAIN = {
    "minute": "* * * * *",
    "hour": "0 * * * *",
    "day": "0 0 * * *",
    "week": "0 0 * * 0",
    "month": "0 0 1 * *",
    "year": "0 0 1 1 *",
}
_STEPS = {"minute": "*/{} * * * *", "hour": "0 */{} * * *", "day": "0 0 */{} * *", "month": "0 0 1 */{} *"}
_EVERY = re.compile(r"(?P<count>\d+)?\s*(?P<unit>[a-z]+?)s?")
_CLOCK = re.compile(r"(?P<hour>\d{1,2}|[a-z]+)(?::(?P<minute>\d{2}))?\s*(?P<half>am|pm)?")
_NTH = r"\d{1,2}(?:st|nd|rd|th)?"
_MONTHDAY = re.compile(
    rf"(?:month )?(?:on )?(?:the |days? )?(?P<days>{_NTH}(?:(?:,| and)+ ?(?:the )?{_NTH})*)(?: of the month)?"
)
_LENGTH = re.compile(r"(\d+)\s*([a-z]+)\s*", re.IGNORECASE)
_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


class RubyTime(NamedTuple):
    """A schedule, its zone (empty if none is named), and what was left out."""

    time: str
    zone: str = ""
    remark: str = ""


def read_fugit(text: str) -> RubyTime:
    """What a text means to fugit. Raises Unreadable."""
    whole = " ".join(text.split())
    if TEMPLATE in whole or not whole:
        raise Unreadable("its schedule is a template: print the file as it is when the template is carried out")
    named = _ZONE.search(whole)
    bare, zone = (whole[: named.start()], named[1]) if named else (whole, "")
    if bare[0] in "@*0123456789":
        return _cron(_NOON.get(bare, bare), zone)
    return _spoken(bare.lower(), zone)


def _cron(text: str, zone: str) -> RubyTime:
    fields = text.split()
    if len(fields) != _SECONDS_FIRST:
        return RubyTime(text, zone)
    second, rest = fields[0], " ".join(fields[1:])
    step = re.fullmatch(r"\*(?:/(\d+))?", second)
    if step and set(fields[1:]) == {"*"}:
        return RubyTime(f"every {step[1] or 1}s", zone)
    if not second.isdecimal():
        raise Unreadable(f"{text}: it runs several times in a minute, which no schedule here can say; write every 30s")
    return RubyTime(rest, zone, "" if int(second) == 0 else f"its second, {second}, is left out")


def _spoken(text: str, zone: str) -> RubyTime:
    words = re.sub(r"^(?:every|each|from)\s+|^(?=at )", "", text)
    days, _, clock = words.partition("at ") if not words.startswith("at ") else ("day", "", words.removeprefix("at "))
    days = days.strip(" ,")
    if not re.match(r"every|each|from|at ", text):
        raise _not_understood(text)
    found = _days(days, text)
    minute = re.fullmatch(r"min(?:ute)?s? (\d{1,2})", clock)
    if minute and found.startswith("0 *"):
        return RubyTime(f"{minute[1]} {found.split(' ', 1)[1]}", zone)
    if clock and not found.startswith("0 0 "):
        raise _not_understood(text)
    return RubyTime(_at(found, clock, text) if clock else found, zone)


def _days(text: str, whole: str) -> str:
    """The cron for `day`, `15 minutes`, `weekday`, `monday and friday`, `month on the 1st`."""
    if named := _weekdays(re.sub(r"^week on ", "", text)):
        return f"0 0 * * {named}"
    if monthday := _MONTHDAY.fullmatch(text):
        return f"0 0 {','.join(re.findall(r'[0-9]+', monthday['days']))} * *"
    every = _EVERY.fullmatch(text)
    unit = _UNITS.get(every["unit"], every["unit"]) if every else ""
    count = int(every["count"] or 1) if every else 0
    if unit == "second" and count:
        return f"every {count}s"
    if unit in _PLAIN and count == 1:
        return _PLAIN[unit]
    if unit in _STEPS and count:
        return _STEPS[unit].format(count)
    raise _not_understood(whole)


def _weekdays(text: str) -> str:
    """`1,5` for `monday and friday`, `1-4` for `mon to thu`; empty if a word is no day."""
    if text in {"weekday", "weekdays"}:
        return "1-5"
    spoken = re.sub(r"\s+(?:to|through)\s+|\s*-\s*", "-", text)
    parts = [
        each for each in re.split(r"[,\s]+(?:and |or )?|\s+and\s+|\s+or\s+", spoken) if each not in {"", "and", "or"}
    ]
    numbers = ["-".join(_weekday(day) for day in part.split("-")) for part in parts]
    return ",".join(numbers) if numbers and all(re.fullmatch(r"\d(?:-\d)?", each) for each in numbers) else ""


def _weekday(word: str) -> str:
    whole = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
    word = word.rstrip("s") if word.endswith("days") else word
    return str(_DAYS.index(word[:3])) if word in whole or word in _DAYS else "?"


def _at(days: str, clock: str, whole: str) -> str:
    """The cron at these times of day."""
    times = [_clock(each, whole) for each in re.split(r"\s*(?:,|\band\b|\bor\b)\s*", clock) if each]
    hours, minutes = ({time[place] for time in times} for place in (0, 1))
    if not times or (len(hours) > 1 and len(minutes) > 1):
        raise Unreadable(f"{whole}: fugit itself takes only one minute with several hours; write a job for each time")
    rest = days.split(" ", 2)[2]
    return f"{','.join(map(str, sorted(minutes)))} {','.join(map(str, sorted(hours)))} {rest}"


def _clock(text: str, whole: str) -> tuple[int, int]:
    """Hour and minute of `9am`, `16:30`, `noon`, `five pm`."""
    word = re.sub(r"^(?:12(?::00)? )?(noon|midday|midnight)$", r"\1", text.strip())
    if word in {"noon", "midday", "midnight"}:
        return (0 if word == "midnight" else 12), 0
    form = _CLOCK.fullmatch(word)
    if form is None or not (form["hour"].isdecimal() or form["hour"] in _NUMBERS):
        raise _not_understood(whole)
    hour = int(form["hour"]) if form["hour"].isdecimal() else _NUMBERS.index(form["hour"])
    if form["half"]:
        hour = hour % 12 + (12 if form["half"] == "pm" else 0)
    return hour, int(form["minute"] or 0)


def _not_understood(text: str) -> Unreadable:
    return Unreadable(f"{text}: this English is not understood here; write cron, as Fugit.parse(…).original shows it")


def read_length(text: str) -> str:
    """`every 1h30m` for rufus' `1h30m`. Raises Unreadable."""
    parts = _LENGTH.findall(text)
    if not parts or "".join(a + b for a, b in parts) != "".join(text.split()):
        raise Unreadable(f"{text}: this is no length of time such as 30s, 15m or 1h30m")
    if any(unit[0] not in _MS or unit == "M" for _, unit in parts):
        raise Unreadable(f"{text}: months and years have no fixed length; write cron")
    return f"every {format_duration(sum(int(count) * _MS[unit[0]] for count, unit in parts))}"
