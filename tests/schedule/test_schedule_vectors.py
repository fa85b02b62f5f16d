"""Measured elsewhere: the Debian binary on a virtual clock, systemd, the AWS pages, the Healthchecks contract."""

import pytest
from schedule_samples import DIALECTS, chain, following, read_json

from heartbeat.errors import BadSchedule
from heartbeat.schedule import parse

VECTORS = read_json("cron_vectors_sample.json")
INVALID = [case for group in read_json("cron_invalid_sample.json").values() for case in group]
RIGA = [
    (
        "30 3 * * *",
        "2026-03-28T02:00:00+00:00",
        ["2026-03-29T04:00:00+03:00", "2026-03-30T03:30:00+03:00", "2026-03-31T03:30:00+03:00"],
    ),
    (
        "30 3 * * *",
        "2026-10-24T02:00:00+00:00",
        ["2026-10-25T03:30:00+03:00", "2026-10-26T03:30:00+02:00", "2026-10-27T03:30:00+02:00"],
    ),
    (
        "*/30 3 * * *",
        "2026-03-28T02:00:00+00:00",
        ["2026-03-30T03:00:00+03:00", "2026-03-30T03:30:00+03:00", "2026-03-31T03:00:00+03:00"],
    ),
    (
        "*/30 3 * * *",
        "2026-10-25T00:15:00+00:00",
        ["2026-10-25T03:30:00+03:00", "2026-10-25T03:00:00+02:00", "2026-10-25T03:30:00+02:00"],
    ),
    (
        "30 * * * *",
        "2026-03-29T00:10:00+00:00",
        ["2026-03-29T02:30:00+02:00", "2026-03-29T04:30:00+03:00", "2026-03-29T05:30:00+03:00"],
    ),
    (
        "30 * * * *",
        "2026-10-24T23:45:00+00:00",
        ["2026-10-25T03:30:00+03:00", "2026-10-25T03:30:00+02:00", "2026-10-25T04:30:00+02:00"],
    ),
    (
        "0 */2 * * *",
        "2026-10-24T22:30:00+00:00",
        ["2026-10-25T02:00:00+03:00", "2026-10-25T04:00:00+02:00", "2026-10-25T06:00:00+02:00"],
    ),
    (
        "0 4 * * *",
        "2026-03-28T03:00:00+00:00",
        ["2026-03-29T04:00:00+03:00", "2026-03-30T04:00:00+03:00", "2026-03-31T04:00:00+03:00"],
    ),
    (
        "*-*-* 03:30",
        "2026-03-28T02:00:00+00:00",
        ["2026-03-30T03:30:00+03:00", "2026-03-31T03:30:00+03:00", "2026-04-01T03:30:00+03:00"],
    ),
    (
        "*-*-* 03:30",
        "2026-10-24T02:00:00+00:00",
        ["2026-10-25T03:30:00+03:00", "2026-10-26T03:30:00+02:00", "2026-10-27T03:30:00+02:00"],
    ),
    (
        "hourly",
        "2026-10-24T23:45:00+00:00",
        ["2026-10-25T03:00:00+03:00", "2026-10-25T04:00:00+02:00", "2026-10-25T05:00:00+02:00"],
    ),
]
IN_UTC = [
    ("15 10 L * *", "2026-01-31T10:15:00+00:00", ["2026-02-28T10:15:00+00:00", "2026-03-31T10:15:00+00:00"]),
    ("0 0 1,15 * MON", "2026-09-01T00:00:00+00:00", ["2026-09-07T00:00:00+00:00", "2026-09-14T00:00:00+00:00"]),
    ("0 0 */2 * MON", "2026-09-01T00:00:00+00:00", ["2026-09-07T00:00:00+00:00", "2026-09-21T00:00:00+00:00"]),
    ("* * * * *", "2026-01-01T00:00:00.500000+00:00", ["2026-01-01T00:01:00+00:00"]),
    ("0 12 * * *", "2026-01-01T12:00:00+00:00", ["2026-01-02T12:00:00+00:00"]),
    ("0 12 * * *", "2026-01-01T11:59:59.900000+00:00", ["2026-01-01T12:00:00+00:00"]),
]


def name(case):
    return f"{case['dialect']} {case['expr']} {case.get('tz', '')}"


@pytest.mark.parametrize("case", VECTORS, ids=name)
def test_vector(case):
    schedule = parse(case["expr"], case["tz"], DIALECTS.get(case["dialect"], case["dialect"]))
    step = schedule.next if case["op"] == "next" else schedule.previous
    assert chain(step, case["start"], len(case["expected"])) == case["expected"]


@pytest.mark.parametrize("case", INVALID, ids=name)
def test_invalid_is_refused_when_the_dialect_is_declared(case):
    with pytest.raises(BadSchedule) as refused:
        parse(case["expr"], "UTC", DIALECTS.get(case["dialect"], case["dialect"]))
    assert refused.value.remedy


@pytest.mark.parametrize("case", [each for each in INVALID if each["dialect"] == "vixie"], ids=name)
def test_invalid_cron_is_refused_when_nothing_is_declared(case):
    with pytest.raises(BadSchedule):
        parse(case["expr"])


@pytest.mark.parametrize(("text", "start", "expected"), RIGA)
def test_healthchecks_contract_in_riga(text, start, expected):
    assert following(text, "Europe/Riga", start, 3) == expected


@pytest.mark.parametrize(("text", "start", "expected"), IN_UTC)
def test_healthchecks_contract_in_utc(text, start, expected):
    assert following(text, "UTC", start, len(expected)) == expected


def test_healthchecks_contract_on_the_morning_new_york_jumps():
    start = "2026-03-01T00:00:00+00:00"
    assert following("0 2 8-14 3 SUN", "America/New_York", start, 1) == ["2026-03-01T02:00:00-05:00"]
