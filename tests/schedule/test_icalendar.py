"""RRULE as calendars write it: as pasted from an .ics file."""

import pytest
from schedule_samples import following

from heartbeat.config import read
from heartbeat.errors import BadSchedule
from heartbeat.schedule import parse

START = "2026-03-27T00:00:00+00:00"
PASTED = {
    "DTSTART:20260101T090000\nRRULE:FREQ=DAILY": ["2026-03-27T09:00:00+09:00", "2026-03-28T09:00:00+09:00"],
    "DTSTART;TZID=Europe/Berlin:20260101T090000\nRRULE:FREQ=DAILY;INTERVAL=2": [
        "2026-03-28T17:00:00+09:00",
        "2026-03-30T16:00:00+09:00",
    ],
    "DTSTART:20260101T000000Z\r\nRRULE:FREQ=WEEKLY;BYDAY=MO\r\n": [
        "2026-03-30T09:00:00+09:00",
        "2026-04-06T09:00:00+09:00",
    ],
    'DTSTART;TZID="Asia/Tokyo":20260101T090000\nRRULE:FREQ=DAILY\nEXDATE;TZID=Asia/Tokyo:20260327T090000,20260328T090000\n'
    "EXDATE:20260330T000000Z": ["2026-03-29T09:00:00+09:00", "2026-03-31T09:00:00+09:00"],
    "RRULE:FREQ=DAILY;BYHOUR=9\nEXDATE;VALUE=DATE:20260327\nDTSTART:20260101T090000": [
        "2026-03-28T09:00:00+09:00",
        "2026-03-29T09:00:00+09:00",
    ],
    "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=MONTHLY;BYDAY=SU;BYS\n ETPOS=-1": [
        "2026-03-29T00:00:00+09:00",
        "2026-04-26T00:00:00+09:00",
    ],
    "dtstart;tzid=Asia/Tokyo:20260101t090000\nrrule:freq=daily": ["2026-03-27T09:00:00+09:00"],
    "RRULE:FREQ=DAILY;BYHOUR=8\nDTSTART:20260101T090000\nRRULE:FREQ=DAILY;INTERVAL=2": [
        "2026-03-28T08:00:00+09:00",
        "2026-03-28T09:00:00+09:00",
        "2026-03-29T08:00:00+09:00",
    ],
    "DTSTART:20260327T090000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260328T090000": ["2026-03-29T09:00:00+09:00"],
}


@pytest.mark.parametrize(("pasted", "slots"), PASTED.items())
def test_a_calendar_s_entry_is_read_as_one(pasted, slots):
    start = "2026-03-26T18:00:00+00:00" if "INTERVAL=2" not in pasted and "COUNT" not in pasted else START
    if "RRULE:FREQ=DAILY;BYHOUR=8" in pasted or "COUNT" in pasted:
        start = "2026-03-27T01:00:00+00:00"
    assert following(pasted, "Asia/Tokyo", start, len(slots)) == slots


@pytest.mark.parametrize(
    ("pasted", "problem"),
    [
        ("DTSTART;TZID=Tokyo Standard Time:20260101T090000\nRRULE:FREQ=DAILY", "is not a time zone"),
        ("DTSTART:20260101T090000\nRRULE:FREQ=DAILY\nEXDATE:soon", "has soon, which is no date"),
        ("DTSTART:20260101T090000\nRRULE:FREQ=DAILY\nRDATE:20260102T000000", "has an RDATE"),
        ("DTSTART:20260101T090000\nEXDATE:20260102T000000", "must have one RRULE"),
        ("DTSTART:20260101T090000\nRRULE:FREQ=DAILY;COUNT=1\nEXDATE:20260101T090000", "never fires"),
    ],
)
def test_what_cannot_be_read_in_it_is_named(pasted, problem):
    with pytest.raises(BadSchedule) as refused:
        parse(pasted)
    assert problem in str(refused.value)


def test_it_stands_in_a_jobs_file_as_pasted():
    text = """
channels: {ops: {console: {}}}
defaults: {timezone: Europe/Berlin, notify: [ops]}
jobs:
  a:
    schedule: |
      DTSTART;TZID=Europe/Berlin:20260101T090000
      RRULE:FREQ=DAILY
      EXDATE;TZID=Europe/Berlin:20261225T090000
"""
    (job,) = read(text).jobs
    schedule = parse(job.schedule, job.timezone, job.dialect)
    assert schedule.describe() == "every day at 09:00 except on 2026-12-25, Europe/Berlin"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("BYDAY=SU;BYSETPOS=-1", "every month on the last Sunday at 00:00, UTC"),
        ("BYDAY=MO;BYSETPOS=2", "every month on the second Monday at 00:00, UTC"),
        ("BYDAY=SA,SU;BYSETPOS=1", "every month on the first of Saturday and Sunday at 00:00, UTC"),
        (
            "BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
            "every month on the second of Monday to Friday from the end at 00:00, UTC",
        ),
        ("BYMONTHDAY=1,2,3;BYSETPOS=-1", "every month on day 1, day 2 and day 3 at 00:00 (BYSETPOS=-1), UTC"),
    ],
)
def test_a_place_in_a_set_in_words(rule, words):
    assert parse(f"RRULE:FREQ=MONTHLY;{rule}").describe() == words
