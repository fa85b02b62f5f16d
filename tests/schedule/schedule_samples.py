"""Zones, expressions and a second reading of the rules, shared by the tests of schedules."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from heartbeat.schedule import parse

DATA = Path(__file__).parent.parent / "data"
DIALECTS = {"vixie": "unix", "eventbridge-rate": "eventbridge", "eventbridge-at": "eventbridge"}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HARD_ZONES = [
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Beirut", "America/Havana"),
    *(
        "America/Santiago",
        "Asia/Tehran",
        "America/Sao_Paulo",
        "Antarctica/Troll",
        "Africa/Casablanca",
        "Asia/Kathmandu",
    ),
]


def read_json(name):
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def ms(text):
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def following(text, zone, start, count, dialect=None):
    """The next slots, as ISO text."""
    return chain(parse(text, zone, dialect).next, start, count)


def preceding(text, zone, start, count, dialect=None):
    return chain(parse(text, zone, dialect).previous, start, count)


def chain(step, start, count):
    found, at = [], datetime.fromisoformat(start)
    for _ in range(count):
        at = step(at)
        if at is None:
            break
        found.append(at.isoformat())
    return found


def changes(zone, first_year, last_year):
    """The instants (in ms) at which the zone's offset changes, looked for hour by hour within days that differ."""
    at, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year, 1, 1, tzinfo=UTC)
    while at < end:
        if at.astimezone(zone).utcoffset() != (at + timedelta(days=1)).astimezone(zone).utcoffset():
            for minute in range(1440):
                now = at + timedelta(minutes=minute + 1)
                if at.astimezone(zone).utcoffset() != now.astimezone(zone).utcoffset():
                    yield (now - EPOCH) // timedelta(milliseconds=1)
                    break
        at += timedelta(days=1)


def roll_field(dice, low, high, *, star=0.4):
    """A random field that every cron reads alike."""
    roll = dice.random()
    if roll < star:
        return "*"
    if roll < star + 0.15:
        return f"*/{dice.randint(2, max(2, (high - low) // 2))}"
    if roll < star + 0.35:
        return ",".join(str(dice.randint(low, high)) for _ in range(dice.randint(1, 3)))
    start, end = sorted(dice.sample(range(low, high + 1), 2))  # never 8-8/4, which cronsim takes for 8/4
    return f"{start}-{end}" if dice.random() < 0.5 else f"{start}-{end}/{dice.randint(1, 7)}"


def roll_expression(dice):
    monthday, month, weekday = "*", "*", "*"
    if dice.random() < 0.4:
        monthday = dice.choice([roll_field(dice, 1, 28), "L", "LW", roll_field(dice, 1, 31, star=0)])
    if dice.random() < 0.2:
        month = roll_field(dice, 1, 12)
    if dice.random() < 0.4:
        weekday = dice.choice([roll_field(dice, 0, 6), "1-5", "MON-FRI", "5L", "2#1", "7"])
    return f"{roll_field(dice, 0, 59)} {roll_field(dice, 0, 23)} {monthday} {month} {weekday}"


TYPED_WRONG = [
    *("0 0 9 * * *", "0 9 * * * *", "0 9 * * * 2027", "30 0 9 * * *", "* * * * * *", "a b c d e f"),
    *("hello", "* * * *", "", "@reboot", "every 90", "every 0s", "0 22-2 * * *", "0 0 * * FRI-SUN"),
    *("5/15 * * * *", "*5 * * * *", "0 0 * * 8#1", "0 0 * * 1#6", "0 0 30 2 *", "rate(1 minutes)"),
    *("rate(5 minute)", "rate(0 minutes)", "at(2026-13-01)", "at(soon)", "cron(0 8 * ? 2-6 *)"),
    *("cron(0 8 * * * *)", "cron(0 8 ? * ? *)", "cron(0 8 ? ? ? ?)", "cron(? ? * * * *)"),
    *("cron(0 8 1 * MON *)", "cron(0 8 * * 1-5)", "cron(0 8 L * MON *)", "cron(0 8 ? * 6#3,2 *)"),
    *("cron(0 8 32 * MON *)", "RRULE:FREQ=DAILY;INTERVAL=2", "RRULE:FREQ=WEEKLY", "RRULE:FREQ=MINUTELY"),
    *("RRULE:FREQ=DAILY;BYHOUR=25", "DTSTART:20261301 RRULE:FREQ=DAILY", "RRULE:FREQ=DAILY;UNTIL=soon"),
    *("RRULE:FREQ=MONTHLY;BYDAY=1FR,10FR", "*-*-* 25:00", "*-13-* 09:00", "Mon 9am", "9am", "tomorrow"),
    *("2-30 * * *", "0 9 * * 1-5 "),
]
"""As people type them; the last one is right."""


def refused():
    """(text, dialect) of all that is refused, in the large sample and here."""
    sample = [
        (case["expr"], DIALECTS.get(case["dialect"], case["dialect"]))
        for cases in read_json("cron_invalid_sample.json").values()
        for case in cases
    ]
    return [*sample, *((text, None) for text in TYPED_WRONG[:-1])]


REFUSED = refused()
