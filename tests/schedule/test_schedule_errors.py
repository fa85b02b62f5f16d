"""A refused schedule says which field, what stood there, what is wrong with it and what would be right."""

import pytest

from heartbeat.errors import BadSchedule, CallerError
from heartbeat.schedule import parse

SENTENCES = {
    "1.5 * * * *": "minute: '1.5' holds '1.5', but there are no fractions; write whole numbers",
    "*5 * * * *": "minute: '*5' holds '*5', a star followed by a number; write */5 for a step, or 5",
    "0 22-2 * * *": "hour: '22-2' holds a range that runs backwards; write 22-23,0-2",
    "0 0 * * FRI-SUN": "day of week: 'FRI-SUN' holds a range that runs backwards; write 5-7",
    "0 0 * * FRI-MON": "day of week: 'FRI-MON' holds a range that runs backwards; write 5-7,0-1",
    "5/15 * * * *": ("minute: '5/15' is 5 alone to Debian's cron, and 5-59/15 to others; write 5-59/15 or 5"),
    "0 24 * * *": "hour: '24' holds 24, which is outside 0-23; write 0-23, for example 9-17",
    "0 0 * * 8#1": (
        "day of week: '8#1' holds 8, which is outside 0-7;"
        " write 0-7 or SUN/MON/TUE/WED/THU/FRI/SAT, for example MON-FRI"
    ),
    "0 0 * * 1#6": ("day of week: '1#6' asks for weekday number 6 of the month; write 1#1 to 1#5, or 1L for the last"),
    "rate(1 minutes)": "rate: 'rate(1 minutes)' has the wrong number of its unit; write rate(1 minute)",
    "every 90": "duration: '90' is no duration; write whole numbers with w, d, h, m and s in this order: "
    "90s, 15m, 1h30m, 2d",
    "every 0s": "every: 'every 0s' has no length; write every 90s, every 1h30m",
    "@reboot": "expression: '@reboot' is no time that can be known; use @hourly @daily @midnight @weekly @monthly "
    "@yearly @annually",
}


@pytest.mark.parametrize(("text", "sentence"), SENTENCES.items())
def test_sentence(text, sentence):
    with pytest.raises(BadSchedule) as refused:
        parse(text)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "text",
    [
        *("0 0 30 2 *", "0 0 31 4,6,9,11 *", "cron(0 0 30 2 ? *)", "cron(0 0 29 2 ? 2026-2027)", "*-02-30"),
        *(
            "0 0 31W 2 *",
            "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
            "RRULE:FREQ=MONTHLY;BYDAY=5MO;BYMONTH=2;BYMONTHDAY=28",
        ),
    ],
)
def test_what_never_fires_is_refused(text):
    with pytest.raises(BadSchedule, match="never"):
        parse(text)


def test_a_time_that_every_one_of_its_days_skips_never_fires():
    with pytest.raises(BadSchedule, match="never fires"):
        parse("cron(30 2 ? 3 1L 2026-2040)", "Europe/Berlin")  # the last Sunday in March: the clock jumps over 02:30 …
    with pytest.raises(BadSchedule, match="never fires"):
        parse("cron(30 2 29 3 ? 2026)", "Europe/Berlin")


@pytest.mark.parametrize(
    "text", ["", "  ", [], "hello", "* * * *", "0 0 0 9 * * *", "RATE[5 minutes]", "9am", "0" * 5000]
)
def test_no_form_at_all(text):
    with pytest.raises(BadSchedule) as refused:
        parse(text)
    assert refused.value.field == "expression"


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("Asia/Tokio", "did you mean Asia/Tokyo"),
        ("tokyo", "did you mean Asia/Tokyo?"),
        ("europe/berlin", "did you mean Europe/Berlin"),
        ("New York", "did you mean America/New_York?"),
        ("../etc/passwd", "use an IANA name"),
        ("Europe", "use an IANA name"),
        ("", "use an IANA name"),
        ("\0", "use an IANA name"),
    ],
)
def test_an_unknown_zone_is_told_with_the_nearest(name, remedy):
    with pytest.raises(BadSchedule) as refused:
        parse("0 9 * * *", name)
    assert (refused.value.field, refused.value.text) == ("timezone", name)
    assert refused.value.remedy.startswith(remedy)


def test_an_unknown_dialect():
    with pytest.raises(
        BadSchedule, match="dialect: 'quartz' is no dialect; use one of unix, eventbridge, every, rrule"
    ):
        parse("0 9 * * *", dialect="quartz")


def test_the_past_is_refused_by_who_knows_the_time():
    parse("at(2026-01-01T09:00:00)", now_ms=1_767_258_000_000 - 1)
    with pytest.raises(BadSchedule, match="lies in the past"):
        parse("at(2026-01-01T09:00:00)", now_ms=1_767_258_000_000)


@pytest.mark.parametrize(
    "texts", [["every 5m", "0 9 * * *"], ["every 5m", "every 7m"], ["0 9 * * *", "rate(5 minutes)"]]
)
def test_an_interval_stands_alone(texts):
    with pytest.raises(BadSchedule, match="counts from the last heartbeat"):
        parse(texts)


def test_a_naive_datetime_is_the_callers_fault():
    from datetime import datetime  # noqa: PLC0415 -- this one test wants a naive one

    with pytest.raises(CallerError, match="2026-01-01 00:00:00 has no time zone; give an aware datetime"):
        parse("0 9 * * *").next(datetime(2026, 1, 1))  # noqa: DTZ001 -- the point


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("RRULE:FREQ=DAILY;INTERVAL=2", "counts from a beginning that it does not name"),
        ("RRULE:FREQ=WEEKLY", "does not say on which days"),
        ("RRULE:FREQ=MINUTELY", "needs a FREQ of"),
        ("RRULE:FREQ=DAILY;BYEASTER=1", "holds BYEASTER, which is not supported"),
        ("RRULE:FREQ=MONTHLY;BYDAY=1FR,10FR", "holds the day 10FR"),
        ("RRULE:FREQ=DAILY;BYDAY=1FR", "holds the day 1FR"),
        ("DTSTART:20261301 RRULE:FREQ=DAILY", "has 20261301, which is no date"),
        ("DTSTART:20260101 RRULE:FREQ=DAILY;INTERVAL=0", "has a bad INTERVAL"),
        ("RRULE:FREQ=DAILY;BYHOUR=25", "cannot be read"),
        ("RRULE:FREQ=DAILY;UNTIL=soon", "has a bad UNTIL"),
        ("RRULE:FREQ=DAILY;BYHOUR=0,1,2,3;BYMINUTE=" + ",".join(map(str, range(60))), "comes more than 96 times a day"),
        ("DTSTART:20260103 RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=MO", "never comes"),
        ("RRULE:FREQ=HOURLY;BYHOUR=1;BYMONTH=2;BYMONTHDAY=30", "never comes"),
    ],
)
def test_rrule(text, problem):
    with pytest.raises(BadSchedule) as refused:
        parse(text)
    assert (refused.value.field, refused.value.problem.startswith(problem)) == ("RRULE", True), refused.value
