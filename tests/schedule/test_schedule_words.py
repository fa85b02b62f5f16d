"""describe() says what will happen."""

import pytest

from heartbeat.schedule import parse

WORDS = {
    "0 9 * * *": "at 09:00 every day, Asia/Tokyo",
    "*/15 * * * *": "every 15 minutes, Asia/Tokyo",
    "* * * * *": "every minute, Asia/Tokyo",
    "@hourly": "every hour, Asia/Tokyo",
    "5 * * * *": "every hour at minute 5, Asia/Tokyo",
    "*/7 * * * *": "at minutes 0, 7, 14 … 56 of every hour, Asia/Tokyo",
    "30 */2 * * *": "every 2 hours from 00:30 on, Asia/Tokyo",
    "0 18 * * 5L": "at 18:00 on the last Friday of the month, Asia/Tokyo",
    "0 18 * * 5#3": "at 18:00 on the third Friday of the month, Asia/Tokyo",
    "0 0 */2 * 1": "at 00:00 on days 1, 3, 5 … 31 of the month if it is Monday, Asia/Tokyo",
    "0 0 1,15 * MON": "at 00:00 on days 1 and 15 of the month or on Monday, Asia/Tokyo",
    "0 0 1-7 * 0-6": "at 00:00 every day, Asia/Tokyo",
    "*/15 9-17 * * 1-5": "every 15 minutes from 09:00 to 17:45 on Monday to Friday, Asia/Tokyo",
    "0 9-17 * * 1-5": "every hour from 09:00 to 17:00 on Monday to Friday, Asia/Tokyo",
    "10-20 5 * * *": "at minutes 10 to 20 of hour 5 every day, Asia/Tokyo",
    "*/10 1,3,7 * * *": "every 10 minutes of hours 1, 3 and 7, Asia/Tokyo",
    "0 0 L * *": "at 00:00 on the last day of the month, Asia/Tokyo",
    "0 0 LW,15W 1-3 *": "at 00:00 on the working day (Monday to Friday) nearest to day 15 and the last working day "
    "(Monday to Friday) of January to March, Asia/Tokyo",
    "0 0 29 2 *": "at 00:00 on day 29 of February, Asia/Tokyo",
    "0 0 * * 1-7": "at 00:00 every day, Asia/Tokyo",
    "0 0 * 6-8 6,0": "at 00:00 on Saturday and Sunday in June to August, Asia/Tokyo",
    "cron(0 9 ? * MON-FRI 2027)": "at 09:00 on Monday to Friday in 2027, Asia/Tokyo",
    "cron(0 9 * * ? 2027-2199)": "at 09:00 in 2027 and later, Asia/Tokyo",
    "at(2026-12-01T09:00:00)": "at 09:00 on 2026-12-01, Asia/Tokyo",
    "every 90m": "every 1h30m, counted from the last heartbeat",
    "rate(1 day)": "every 1d, counted from the last heartbeat",
    "*:*:0/5": "every 5 seconds, Asia/Tokyo",
    "12:00:30": "at 12:00:30 every day, Asia/Tokyo",
    "*:0/15:10,20": "at seconds 10 and 20 of each minute, every 15 minutes, Asia/Tokyo",
    "*-*~2 18:00 UTC": "at 18:00 on the 2nd day from the end of the month, UTC",
    "RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18": "every month on the last Friday at 18:00, Asia/Tokyo",
    "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1": "every month on the last of Monday to Friday at 00:00, "
    "Asia/Tokyo",
    "RRULE:FREQ=YEARLY;BYMONTH=1,2,3;BYMONTHDAY=1,-1": "every year on the last day and day 1 in January to March at "
    "00:00, Asia/Tokyo",
    "DTSTART:20260101T093000 RRULE:FREQ=DAILY;INTERVAL=2": "every 2 days at 09:30, Asia/Tokyo",
    "RRULE:FREQ=HOURLY;BYMINUTE=0,30": "every hour at minutes 0 and 30, Asia/Tokyo",
}


@pytest.mark.parametrize(("text", "words"), WORDS.items())
def test_words(text, words):
    assert parse(text, "Asia/Tokyo").describe() == words


def test_a_union_in_words():
    assert parse(["0 9 * * *", "0 12 * * 6"]).describe() == "at 09:00 every day, UTC; and at 12:00 on Saturday, UTC"
