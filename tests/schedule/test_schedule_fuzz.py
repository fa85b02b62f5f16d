"""Whatever stands there, it is a schedule or it is refused; nothing else is raised and nothing takes long."""

import random
import time

import pytest

from heartbeat.errors import BadSchedule
from heartbeat.schedule import parse

SEEDS = [
    *(
        "0 9 * * 1-5",
        "*/15 9-17 L,15W JAN-JUN 5#3,5L",
        "cron(0 22-2 ? * MON#1 2026-2030)",
        "cron(0/15 9 L * ? *)",
        "30 2 * * *",
        "rate(5 minutes)",
        "@daily",
    ),
    *("at(2026-12-01T09:00:00)", "every 1h30m", "Mon..Fri *-*~01..07/1 09:00:00 Europe/Riga", "*:0/15", "hourly UTC"),
    *("DTSTART:20260101T090000 RRULE:FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR;BYSETPOS=1;UNTIL=20261231T000000Z",),
    "RRULE:FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;BYHOUR=9,17;WKST=SU",
]
SALT = [
    *"0123456789*/,-#?LW.~:;=+()TZ \n\t@",
    "\uff11",
    "é",
    "\0",
    "MON",
    "JAN",
    "2199",
    "BYDAY=",
    "COUNT=9999",
    "FREQ=DAILY",
]
DIALECTS = [*[None] * 12, "unix", "eventbridge", "every", "rrule", "oncalendar", "kubernetes"]


def salted(dice):
    """A good text, a number or two changed; sometimes also something strange put in."""
    text = list(dice.choice(SEEDS))
    for place in dice.choices([n for n, each in enumerate(text) if each.isdigit()] or [0], k=dice.randint(0, 2)):
        text[place] = dice.choice("0123456789")
    for _ in range(dice.choice([0, 0, 1, 3])):
        place = dice.randrange(len(text) + 1)
        text[place : place + dice.randint(0, 2)] = dice.choice(SALT)
    return "".join(text)


@pytest.mark.parametrize("seed", range(4))
def test_any_text(seed):
    dice = random.Random(seed)  # noqa: S311 -- a seeded die, no secret
    read = complete = 0
    for _ in range(1500):
        text, dialect = salted(dice), dice.choice(DIALECTS)
        begun = time.process_time()
        try:
            schedule = parse(text, dice.choice(["UTC", "Europe/Berlin"]), dialect)
            schedule.describe()
            schedule.window_ms(1_795_340_585_070)
            read += 1
        except BadSchedule as refused:
            complete += bool(refused.field and refused.problem and refused.remedy)
        assert time.process_time() - begun < 4, (text, dialect)
    assert read + complete == 1500
    assert read > 300
