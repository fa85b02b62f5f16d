"""Against a second reading of the rules: cronsim, dateutil, the wall clock minute by minute, and backwards."""

import random
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from dateutil.rrule import rrulestr
from schedule_samples import EPOCH, HARD_ZONES, changes, roll_expression

from heartbeat.errors import BadSchedule
from heartbeat.schedule import parse

HOUR, DAY = 3_600_000, 86_400_000
AGREED_ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Europe/Riga"]
CHUNKS, EXPRESSIONS, SLOTS = 8, 220, 64
COMPARED = 12_800  # of each chunk at least: 102,400 in all


@pytest.mark.parametrize("seed", range(CHUNKS))
def test_cronsim_agrees(seed):
    dice, compared = random.Random(seed), 0  # noqa: S311 -- a seeded die, no secret
    for _ in range(EXPRESSIONS):
        text, zone = roll_expression(dice), dice.choice(AGREED_ZONES)
        start = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=dice.randrange(40 * 366 * 86_400))
        try:
            schedule = parse(text, zone)
        except BadSchedule as refused:
            assert "never fires" in str(refused), (text, refused)  # noqa: PT017 -- the only refusal that is right
            continue
        theirs = list(islice(CronSim(text, start.astimezone(ZoneInfo(zone))), SLOTS))
        ours, at = [], start
        for _ in theirs:
            at = schedule.next(at)
            ours.append(at)
        assert [each.isoformat() for each in ours] == [each.isoformat() for each in theirs], (text, zone, start)
        compared += len(ours)
    assert compared >= COMPARED


@pytest.mark.parametrize("zone", HARD_ZONES)
@pytest.mark.parametrize("dialect", ["unix", "kubernetes", "oncalendar"])
def test_every_change_of_the_clock_backwards_as_forwards(zone, dialect):
    dice = random.Random(f"{zone} {dialect}")  # noqa: S311 -- a seeded die, no secret
    for change in changes(ZoneInfo(zone), 2005, 2035):
        minute, hour = dice.choice(["*/20", "30", "15,45", "0"]), dice.choice(["*", "0-5", "*/2", "2", "23,0,1"])
        text = (
            f"{minute} {hour} * * *"
            if dialect != "oncalendar"
            else dice.choice(["*:0/20", "02:30", "0..3:15", "00:00"])
        )
        schedule = parse(text, zone, dialect)
        low, high = change - 30 * HOUR, change + 30 * HOUR
        forwards, at = [], low - 1
        while (at := schedule.next_ms(at)) < high:
            forwards.append(at)
        backwards, at = [], high
        while (at := schedule.previous_ms(at)) >= low:
            backwards.append(at)
        assert forwards == backwards[::-1], (text, zone, change)
        assert all(a < b for a, b in pairwise(forwards))


@pytest.mark.parametrize("zone", HARD_ZONES)
def test_every_change_of_the_clock_minute_by_minute(zone):
    place = ZoneInfo(zone)
    for change in changes(place, 2016, 2027):
        walls = [
            (EPOCH + timedelta(milliseconds=at)).astimezone(place)
            for at in range(change - 6 * HOUR, change + 6 * HOUR, 60_000)
        ]
        weekday = walls[360].isoweekday() % 7
        for minutes, hours in [({0, 20, 40}, range(24)), ({30}, {0, 1, 2}), ({5, 35}, {23, 0, 1, 2, 3})]:
            fields = f"{','.join(map(str, sorted(minutes)))} {','.join(map(str, sorted(hours)))}"
            named = [wall for wall in walls if wall.minute in minutes and wall.hour in hours]
            on_day = [wall for wall in named if wall.isoweekday() % 7 == weekday]
            once = [wall for wall in named if not wall.fold]
            check(parse(f"{fields} * * *", zone, "kubernetes"), named, walls)
            check(parse(f"{fields} * * {weekday}", zone, "kubernetes"), on_day, walls)
            check(parse(f"cron({fields} * * ? *)", zone), once, walls)
            check(parse(f"cron({fields} ? * {weekday + 1} *)", zone), [w for w in once if w in on_day], walls)
            if len(hours) < 24:
                check(parse(f"{fields} * * *", zone), with_jump(once, walls, minutes, hours), walls)


