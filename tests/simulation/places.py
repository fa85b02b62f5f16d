"""Where and when a world lies (near a change of the clock, more often than not), and which schedules it draws."""

from __future__ import annotations

from datetime import UTC, datetime

from heartbeat.model import HOUR, MINUTE, SECOND
from simulation.wallclock import EVENTBRIDGE, UNIX, Cron, ms

# Zone, and changes of its clock (UTC). Odd ones: half an hour, at midnight, two hours, a whole day.
CHANGES = {
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),
    "Africa/Cairo": ("2026-04-23T22:00", "2026-10-29T21:00"),
    "Asia/Beirut": ("2026-03-28T22:00", "2026-10-24T21:00"),
    "America/Havana": ("2026-03-08T05:00", "2026-11-01T05:00"),
    "America/Santiago": ("2026-04-05T03:00", "2026-09-06T04:00"),
    "America/Sao_Paulo": ("2018-02-18T02:00", "2018-11-04T03:00"),
    "Asia/Tehran": ("2022-03-21T20:30", "2022-09-21T19:30"),
    "Antarctica/Troll": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "Pacific/Chatham": ("2026-04-04T14:00", "2026-09-26T14:00"),
    "Pacific/Apia": ("2011-12-30T10:00", "2011-09-24T11:00"),
}
STEADY = {"UTC": 0, "Asia/Tokyo": 0, "Asia/Kolkata": 0, "Asia/Kathmandu": 0}


def draw_period(dice):
    """(zone, start, end, whether it lasts for days)."""
    long = dice.random() < 0.04
    length = dice.randrange(40, 60) * HOUR if long else dice.randrange(2, 8) * HOUR + dice.randrange(HOUR)
    if dice.random() < 0.6:
        zone = dice.choice(sorted(CHANGES))
        change = ms(datetime.fromisoformat(dice.choice(CHANGES[zone])).replace(tzinfo=UTC))
        start = change - int(length * dice.uniform(0.2, 0.7))
    else:
        zone = dice.choice(sorted(STEADY))
        start = ms(datetime(2026, 1 + dice.randrange(12), 1 + dice.randrange(28), dice.randrange(24), tzinfo=UTC))
    start = start // SECOND * SECOND + dice.choice((0, 0, dice.randrange(MINUTE)))
    return zone, start, start + length, long


def draw_form(dice, long):
    """(interval or 0, expressions)."""
    if dice.random() < 0.2:
        return dice.choice((120, 360, 720) if long else (6, 15, 30, 60, 90)) * MINUTE, ()
    count = dice.choice((1, 1, 1, 2))
    return 0, tuple((_daily if long else dice.choice((_often, _often, _hourly)))(dice) for _ in range(count))


def _often(dice):
    step = dice.choice((10, 15, 15, 20, 30))
    if dice.random() < 0.25:
        text = f"cron(0/{step} * * * ? *)"
        return Cron(text=text, minutes=_every(60, step), hours=tuple(range(24)), fixed=False, dialect=EVENTBRIDGE)
    form = dice.choice(("step", "range", "list"))
    if form == "step":
        return Cron(text=f"*/{step} * * * *", minutes=_every(60, step), hours=tuple(range(24)), fixed=False)
    if form == "range":
        low = dice.randrange(0, 3)
        high = low + dice.randrange(2, 21)
        return Cron(
            text=f"*/{step} {low}-{high} * * *",
            minutes=_every(60, step),
            hours=tuple(range(low, high + 1)),
            fixed=False,
        )
    first, second = sorted(dice.sample(range(60), 2))
    return Cron(text=f"{first},{second} * * * *", minutes=(first, second), hours=tuple(range(24)), fixed=False)


def _hourly(dice):
    minute = dice.choice((0, 0, 30, dice.randrange(60)))
    form = dice.choice(("all", "step", "fixed", "fixed", "eventbridge"))
    if form == "all":
        return Cron(text=f"{minute} * * * *", minutes=(minute,), hours=tuple(range(24)), fixed=False)
    if form == "step":
        return Cron(text=f"{minute} */2 * * *", minutes=(minute,), hours=_every(24, 2), fixed=False)
    hours = tuple(sorted({0, 1, 2, 3, *dice.sample(range(24), 8)}))
    listed = ",".join(map(str, hours))
    if form == "eventbridge":
        text = f"cron({minute} {listed} * * ? *)"
        return Cron(text=text, minutes=(minute,), hours=hours, fixed=True, dialect=EVENTBRIDGE)
    return Cron(text=f"{minute} {listed} * * *", minutes=(minute,), hours=hours, fixed=True)


def _daily(dice):
    minute, hour = dice.choice((0, 15, 30, 45)), dice.choice((0, 1, 2, 2, 3, 9, 23))
    form = dice.choice(("daily", "daily", "weekdays", "either", "eventbridge"))
    if form == "eventbridge":
        text = f"cron({minute} {hour} * * ? *)"
        return Cron(text=text, minutes=(minute,), hours=(hour,), fixed=True, dialect=EVENTBRIDGE)
    text, weekdays, monthdays = "* * *", None, None
    if form == "weekdays":
        text, weekdays = "* * 1-6", frozenset(range(6))
    elif form == "either":
        first = 1 + dice.randrange(28)
        text, weekdays, monthdays = f"{first},{first + 2} * 0,3", frozenset({6, 2}), frozenset({first, first + 2})
    return Cron(
        text=f"{minute} {hour} {text}",
        minutes=(minute,),
        hours=(hour,),
        weekdays=weekdays,
        monthdays=monthdays,
        fixed=True,
        dialect=UNIX,
    )


def _every(upto, step):
    return tuple(range(0, upto, step))
