"""systemd's OnCalendar: `Mon..Fri *-*-* 09:00 Europe/Riga`, `*-*~01 18:00`, `hourly`. Whole seconds only."""

from __future__ import annotations

import re

from msgspec import Struct

from heartbeat.errors import BadSchedule
from heartbeat.schedule.days import EVERY_WEEKDAY, FIRST_YEAR, LAST_YEAR, Days
from heartbeat.schedule.rule import POLICIES, Rule, Zoned
from heartbeat.schedule.times import times
from heartbeat.schedule.wall import Calendar
from heartbeat.schedule.zones import Zone, zone

PREFIX = "OnCalendar="
SHORT = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
}
_NAMES = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_WEEKDAYS = {form: day for day, name in enumerate(_NAMES) for form in (name, name[:3])}
_WORDS = re.compile(r"[A-Za-z]+(?:(?:,|\.\.|-)[A-Za-z]+)*,?")
_DATE = re.compile(r"(?:([0-9*,./]+)-)?([0-9*,./]+)([-~])([0-9*,./]+)")
_TIME = re.compile(r"([0-9*,./]+):([0-9*,./]+)(?::([0-9*,./]+))?")
_ITEM = re.compile(r"(?:(\*)|([0-9]{1,4})(?:\.\.([0-9]{1,4}))?)(?:/([0-9]{1,4}))?")


class _Part(Struct, frozen=True, kw_only=True):
    """One number of a date or time."""

    name: str
    low: int
    high: int


_YEAR = _Part(name="year", low=FIRST_YEAR, high=LAST_YEAR)
_MONTH = _Part(name="month", low=1, high=12)
_DAY = _Part(name="day", low=1, high=31)
_FROM_END = _Part(name="day from the end of the month", low=1, high=31)
_HOUR = _Part(name="hour", low=0, high=23)
_MINUTE = _Part(name="minute", low=0, high=59)
_SECOND = _Part(name="second", low=0, high=59)


def looks_like_oncalendar(text: str) -> bool:
    """Whether the text can be nothing else: it has the prefix, or is a short word, a date or time, or only weekdays."""
    words = text.replace("T", " ").split()
    return (
        text.startswith(PREFIX)
        or text.lower() in SHORT
        or any(_DATE.fullmatch(word) or _TIME.fullmatch(word) for word in words)
        or (len(words) == 1 and text[:3].lower() in _WEEKDAYS and _WORDS.fullmatch(text) is not None)
    )


def read_oncalendar(text: str, own_zone: Zone) -> Rule:
    """A rule from an OnCalendar value, read in the zone at its end if there is one."""
    words = text.removeprefix(PREFIX).strip().split()
    read_in = zone(words.pop()) if len(words) > 1 and _is_zone(words[-1]) else own_zone
    words = SHORT.get(" ".join(words).lower(), " ".join(words)).split()
    weekdays = _weekdays(words.pop(0)) if words and _WORDS.fullmatch(words[0]) else EVERY_WEEKDAY
    date, time, has_any = _date_and_time(words, text)
    if not has_any and weekdays == EVERY_WEEKDAY:
        raise _refused("expression", text, "names no day and no time")
    years, months, monthdays, from_end = _date(date)
    days = Days(monthdays=monthdays, from_end=from_end, weekdays=weekdays, months=months, years=years)
    hours, minutes, seconds = _time(time)
    return Zoned(
        wall=Calendar(days=days, times=times(hours, minutes, seconds)), zone=read_in, policy=POLICIES["oncalendar"]
    )


def _is_zone(word: str) -> bool:
    """Whether the last word is a zone: apart from weekdays, nothing else begins with a letter."""
    return word[0].isalpha() and (_WORDS.fullmatch(word) is None or word[:3].lower() not in _WEEKDAYS)


def _date_and_time(words: list[str], text: str) -> tuple[str, str, bool]:
    """The date and the time in the words, or systemd's default for what is missing."""
    if len(words) == 1 and "T" in words[0]:
        words = words[0].split("T")
    date = words.pop(0) if words and _DATE.fullmatch(words[0]) else ""
    time = words.pop(0) if words and _TIME.fullmatch(words[0]) else ""
    if words:
        raise _refused("expression", text, f"holds {words[0]!r}, which cannot be read")
    return date or "*-*-*", time or "00:00:00", bool(date or time)


def _weekdays(text: str) -> int:
    mask = 0
    for item in text.removesuffix(",").split(","):
        first, _, last = item.replace("-", "..").partition("..")
        start, end = _weekday(first, text), _weekday(last or first, text)
        week = [1, 2, 3, 4, 5, 6, 0]  # systemd: weeks begin on Monday
        chosen = week[week.index(start) : week.index(end) + 1]
        if not chosen:
            raise _refused("day of week", text, "holds a range that runs backwards")
        mask |= sum(1 << day for day in chosen)
    return mask


def _weekday(word: str, text: str) -> int:
    day = _WEEKDAYS.get(word.lower())
    if day is None:
        raise _refused("day of week", text, f"holds {word!r}, which is no weekday")
    return day


def _date(text: str) -> tuple[int, int, int, int]:
    form = _DATE.fullmatch(text)
    year, month, sign, day = form.groups() if form else (None, "*", "-", "*")
    years, months = _mask(_YEAR, year or "*") >> FIRST_YEAR, _mask(_MONTH, month)
    if sign == "~":
        return years, months, 0, _mask(_FROM_END, day)
    return years, months, _mask(_DAY, day), 0


def _time(text: str) -> tuple[int, int, int]:
    form = _TIME.fullmatch(text)
    hour, minute, second = form.groups() if form else ("0", "0", "0")
    return _mask(_HOUR, hour), _mask(_MINUTE, minute), _mask(_SECOND, second or "0")


def _mask(part: _Part, text: str) -> int:
    mask = 0
    for item in text.split(","):
        for number in _numbers(part, item, text):
            mask |= 1 << number
    return mask


def _numbers(part: _Part, item: str, text: str) -> range:
    form = _ITEM.fullmatch(item)
    if form is None or (form[4] and int(form[4]) == 0):
        raise _refused(part.name, text, f"holds {item!r}, which cannot be read")
    star, first, last, by = form.groups()
    low = part.low if star else int(first)
    high = part.high if star or (by and not last) else int(last or first)
    if not part.low <= low <= high <= part.high:
        raise _refused(part.name, text, f"holds {item!r}, which does not lie within {part.low}..{part.high}")
    if part is _FROM_END and by and not star and not last:  # systemd: ~07/1 counts down to the month's last day
        return range(low, 0, -int(by))
    return range(low, high + 1, int(by or 1))


def _refused(field: str, text: str, problem: str) -> BadSchedule:
    return BadSchedule(
        field=field, text=text, problem=problem, remedy="write it like Mon..Fri *-*-* 09:00:00, *-*-01 03:30 or hourly"
    )
