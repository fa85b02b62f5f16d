"""An RRULE in English words: the common parts; anything else follows as written."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from heartbeat.schedule.words import MONTH_NAMES, NTH, SHOWN, WEEKDAY_NAMES, joined, plural, spans, week_from_monday

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_UNITS = {"YEARLY": "year", "MONTHLY": "month", "WEEKLY": "week", "DAILY": "day", "HOURLY": "hour"}
_DAYS = dict(zip(("SU", "MO", "TU", "WE", "TH", "FR", "SA"), WEEKDAY_NAMES, strict=True))
_BYDAY = re.compile(r"([+-]?[0-9]*)([A-Z]{2})")
_SAID = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYHOUR", "BYMINUTE", "BYSECOND", "WKST"}


def recurrence_in_words(parts: dict[str, str], begin: datetime | None, excluded: Sequence[datetime] = ()) -> str:
    """For example `every month on the last Friday at 18:00`. begin: its time is the rule's time."""
    words = [_every(parts)]
    of_a_set = _is_a_set_of_days(parts)
    if of_a_set:
        words.append(f"on {joined([_of_set(n, parts['BYDAY'].split(',')) for n in _numbers(parts['BYSETPOS'])])}")
    elif "BYDAY" in parts:
        words.append(f"on {_days(parts['BYDAY'].split(','))}")
    if "BYMONTHDAY" in parts:
        words.append(f"on {joined([_monthday(n) for n in _numbers(parts['BYMONTHDAY'])])}")
    if "BYMONTH" in parts:
        words.append(f"in {spans(_numbers(parts['BYMONTH']), MONTH_NAMES)}")
    words.append(_time(parts, begin))
    said = _SAID | ({"BYSETPOS"} if of_a_set else set())
    rest = ";".join(f"{name}={value}" for name, value in parts.items() if name not in said)
    return " ".join(word for word in (*words, rest and f"({rest})", _except(excluded)) if word)


def _is_a_set_of_days(parts: dict[str, str]) -> bool:
    """Whether BYSETPOS chooses among weekdays alone: one time a day, and no days of the month beside them."""
    others = {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO"} & parts.keys()
    once = all("," not in parts.get(name, "") for name in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    plain = set(parts.get("BYDAY", "-").split(",")) <= set(_DAYS)
    return "BYSETPOS" in parts and plain and once and not others and parts["FREQ"] in {"YEARLY", "MONTHLY"}


def _of_set(n: int, names: list[str]) -> str:
    """`the last Sunday`, `the first of Monday to Friday`."""
    if len(names) == 1 and (n == -1 or 0 < n < len(NTH)):
        return _day(f"{n}{names[0]}")
    place = "last" if n == -1 else NTH[abs(n)] if abs(n) < len(NTH) else f"number {abs(n)}"
    return f"the {place} of {_days(names)}" + (" from the end" if n < -1 else "")


def _except(excluded: Sequence[datetime]) -> str:
    shown = [f"{each:%Y-%m-%d}" for each in excluded[:SHOWN]]
    return f"except on {joined(shown)}" + (" …" if len(excluded) > SHOWN else "") if shown else ""


def _every(parts: dict[str, str]) -> str:
    unit, interval = _UNITS[parts["FREQ"]], parts.get("INTERVAL", "1")
    return f"every {unit}" if interval == "1" else f"every {interval} {unit}s"


def _days(names: list[str]) -> str:
    """Plain weekdays in the order of the week, with Monday to Friday as a range; otherwise one by one."""
    if set(names) <= set(_DAYS):
        return spans(week_from_monday(sum(1 << list(_DAYS).index(name) for name in set(names))), WEEKDAY_NAMES)
    return joined([_day(each) for each in names])


def _day(text: str) -> str:
    form = _BYDAY.fullmatch(text)
    if form is None:
        return text
    n, name = int(form[1] or 0), _DAYS[form[2]]
    if n == 0:
        return name
    if n < 0:
        return f"the last {name}" if n == -1 else f"the {name} number {-n} from the end"
    return f"the {NTH[n]} {name}" if n < len(NTH) else f"{name} number {n}"


def _monthday(n: int) -> str:
    if n > 0:
        return f"day {n}"
    return "the last day" if n == -1 else f"day {-n} from the end"


def _time(parts: dict[str, str], begin: datetime | None) -> str:
    hour, minute, second = f"{begin:%H %M %S}".split() if begin else "000"
    minutes, seconds = _numbers(parts.get("BYMINUTE", minute)), _numbers(parts.get("BYSECOND", second))
    if parts["FREQ"] == "HOURLY":
        hours = f"of {plural('hour', parts['BYHOUR'].split(','))} {parts['BYHOUR']} " if "BYHOUR" in parts else ""
        return f"{hours}at {plural('minute', minutes)} {spans(minutes)}"
    times = list(product(_numbers(parts.get("BYHOUR", hour)), minutes, seconds))
    shown = [f"{h:02}:{m:02}" + (f":{s:02}" if s else "") for h, m, s in times[:SHOWN]]
    return f"at {joined(shown)}" + (" …" if len(times) > SHOWN else "")


def _numbers(text: str) -> list[int]:
    return sorted(int(each) for each in text.split(","))