def with_jump(once, walls, minutes, hours):
    """Debian's fixed jobs: the slots that exist, and the instant of the jump for those that do not."""
    before, jump = walls[359].replace(tzinfo=None), walls[360].replace(tzinfo=None)
    missing = [before + timedelta(minutes=n) for n in range(1, (jump - before) // timedelta(minutes=1))]
    caught = any(wall.minute in minutes and wall.hour in hours for wall in missing) and len(missing) <= 180
    return sorted({*once, walls[360]} if caught else once, key=lambda wall: wall.timestamp())


def check(schedule, named, walls):
    """Forwards at once, and next and previous from every eleventh minute."""
    assert list(schedule.between(walls[0], walls[-1] + timedelta(minutes=1))) == named
    instants = [wall.timestamp() for wall in named]
    for wall in walls[::11]:
        later = [slot for slot in instants if slot > wall.timestamp()]
        earlier = [slot for slot in instants if slot < wall.timestamp()]
        assert not later or schedule.next(wall).timestamp() == later[0], (schedule, wall)
        assert not earlier or schedule.previous(wall).timestamp() == earlier[-1], (schedule, wall)


def test_previous_and_next_meet_on_random_expressions():
    dice = random.Random(7)  # noqa: S311 -- a seeded die, no secret
    for _ in range(1500):
        try:
            schedule = parse(roll_expression(dice), dice.choice(HARD_ZONES))
        except BadSchedule:
            continue
        at = dice.randrange(10**9, 2 * 10**9) * 1000 + dice.choice([0, 1, 999])
        slot = schedule.next_ms(at)
        before = schedule.previous_ms(slot)
        assert before is None or (before <= at and schedule.next_ms(before) == slot), (schedule, at)
        assert schedule.previous_ms(slot + 1) == slot
        assert schedule.window_ms(at) == (schedule.previous_ms(at + 1), slot)


RULES = [
    "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;BYHOUR=9,17",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=DAILY;INTERVAL=3",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=MO",
    "FREQ=YEARLY;INTERVAL=3;BYYEARDAY=-1,100",
    "FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR",
    "FREQ=HOURLY;INTERVAL=6;BYMINUTE=15",
    "FREQ=DAILY;COUNT=40",
    "FREQ=DAILY;UNTIL=20260220T093000",
]


@pytest.mark.parametrize("rule", RULES)
def test_dateutil_agrees_from_a_dtstart(rule):
    begin = datetime(2026, 1, 5, 9, 30)  # noqa: DTZ001 -- a reading of a clock on the wall
    theirs = [each.replace(tzinfo=UTC) for each in islice(rrulestr(rule, dtstart=begin), 60)]
    schedule = parse(f"DTSTART:20260105T093000\nRRULE:{rule}".replace("\n", " "))
    ours = list(islice(schedule.between(datetime(1990, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)), 60))
    assert ours == [each for each in theirs if each.year < 2199]
    last = ours[-1]
    assert [schedule.previous(after) for after in ours[1:]] == ours[:-1]
    assert schedule.previous(last + timedelta(days=400)) >= last
    assert schedule.previous(ours[0]) is None


def test_an_until_in_utc_is_read_in_the_zone():
    schedule = parse("DTSTART:20260101T090000 RRULE:FREQ=DAILY;UNTIL=20260103T000000Z", "Asia/Tokyo")
    found = schedule.between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert [each.isoformat() for each in found] == [
        "2026-01-01T09:00:00+09:00",
        "2026-01-02T09:00:00+09:00",
        "2026-01-03T09:00:00+09:00",
    ]
