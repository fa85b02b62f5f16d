"""Keys in S3, read backwards: whose they are, and which slots they may be evidence for."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from heartbeat.core.slots import schedule_of
from heartbeat.ingest.events import Object
from heartbeat.ingest.evidence import belongs, key_of
from heartbeat.ingest.keys import Keys, candidates, form, window
from heartbeat.model import Evidence, Job, Snapshot, State

DAY = 86_400_000


def at(text):
    when = datetime.fromisoformat(text)
    return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def iso(instant):
    return datetime.fromtimestamp(instant / 1000, UTC).strftime("%Y-%m-%dT%H:%M")


def job(key, schedule="0 18 * * *", zone="UTC", slug="backup", bucket=""):
    return Job(slug=slug, schedule=(schedule,), timezone=zone, evidence=Evidence(key=key, bucket=bucket))


def known(of, born="2026-01-01T00:00", cursor=None):
    return Snapshot(job=of, state=State(version=1, born=at(born), cursor=at(cursor or born)), due=0, uuid="")


def slots(of, key, modified, now=None, **more):
    return [iso(slot) for slot in candidates(known(of, **more), key, at(modified), at(now or modified))]


# Whose key is it?

JOBS = [
    job("backup/{date:%Y-%m-%d}/dump.sql.gz"),
    job("backup/{date:%Y-%m-%d}/log", slug="log"),
    job("{date:%Y/%m/%d}.txt", slug="plain", bucket="theirs"),
    job("alive.txt", slug="alive"),
    job("a{{b}}/{date:%Y}", slug="braces"),
    job("backup/{date:%Y-%m-%d}/dump.sql.gz", slug="same"),
    Job(slug="none", schedule=("0 18 * * *",)),
]


@pytest.mark.parametrize(
    ("bucket", "key", "whose"),
    [
        ("ours", "backup/2026-11-22/dump.sql.gz", ["backup", "same"]),
        ("ours", "backup/2026-11-22/log", ["log"]),
        ("ours", "backup/2026-11-22/logs", []),
        ("ours", "backup/2026-13-99/log", ["log"]),
        ("ours", "backup/../2026-11-22/log", []),
        ("ours", "backup/\uff12\uff10\uff12\uff16-11-22/log", []),
        ("ours", "x/backup/2026-11-22/log", []),
        ("theirs", "backup/2026-11-22/log", []),
        ("theirs", "2026/11/22.txt", ["plain"]),
        ("ours", "2026/11/22.txt", []),
        ("theirs", "2026/11/22xtxt", []),
        ("ours", "alive.txt", ["alive"]),
        ("ours", "alive.txt\n", []),
        ("ours", "a{b}/2026", ["braces"]),
        ("ours", "💥", []),
        ("", "alive.txt", []),
    ],
)
def test_whose_a_key_is(bucket, key, whose):
    assert [each.slug for each in Keys(JOBS, "ours").jobs(Object(bucket=bucket, key=key))] == whose


def test_our_own_bucket_may_be_named_or_not_be_there():
    named = Keys([job("a", bucket="ours", slug="x"), job("a", slug="y")], "ours")
    assert [each.slug for each in named.jobs(Object(bucket="ours", key="a"))] == ["x", "y"]
    assert list(Keys([job("a")], "").jobs(Object(bucket="ours", key="a"))) == []


def test_ten_thousand_jobs_are_not_asked_one_by_one():
    many = Keys([job(f"team-{n}/{{date:%Y-%m-%d}}", slug=f"j{n}") for n in range(10_000)], "ours")
    assert [each.slug for each in many.jobs(Object(bucket="ours", key="team-77/2026-11-22"))] == ["j77"]
    assert max(map(len, many._near.values())) == 1


@pytest.mark.parametrize(
    "template",
    [
        "{date:%Y%m%d}/{date:%Y-%m-%d}",
        "{date:%Yx%j}",
        "a.b/{date:%G-W%V-%u}",
        "{date:%y%m%d%H%M%S}",
        "{date:%H%z}",
        "{{}}",
    ],
)
def test_a_template_fits_every_key_it_makes(template):
    for zone in ("Asia/Tokyo", "Europe/Berlin", "America/St_Johns"):
        of = job(template, "0 * * * *", zone)
        for slot in (at("2026-10-25T00:00"), at("2026-10-25T01:00"), at("2026-03-29T01:00"), at("2027-01-01T00:00")):
            assert form(template).fullmatch(key_of(of, slot))


# The time a key names

PARTS = [
    ({"Y": 2026, "m": 11, "d": 22}, "UTC", "2026-11-22T00:00", "2026-11-23T00:00"),
    ({"Y": 2026, "m": 11, "d": 22}, "Asia/Tokyo", "2026-11-21T15:00", "2026-11-22T15:00"),
    ({"y": 26, "m": 11, "d": 22, "H": 9}, "UTC", "2026-11-22T09:00", "2026-11-22T10:00"),
    ({"Y": 2026, "m": 11, "d": 22, "H": 9, "M": 30}, "UTC", "2026-11-22T09:30", "2026-11-22T09:31"),
    ({"Y": 2026, "j": 326}, "UTC", "2026-11-22T00:00", "2026-11-23T00:00"),
    ({"G": 2026, "V": 47, "u": 7}, "UTC", "2026-11-22T00:00", "2026-11-23T00:00"),
    ({"G": 2026, "V": 47}, "UTC", "2026-11-16T00:00", "2026-11-23T00:00"),
    ({"Y": 2026, "m": 12}, "UTC", "2026-12-01T00:00", "2027-01-01T00:00"),
    ({"Y": 2026, "m": 2}, "UTC", "2026-02-01T00:00", "2026-03-01T00:00"),
    ({"Y": 2026}, "UTC", "2026-01-01T00:00", "2027-01-01T00:00"),
    ({"Y": 2026, "m": 12, "H": 9}, "UTC", "2026-12-01T00:00", "2027-01-01T00:00"),
    ({"Y": 2026, "m": 3, "d": 29}, "Europe/Berlin", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours
    ({"Y": 2026, "m": 10, "d": 25}, "Europe/Berlin", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
    ({"Y": 2026, "m": 10, "d": 25, "H": 2}, "Europe/Berlin", "2026-10-25T00:00", "2026-10-25T02:00"),  # twice
    ({"Y": 2026, "m": 10, "d": 25, "H": 2, "M": 30}, "Europe/Berlin", "2026-10-25T00:30", "2026-10-25T01:31"),
    ({"Y": 2026, "m": 3, "d": 29, "H": 2}, "Europe/Berlin", "2026-03-29T00:00", "2026-03-29T01:00"),  # never
]


@pytest.mark.parametrize(("parts", "zone", "start", "end"), PARTS)
def test_the_time_that_a_key_names(parts, zone, start, end):
    assert [iso(each) for each in window(parts, ZoneInfo(zone))] == [start, end]


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"m": 11, "d": 22},
        {"H": 9},
        {"Y": 2026, "m": 13, "d": 1},
        {"Y": 2026, "m": 2, "d": 30},
        {"Y": 0},
        {"Y": 9999},
        {"Y": 2026, "m": 11, "d": 22, "H": 25},
        {"G": 2026, "V": 60, "u": 1},
        {"Y": 9999, "j": 999},
    ],
)
def test_parts_that_name_no_year_or_no_time_that_there_is(parts):
    assert window(parts, ZoneInfo("Pacific/Kiritimati")) is None


# Which slots

DATED, HOUR = "{date:%Y-%m-%d}", "{date:%Y-%m-%dT%H}"
HOURLY, BERLIN = "0 * * * *", "Europe/Berlin"


@pytest.mark.parametrize(
    ("of", "key", "modified", "found"),
    [
        (job(DATED), "2026-11-20", "2026-11-20T18:05", ["2026-11-20T18:00"]),
        (job(DATED, "0 3 * * *", "Asia/Tokyo"), "2026-11-22", "2026-11-21T18:05", ["2026-11-21T18:00"]),
        # back-fill, weeks later; and ahead of time
        (job(DATED), "2026-11-20", "2026-12-24T09:00", ["2026-11-20T18:00"]),
        (job(DATED), "2026-11-20", "2026-11-20T09:00", ["2026-11-20T18:00"]),
        # a slot that the schedule does not have, a day that there is not, before the job, far ahead
        (job(DATED, "0 18 * * 1"), "2026-11-20", "2026-11-20T18:05", []),
        (job(DATED), "2026-11-31", "2026-12-01T18:05", []),
        (job(DATED), "2025-12-31", "2026-11-20T18:05", []),
        (job(DATED), "2026-11-25", "2026-11-20T18:05", []),
        (job(DATED), "0001-01-01", "2026-11-20T18:05", []),
        (job(DATED), "9999-12-31", "2026-11-20T18:05", []),
        # several runs a day
        (job(HOUR, HOURLY), "2026-11-20T07", "2026-11-20T07:05", ["2026-11-20T07:00"]),
        (
            job(DATED, HOURLY), "2026-11-20", "2026-11-20T07:05",
            ["2026-11-20T00:00", "2026-11-20T08:00", "2026-11-20T07:00"],
        ),
        (job(DATED, HOURLY), "2026-11-20", "2026-11-21T00:05", ["2026-11-20T00:00", "2026-11-20T23:00"]),
        # the clock goes back, and forward
        (job(HOUR, HOURLY, BERLIN), "2026-10-25T02", "2026-10-25T01:05", ["2026-10-25T00:00", "2026-10-25T01:00"]),
        (job("{date:%Y-%m-%dT%H%z}", HOURLY, BERLIN), "2026-10-25T02+0100", "2026-10-25T01:05", ["2026-10-25T01:00"]),
        (job(HOUR, "30 2 * * *", BERLIN), "2026-03-29T03", "2026-03-29T01:31", ["2026-03-29T01:00"]),
        # no date, or not all of it
        (job("alive"), "alive", "2026-11-20T18:05", ["2026-11-21T18:00", "2026-11-20T18:00"]),
        (job("{date:%m-%d}"), "11-20", "2026-12-24T09:00", ["2026-11-20T18:00"]),
        (job("{date:%a}"), "Fri", "2026-11-20T18:05", ["2026-11-20T18:00", "2026-11-13T18:00"]),
        (job("{date:%d}", "* * * * *"), "01", "2026-11-20T18:05", []),
    ],
)  # fmt: skip
def test_which_slots_a_key_may_be_evidence_for(of, key, modified, found):
    assert slots(of, key, modified) == found


def test_every_takes_the_next_heartbeat_under_the_keys_that_the_sweep_looks_at():
    of = job("{date:%Y-%m-%d}", "every 1h")
    since = {"cursor": "2026-11-20T23:30"}
    assert slots(of, "2026-11-21", "2026-11-21T00:20", **since) == ["2026-11-21T00:30"]
    assert slots(of, "2026-11-20", "2026-11-20T23:59", now="2026-11-21T00:01", **since) == ["2026-11-21T00:30"]
    assert slots(of, "2026-11-19", "2026-11-21T00:20", **since) == []


ORACLE = [
    ("{date:%Y-%m-%d}", "0 18 * * *", "UTC"),
    ("{date:%Y-%m-%d}", "0 */5 * * *", "Asia/Tokyo"),
    ("{date:%Y-%m-%dT%H}", "30 * * * *", "Europe/Berlin"),
    ("{date:%Y-%m}", "0 6 * * *", "America/New_York"),
    ("{date:%G-W%V}", "0 6 * * 1,4", "UTC"),
    ("{date:%a}", "0 18 * * *", "UTC"),
    ("now", "15 */2 * * *", "UTC"),
]


@pytest.mark.parametrize(("key", "schedule", "zone"), ORACLE)
@pytest.mark.parametrize("around", ["2026-03-29T00:00", "2026-10-25T00:00", "2026-11-21T00:00"])
def test_no_slot_is_overlooked_that_the_object_belongs_to(key, schedule, zone, around):
    """Against all slots of ten days, one by one: those that an object belongs to are among the candidates."""
    of = job(key, schedule, zone)
    snapshot, first = known(of), at(around) - 5 * DAY
    near = list(iter_slots(of, first, first + 10 * DAY))
    owned = 0
    for name in sorted({key_of(of, slot) for slot in near})[:: max(1, len(near) // 12)]:
        shared = [slot for slot in near if key_of(of, slot) == name]
        for modified in range(first + DAY, first + 9 * DAY, 97 * 60_000):
            mine = {s for s in shared if belongs(snapshot, s, modified)}
            assert mine <= set(candidates(snapshot, name, modified, modified)), (name, iso(modified))
            owned += len(mine)
    assert owned > 10


def iter_slots(of, start, end):
    slot = schedule_of(of).next_ms(start)
    while slot is not None and slot < end:
        yield slot
        slot = schedule_of(of).next_ms(slot)
