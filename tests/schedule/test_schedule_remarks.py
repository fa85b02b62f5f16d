"""What the preview says where the clock changes."""

import pytest
from schedule_samples import ms

from heartbeat.schedule import parse
from heartbeat.schedule.remarks import remarks

CASES = [
    (
        "30 2 * * *",
        None,
        "2026-03-29T03:00:00+02:00",
        "03-29 the clock jumps 02:00→03:00: 02:30 does not exist and runs at 03:00",
    ),
    (
        "15,45 2 * * *",
        None,
        "2026-03-29T03:00:00+02:00",
        "03-29 the clock jumps 02:00→03:00: 02:15 to 02:45 do not exist and run at 03:00",
    ),
    ("30 2 * * *", None, "2026-03-30T02:30:00+02:00", None),
    (
        "*/30 * * * *",
        None,
        "2026-03-29T03:00:00+02:00",
        "03-29 the clock jumps 02:00→03:00: 02:00 to 02:30 do not exist and are skipped",
    ),
    ("*/30 * * * *", None, "2026-03-29T03:30:00+02:00", None),
    (
        "cron(30 2 * * ? *)",
        None,
        "2026-03-30T02:30:00+02:00",
        "03-29 the clock jumps 02:00→03:00: 02:30 does not exist and is skipped",
    ),
    (
        "02:30",
        None,
        "2026-03-30T02:30:00+02:00",
        "03-29 the clock jumps 02:00→03:00: 02:30 does not exist and is skipped",
    ),
    ("30 2 * * *", None, "2026-10-25T02:30:00+02:00", "02:30 happens twice: only the first counts"),
    ("30 2 * * *", "kubernetes", "2026-10-25T02:30:00+01:00", "02:30 happens twice and both count: this is the second"),
    ("*/30 * * * *", None, "2026-10-25T02:30:00+02:00", "02:30 happens twice and both count: this is the first"),
    ("30 3 * * *", None, "2026-10-25T03:30:00+01:00", None),
    ("every 5m", None, "2026-10-25T02:30:00+02:00", None),
]


@pytest.mark.parametrize(("text", "dialect", "slot", "remark"), CASES)
def test_remark(text, dialect, slot, remark):
    assert remarks(parse(text, "Europe/Berlin", dialect), ms(slot)) == remark


def test_the_slot_shown_before_says_how_far_to_look_back():
    schedule, slot = parse("cron(30 2 ? * SUN *)", "Europe/Berlin"), ms("2026-11-01T02:30:00+01:00")
    assert remarks(schedule, slot) is None
    assert remarks(schedule, slot, ms("2026-03-22T02:30:00+01:00")) == (
        "03-29 the clock jumps 02:00→03:00: 02:30 does not exist and is skipped"
    )


def test_the_first_slot_of_all():
    assert remarks(parse("at(2026-12-01T09:00:00)", "Europe/Berlin"), ms("2026-12-01T09:00:00+01:00")) is None
