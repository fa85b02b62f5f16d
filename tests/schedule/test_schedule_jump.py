"""A slot at the very jump of the clock is found from any instant before it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from heartbeat.schedule import parse

JUMP = datetime.fromisoformat("2026-03-29T03:00:00+02:00")
JUMP_MS = 1_774_746_000_000


@pytest.mark.parametrize("before", [1, 999, 1_000, 1_001, 60_000])
def test_the_slot_at_the_jump_is_next_until_the_jump(before):
    assert parse("30 2 * * *", "Europe/Berlin").next_ms(JUMP_MS - before) == JUMP_MS


def test_between_begins_with_it():
    schedule = parse("30 2 * * *", "Europe/Berlin")
    found = list(schedule.between(JUMP, datetime(2026, 3, 31, tzinfo=ZoneInfo("Europe/Berlin"))))
    assert [slot.isoformat() for slot in found] == ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]


def test_a_wildcard_hour_is_not_made_up_for():
    assert parse("*/15 2 * * *", "Europe/Berlin").next_ms(JUMP_MS - 1) == JUMP_MS + 23 * 3_600_000
