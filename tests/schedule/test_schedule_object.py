"""The Schedule itself: windows, unions, intervals, sharing, datetimes of any zone."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from schedule_samples import following, ms, preceding

from heartbeat.schedule import parse

NINE = ms("2026-01-02T09:00:00+00:00")
DAY = 86_400_000


def test_strictly_after_and_strictly_before():
    schedule = parse("0 9 * * *")
    assert (schedule.next_ms(NINE), schedule.next_ms(NINE - 1)) == (NINE + DAY, NINE)
    assert (schedule.previous_ms(NINE), schedule.previous_ms(NINE + 1)) == (NINE - DAY, NINE)


def test_microseconds_are_not_lost_on_either_side():
    schedule, nine = parse("0 9 * * *"), datetime(2026, 1, 2, 9, tzinfo=UTC)
    assert schedule.previous(nine + timedelta(microseconds=1)) == nine
    assert schedule.next(nine - timedelta(microseconds=1)) == nine


def test_window_begins_at_its_slot_and_ends_before_the_next():
    schedule = parse("0 9 * * *")
    assert schedule.window_ms(NINE) == (NINE, NINE + DAY)
    assert schedule.window_ms(NINE + DAY - 1) == (NINE, NINE + DAY)
    assert schedule.window_ms(NINE + DAY) == (NINE + DAY, NINE + 2 * DAY)
    assert schedule.window_ms(NINE - 1) == (NINE - DAY, NINE)


def test_window_before_the_first_and_after_the_last():
    schedule, slot = parse("at(2026-01-02T09:00:00)"), NINE
    assert schedule.window_ms(slot - 1) == (None, slot)
    assert schedule.window_ms(slot) == (slot, None)
    assert schedule.window_ms(slot + 10 * DAY) == (slot, None)
    assert schedule.window_ms(slot - 10 * DAY) == (None, slot)


def test_interval_counts_from_its_argument():
    schedule = parse("every 1h30m")
    assert schedule.interval_ms == 5_400_000
    assert (schedule.next_ms(1), schedule.previous_ms(5_400_001)) == (5_400_001, 1)
    assert schedule.window_ms(7) == (7, 5_400_007)


@pytest.mark.parametrize(
    ("text", "interval"),
    [("every 90s", 90_000), ("rate(1 minute)", 60_000), ("rate(2 days)", 172_800_000), ("0 9 * * *", None)],
)
def test_interval_ms(text, interval):
    assert parse(text).interval_ms == interval


def test_every_declared_needs_no_every():
    assert parse("15m", dialect="every").interval_ms == 900_000


def test_between_is_half_open_and_lazy():
    start, end = datetime(2026, 1, 2, 9, tzinfo=UTC), datetime(2026, 1, 4, 9, tzinfo=UTC)
    assert [each.day for each in parse("0 9 * * *").between(start, end)] == [2, 3]
    endless = parse("* * * * *").between(start, datetime(2199, 1, 1, tzinfo=UTC))
    assert [each.minute for each in islice(endless, 3)] == [0, 1, 2]
    assert [each.hour for each in parse("every 8h").between(start, start + timedelta(days=1))] == [17, 1]


def test_union_takes_the_nearest_and_counts_a_shared_slot_once():
    assert following(["0 9 * * *", "0 */12 * * *", "0 9 * * 5"], "UTC", "2026-01-02T00:00:00+00:00", 4) == [
        "2026-01-02T09:00:00+00:00",
        "2026-01-02T12:00:00+00:00",
        "2026-01-03T00:00:00+00:00",
        "2026-01-03T09:00:00+00:00",
    ]
    assert preceding(["0 9 * * *", "0 12 * * *"], "UTC", "2026-01-02T12:00:00+00:00", 2) == [
        "2026-01-02T09:00:00+00:00",
        "2026-01-01T12:00:00+00:00",
    ]


def test_union_goes_on_when_one_of_it_has_ended():
    texts = ["at(2026-01-01T09:00:00)", "0 0 1 * *"]
    assert following(texts, "UTC", "2026-01-01T08:00:00+00:00", 2) == [
        "2026-01-01T09:00:00+00:00",
        "2026-02-01T00:00:00+00:00",
    ]


def test_lines_are_a_union_of_any_dialects():
    schedule = parse("Mon 10:00\n\n0 9 * * *\n")
    assert schedule.texts == ("Mon 10:00", "0 9 * * *")
    assert schedule.next(datetime(2026, 1, 5, 9, 30, tzinfo=UTC)) == datetime(2026, 1, 5, 10, tzinfo=UTC)


def test_equal_text_and_zone_are_one_object():
    assert parse("0 9 * * *", "Asia/Tokyo") is parse("0 9 * * *", "Asia/Tokyo")
    assert parse(["0 9 * * *", "@daily"]) is parse(("0 9 * * *", "@daily"))
    assert parse("0 9 * * *") != parse("0 9 * * *", "Asia/Tokyo")


def test_any_zone_in_the_schedules_own_zone_out():
    slot = parse("0 9 * * *", "Asia/Tokyo").next(datetime(2026, 1, 1, 19, tzinfo=ZoneInfo("America/New_York")))
    assert (slot.isoformat(), slot.tzinfo) == ("2026-01-03T09:00:00+09:00", ZoneInfo("Asia/Tokyo"))
