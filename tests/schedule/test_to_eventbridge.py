"""Our schedules as EventBridge's: nothing of ours at which nothing fires, over years, in many zones."""

import random
from datetime import UTC, datetime

import pytest

from heartbeat.errors import BadSchedule
from heartbeat.schedule import parse
from heartbeat.schedule.to_eventbridge import schedules_for

ZONES = (
    *("UTC", "Asia/Tokyo", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"),
    *("Asia/Kolkata", "Africa/Cairo", "America/Santiago"),
)
START, END = (round(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000) for year in (2026, 2029))


def texts(expression, zone="UTC", dialect=None):
    return [each.text for each in schedules_for(parse(expression, zone, dialect=dialect))]


def slots(schedule):
    found, slot = set(), schedule.next_ms(START - 1)
    while slot is not None and slot < END:
        found.add(slot)
        slot = schedule.next_ms(slot)
    return found


def fired(expressions):
    return set().union(*(slots(parse(each.text, each.timezone, dialect="eventbridge")) for each in expressions))


@pytest.mark.parametrize(
    ("expression", "made"),
    [
        ("0 9 * * *", ["cron(0 9 * * ? *)"]),
        ("@daily", ["cron(0 0 * * ? *)"]),
        ("*/15 * * * *", ["cron(0/15 * * * ? *)"]),
        ("* * * * *", ["cron(* * * * ? *)"]),
        ("0 9-17 * * 1-5", ["cron(0 9-17 ? * 2-6 *)"]),
        ("0 9 * * 0", ["cron(0 9 ? * 1 *)"]),
        ("0 9 * * 7", ["cron(0 9 ? * 1 *)"]),
        ("0 9 * * FRI", ["cron(0 9 ? * 6 *)"]),
        ("0 9 * * 1,3,5", ["cron(0 9 ? * 2,4,6 *)"]),
        ("0 9 * * */2", ["cron(0 9 ? * 1,3,5,7 *)"]),
        ("0 9 13 * */3", ["cron(0 9 ? * 1,4,7 *)"]),
        ("30 2 1,15 * *", ["cron(30 2 1,15 * ? *)"]),
        ("0 0 1 1-6 *", ["cron(0 0 1 1-6 ? *)"]),
        ("0 9 13 * 5", ["cron(0 9 13 * ? *)", "cron(0 9 ? * 6 *)"]),
        ("0 9 */2 * 1", ["cron(0 9 ? * 2 *)"]),
        ("0 9 L * *", ["cron(0 9 28-31 * ? *)"]),
        ("0 9 LW * *", ["cron(0 9 26-31 * ? *)"]),
        ("0 9 15W * *", ["cron(0 9 13-17 * ? *)"]),
        ("0 9 * * 5#3", ["cron(0 9 ? * 6 *)"]),
        ("0 9 * * 5L", ["cron(0 9 ? * 6 *)"]),
        ("cron(0 9 ? * 6#3 *)", ["cron(0 9 ? * 6#3 *)"]),
        ("at(2026-12-01T09:00:00)", ["at(2026-12-01T09:00:00)"]),
        ("Mon..Fri *-*-* 09:00", ["cron(0 9 ? * 2-6 *)"]),
        (("0 9 * * *", "0 21 * * *"), ["cron(0 9 * * ? *)", "cron(0 21 * * ? *)"]),
    ],
)
def test_an_expression(expression, made):
    assert texts(expression) == made


@pytest.mark.parametrize(
    ("expression", "zone", "made"),
    [
        ("30 3 * * *", "Europe/Berlin", ["cron(30 3 * * ? *)"]),
        ("30 2 * * *", "Europe/Berlin", ["cron(30 2 * * ? *)", "cron(0 1 * 3 ? *)"]),
        ("0 * * * *", "Europe/Berlin", ["cron(0 * * * ? *)", "cron(0 1 * 10 ? *)"]),
        ("30 2 * * *", "Asia/Tokyo", ["cron(30 2 * * ? *)"]),
    ],
)
def test_where_the_clock_changes_one_more_fires_in_utc(expression, zone, made):
    assert texts(expression, zone) == made


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("every 15m", "has no fixed times"),
        ("rate(5 minutes)", "has no fixed times"),
        ("RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18", "write it as cron"),
        ("*-*-* 09:00:30", "has seconds, and EventBridge has none"),
        ("at(2026-12-01T09:00:30)", "has seconds, and EventBridge has none"),
        ([f"{n} {n} * * *" for n in range(6)], "would need 6 schedules of EventBridge"),
    ],
)
def test_what_it_cannot_say_is_refused_in_words(expression, words):
    with pytest.raises(BadSchedule, match=words):
        schedules_for(parse(tuple(expression) if isinstance(expression, list) else expression, "UTC"))


def field(dice, low, high):
    one = dice.randrange(low, high + 1)
    other = dice.randrange(one, high + 1)
    return dice.choice(["*", "*", str(one), f"{one}-{other}", f"{one},{other}", f"*/{dice.randrange(2, 9)}"])


def crontab(dice):
    minute = dice.choice([str(dice.randrange(60)), "*/20", "0,30", "*"]) if dice.random() < 0.9 else "*"
    hour = dice.choice(["*", "*/2", str(dice.randrange(24)), "1-4", "2", "0,2,3"])
    monthday = dice.choice(["*", "*", field(dice, 1, 28), "L", "LW", "15W", "1W"])
    weekday = dice.choice(["*", "*", field(dice, 0, 6), "5#3", "1L", "0,6"])
    text = f"{minute} {hour} {monthday} {field(dice, 1, 12)} {weekday}"
    try:
        parse(text, "UTC")
    except BadSchedule:  # never fires
        return crontab(dice)
    return text


@pytest.mark.parametrize("zone", ZONES)
def test_at_every_slot_of_three_years_something_fires(zone):
    dice = random.Random(zone)  # noqa: S311 - the same expressions each time
    seen = extra = 0
    for _ in range(10):
        text = crontab(dice)
        schedule = parse(text, zone)
        ours, theirs = slots(schedule), fired(schedules_for(schedule))
        assert ours - theirs == set(), text
        seen, extra = seen + len(ours), extra + len(theirs - ours)
    assert seen > 100
    assert extra < 4 * seen, "it does not simply fire all the time"


@pytest.mark.parametrize("expression", ["30 2 * * *", "0 9 * * 1-5", "*/10 * * * *", "0 0 1 * *", "15 */3 * * *"])
@pytest.mark.parametrize("zone", ZONES)
def test_usual_ones_fire_at_hardly_more_than_their_slots(zone, expression):
    schedule = parse(expression, zone)
    ours, theirs = slots(schedule), fired(schedules_for(schedule))
    assert ours <= theirs
    assert len(theirs - ours) <= 3 * 250, "a month or two of each year, at the hours of the change"
