"""What each dialect's grammar means, and how the dialect is told."""

import pytest
from schedule_samples import following, preceding

from heartbeat.errors import BadSchedule
from heartbeat.schedule import parse

NEW_YEAR = "2026-01-01T00:00:00+00:00"
SAME = [
    ("@hourly", "0 * * * *"),
    ("@Midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 7"),
    ("@annually", "0 0 1 JAN *"),
    ("0 0 * * 5-7", "0 0 * * FRI,SAT,SUN"),
    ("0 0 * * SUN-TUE", "0 0 * * 0-2"),
    ("0 0 * * friL", "0 0 * * 5L"),
    ("0 0 * * L5", "0 0 * * 5L"),
    ("5-5/2 * * * *", "5 * * * *"),
    ("0 0 1-L/8 * *", "0 0 1-31/8 * *"),
    ("cron(0 22-2 * * ? *)", "0 22,23,0,1,2 * * *"),
    ("cron(50-10/5 * * * ? *)", "50,55,0,5,10 * * * *"),
    ("cron(0 9 ? NOV-FEB 6-2 *)", "0 9 * 11,12,1,2 5,6,0,1"),
    ("cron(0/20 9 ? * FRI-MON *)", "*/20 9 * * 5-7,1"),
    ("cron(0 9 ? * L *)", "0 9 * * 6"),
    ("cron(0 9 L,15W * ? *)", "0 9 L,15W * *"),
    ("cron(0 9 ? * 6#3 *)", "0 9 * * 5#3"),
    ("OnCalendar=*-*-* 03:30", "30 3 * * *"),
    ("Mon..Fri 10:00", "0 10 * * 1-5"),
    ("Mon,Wed,Sat..Sun *-*-* 10:00:00", "0 10 * * 1,3,6,7"),
    ("daily", "@daily"),
    ("weekly", "0 0 * * 1"),
    ("quarterly", "0 0 1 */3 *"),
    ("*-*~1 18:00", "0 18 L * *"),
    ("Fri *-*~7/1 18:00", "0 18 * * 5L"),
    ("*:0/15", "*/15 * * * *"),
    ("03-29", "0 0 29 3 *"),
    ("RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18", "0 18 * * 5L"),
    ("RRULE:FREQ=WEEKLY;BYDAY=MO,WE;BYHOUR=9;BYMINUTE=30", "30 9 * * 1,3"),
    ("rrule:freq=hourly;byminute=0,30", "*/30 * * * *"),
    ("RRULE:FREQ=MONTHLY;BYMONTHDAY=-1", "0 0 L * *"),
]


@pytest.mark.parametrize(("text", "as_unix"), SAME)
def test_means_the_same(text, as_unix):
    start = "2026-02-10T11:22:33+00:00"
    assert following(text, "UTC", start, 40) == following(as_unix, "UTC", start, 40, "unix")
    assert preceding(text, "UTC", start, 40) == preceding(as_unix, "UTC", start, 40, "unix")


def test_eventbridge_declared_reads_bare_fields_and_the_form():
    assert following("0 9 * * ? *", "UTC", NEW_YEAR, 1, "eventbridge") == ["2026-01-01T09:00:00+00:00"]
    assert following("cron(0 9 * * ? *)", "UTC", NEW_YEAR, 1, "eventbridge") == ["2026-01-01T09:00:00+00:00"]


def test_six_bare_fields_are_never_guessed():
    with pytest.raises(BadSchedule, match=r"six fields.*write cron\(0 9 \* \* \? \*\) if the year is last"):
        parse("0 9 * * ? *")


def test_at_is_one_slot_in_the_zone():
    assert following("at(2026-12-01T09:00:30)", "Asia/Tokyo", NEW_YEAR, 5) == ["2026-12-01T09:00:30+09:00"]


def test_at_in_a_gap_is_refused():
    with pytest.raises(BadSchedule, match="never fires"):
        parse("at(2026-03-29T02:30:00)", "Europe/Berlin")


def test_years_end():
    assert following("cron(0 0 1 1 ? 2027-2028)", "UTC", NEW_YEAR, 5) == [
        "2027-01-01T00:00:00+00:00",
        "2028-01-01T00:00:00+00:00",
    ]


def test_oncalendar_reads_in_its_own_zone_and_answers_in_ours():
    assert following("*-*-* 03:00 Asia/Tokyo", "Europe/Berlin", NEW_YEAR, 1) == ["2026-01-01T19:00:00+01:00"]


def test_oncalendar_with_seconds():
    assert following("*:0/30:15,45", "UTC", NEW_YEAR, 3) == [
        "2026-01-01T00:00:15+00:00",
        "2026-01-01T00:00:45+00:00",
        "2026-01-01T00:30:15+00:00",
    ]


def test_kubernetes_star_with_a_step_is_no_star():
    assert following("0 0 */30 * 1", "UTC", NEW_YEAR, 3, "kubernetes") == [
        "2026-01-05T00:00:00+00:00",
        "2026-01-12T00:00:00+00:00",
        "2026-01-19T00:00:00+00:00",
    ]
    assert following("30/20 ? * * *", "UTC", NEW_YEAR, 2, "kubernetes") == [
        "2026-01-01T00:30:00+00:00",
        "2026-01-01T00:50:00+00:00",
    ]


def test_nearest_weekday_stays_in_the_month():
    assert following("0 0 1W,31W * *", "UTC", "2026-01-20T00:00:00+00:00", 4) == [
        "2026-01-30T00:00:00+00:00",  # the 31st is a Saturday
        "2026-02-02T00:00:00+00:00",  # the 1st is a Sunday
        "2026-03-02T00:00:00+00:00",  # so again
        "2026-03-31T00:00:00+00:00",
    ]


def test_leap_days_over_a_century_without_one():
    assert following("0 0 29 2 *", "UTC", "2096-01-01T00:00:00+00:00", 2) == [
        "2096-02-29T00:00:00+00:00",
        "2104-02-29T00:00:00+00:00",
    ]
    assert following("0 0 * 2 1#5", "UTC", NEW_YEAR, 2) == ["2044-02-29T00:00:00+00:00", "2072-02-29T00:00:00+00:00"]


def test_there_is_nothing_beyond_the_last_year():
    schedule = parse("0 0 1 1 *")
    assert schedule.next_ms(7_300_000_000_000) is None
    assert schedule.next_ms(10**18) is None
    assert schedule.previous_ms(0) is None
    assert schedule.previous_ms(10**18) == 7_226_582_400_000  # 2199-01-01
