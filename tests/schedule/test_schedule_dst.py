"""The table of DST rules, dialect by dialect: one row a test, in Berlin (2026-03-29 02→03, 2026-10-25 03→02)."""

import pytest
from schedule_samples import following, preceding

SPRING, AUTUMN = "2026-03-28T12:00:00+01:00", "2026-10-25T00:10:00+02:00"
BERLIN = "Europe/Berlin"

GAP = [
    ("unix", "30 2 * * *", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
    ("unix", "15,45 2 * * *", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:15:00+02:00"]),
    ("unix", "0,* 2 * * *", ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"]),
    ("unix", "*/15 2 * * *", ["2026-03-30T02:00:00+02:00", "2026-03-30T02:15:00+02:00"]),
    ("unix", "30 */2 29 * *", ["2026-03-29T00:30:00+01:00", "2026-03-29T04:30:00+02:00"]),
    ("eventbridge", "cron(30 2 * * ? *)", ["2026-03-30T02:30:00+02:00", "2026-03-31T02:30:00+02:00"]),
    ("eventbridge", "cron(30 * 29 3 ? *)", ["2026-03-29T00:30:00+01:00", "2026-03-29T01:30:00+01:00"]),
    ("oncalendar", "02:30", ["2026-03-30T02:30:00+02:00", "2026-03-31T02:30:00+02:00"]),
    ("oncalendar", "*-*-29 *:30", ["2026-03-29T00:30:00+01:00", "2026-03-29T01:30:00+01:00"]),
    ("kubernetes", "30 2 * * *", ["2026-03-30T02:30:00+02:00", "2026-03-31T02:30:00+02:00"]),
    ("kubernetes", "*/30 2 * * *", ["2026-03-30T02:00:00+02:00", "2026-03-30T02:30:00+02:00"]),
    ("rrule", "RRULE:FREQ=DAILY;BYHOUR=2;BYMINUTE=30", ["2026-03-30T02:30:00+02:00", "2026-03-31T02:30:00+02:00"]),
]
FOLD = [
    ("unix", "30 2 * * *", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
    ("unix", "*/30 2 * * *", ["2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00"]),
    ("eventbridge", "cron(30 2 * * ? *)", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
    ("eventbridge", "cron(0/30 2 * * ? *)", ["2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00"]),
    ("eventbridge", "cron(0 2-3 * * ? *)", ["2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00"]),
    ("oncalendar", "02:30", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
    ("oncalendar", "2,3:00", ["2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00"]),
    ("kubernetes", "30 2 * * *", ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]),
    ("kubernetes", "0 2-3 * * *", ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]),
    ("rrule", "RRULE:FREQ=DAILY;BYHOUR=2;BYMINUTE=30", ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
]


@pytest.mark.parametrize(("dialect", "text", "expected"), GAP)
def test_in_a_gap(dialect, text, expected):
    assert following(text, BERLIN, SPRING, len(expected), dialect) == expected


@pytest.mark.parametrize(("dialect", "text", "expected"), FOLD)
def test_in_a_fold(dialect, text, expected):
    assert following(text, BERLIN, AUTUMN, len(expected), dialect) == expected


@pytest.mark.parametrize(("dialect", "text", "expected"), GAP + FOLD)
def test_backwards_finds_the_same(dialect, text, expected):
    end = expected[-1].replace(":00+", ":01+")  # a second after the last one
    assert preceding(text, BERLIN, end, len(expected), dialect) == expected[::-1]


def test_a_jump_of_a_day_is_skipped_and_not_caught_up():
    assert following("30 2 * * *", "Pacific/Apia", "2011-12-29T19:00:00-10:00", 1) == ["2011-12-31T02:30:00+14:00"]


def test_midnight_that_does_not_exist_runs_at_the_jump():
    assert following("@daily", "Asia/Beirut", "2026-03-28T12:00:00+02:00", 2) == [
        "2026-03-29T01:00:00+03:00",
        "2026-03-30T00:00:00+03:00",
    ]


def test_half_an_hour_missing_on_lord_howe():
    assert following("15,45 2 * * *", "Australia/Lord_Howe", "2026-10-03T21:00:00+10:30", 3) == [
        "2026-10-04T02:30:00+11:00",
        "2026-10-04T02:45:00+11:00",
        "2026-10-05T02:15:00+11:00",
    ]


def test_rate_of_days_counts_hours_not_days():
    assert following("rate(1 day)", BERLIN, "2026-03-28T12:00:00+01:00", 1) == ["2026-03-29T13:00:00+02:00"]
