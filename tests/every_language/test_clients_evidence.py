"""Evidence in S3 instead of pings: what lies there, under which key, and what Heartbeat reads in it."""

import base64
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from languages import ON_S3

from heartbeat.ingest import report
from heartbeat.model import Kind, Signal

ID = "11111111-2222-4333-8444-555555555555"
AHEAD, BEHIND = 14, -12
"""Hours before and after UTC of the two zones that never have the same date."""
TEXT = 'a "quoted" \\ back/slash\n\ttab, 三行 & <b> 😀'
DAY = "2026-11-22"
FULL = {"exit_status": 3, "duration": 12.5, "run_id": ID, "at": 1795335600.25, "for": DAY, "create": True}
CALLS = {
    "plain": {"call": "success"},
    "begun": {"call": "start", "options": {"run_id": ID, "for": DAY}},
    "failed": {"call": "fail", "body": TEXT, "options": {"for": DAY}},
    "full": {"call": "success", "body": "no rows", "options": FULL},
    "zero": {"call": "fail", "options": {"exit_status": 0, "for": DAY}},
    "midnight": {"call": "success", "options": {"at": 1795343400, "duration": 3600}},
    "noted": {"call": "log", "body": TEXT, "options": {"for": DAY}},
    "huge": {"call": "success", "body": "x", "times": 3_000_000, "end": "the end", "options": {"for": DAY}},
    "bytes": {
        "call": "fail",
        "base64": base64.b64encode(bytes(range(1, 256)) + b"end").decode(),
        "options": {"for": DAY},
    },
    "cut": {"call": "fail", "body": "三", "times": 5_000, "options": {"for": DAY}},
    "日次 レポート+&": {"call": "success", "options": {"for": DAY}},
    ID: {"call": "success"},
    "https://example.org/ping/1/2": {"call": "success"},
    "settled": {"call": "run", "do": "return", "text": "7 rows", "options": {"for": DAY}},
    "broken": {"call": "run", "do": "raise", "text": "no <ledger>", "catch": True, "options": {"for": DAY}},
}


@pytest.fixture(scope="module", params=ON_S3)
def language(request):
    return ON_S3[request.param]


@pytest.fixture(scope="module")
def where(language, s3):
    return s3.environ | {"HEARTBEAT_URL": f"s3://evidence/{language.name}/jobs/"}


def days(hours):
    """The dates at which a call that has just been made may have been made."""
    now = datetime.now(UTC) + timedelta(hours=hours)
    return [f"{now - timedelta(minutes=1):%Y-%m-%d}", f"{now:%Y-%m-%d}"]


@pytest.fixture(scope="module")
def done(told, where):
    calls = [{"slug": slug, **call} for slug, call in CALLS.items()]
    return told(calls, **where, HEARTBEAT_TIMEZONE="Pacific/Kiritimati")


@pytest.fixture(scope="module")
def objects(done, s3, language):
    assert done.status == 0
    return s3.objects(f"{language.name}/jobs/")


@pytest.fixture
def value(objects):
    """The JSON value of a job's evidence."""

    def read(slug, day=DAY):
        type_, data = objects[f"{slug}/{day}.json"]
        assert type_ == "application/json"
        said = json.loads(data)
        if "at" not in CALLS[slug].get("options", {}):
            assert abs(said.pop("at") - time.time()) < 60
        return said

    return read


def test_a_success_lies_under_todays_date_in_the_wanted_zone(objects, value):
    (key,) = (key for key in objects if key.startswith("plain/"))
    assert key in [f"plain/{day}.json" for day in days(AHEAD)]
    assert value("plain", key[6:16]) == {"status": "success"}


def test_a_run_over_midnight_lies_under_the_date_on_which_it_began(value):
    """10:30 UTC is half past midnight of the next day there, and the run took an hour."""
    assert value("midnight") == {"status": "success", "duration": 3600, "at": 1795343400}


def test_a_start_is_told_from_an_end(value):
    assert value("begun") == {"status": "started", "run_id": ID}


def test_a_text_arrives_as_it_is(value, objects):
    assert value("failed") == {"status": "fail", "message": TEXT}
    assert objects[f"noted/{DAY}.log"][0].startswith("text/plain")
    assert objects[f"noted/{DAY}.log"][1].decode() == TEXT


def test_an_exit_status_decides(value):
    said = {"exit_status": 3, "duration": 12.5, "run_id": ID, "at": 1795335600.25, "message": "no rows"}
    assert value("full") == {"status": "fail", **said}
    assert value("zero") == {"status": "success", "exit_status": 0}


def test_of_a_huge_body_the_end_is_kept(value):
    assert value("huge")["message"] == "x" * (10_000 - 7) + "the end"


def test_bytes_that_are_no_text_leave_a_readable_object(value):
    message = value("bytes")["message"]
    assert message.endswith("end")
    assert " !\"#$%&'()*+,-./0123456789" in message
    assert set(value("cut")["message"].removeprefix("\ufffd")) == {"三"}, "of half a character a mark is left at most"


def test_any_name_is_a_key(value):
    assert value("日次 レポート+&") == {"status": "success"}


def test_what_names_no_job_is_told(done, objects):
    results = dict(zip(CALLS, done.results, strict=True))
    assert [slug for slug, result in results.items() if result is False] == [ID, "https://example.org/ping/1/2"]
    assert "evidence in S3 is named by the job's name: use that, not its uuid or URL" in done.line("11111111…")
    assert "evidence in S3 is named by the job's name" in done.line("https://example.org")
    assert len(done.stderr.splitlines()) == 2
    assert len(objects) == len(CALLS) - 2


def test_a_run_leaves_its_end(value, language):
    settled, broken = value("settled"), value("broken")
    assert (settled["status"], len(settled["run_id"])) == ("success", 36)
    assert 0 <= settled["duration"] < 5
    assert broken["status"] == "fail"
    assert ("no <ledger>" in broken.get("message", "")) != language.is_shell
    assert broken.get("exit_status") == (1 if language.is_shell else None)


@pytest.mark.parametrize(
    ("slug", "meant"),
    [
        ("failed", (Kind.FAIL, None, None, TEXT)),
        ("full", (Kind.FAIL, 3, 12_500, "no rows")),
        ("zero", (Kind.SUCCESS, 0, None, "")),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_heartbeat_reads_what_was_meant(value, slug, meant):
    signal = report.told(Signal(slug=slug, kind=Kind.SUCCESS, at=0, received=0), value(slug))
    assert (signal.kind, signal.exit_status, signal.duration, signal.body) == meant


def test_the_date_is_the_machines_own_and_what_is_set_counts_at_once(told, where, s3, language):
    calls = [
        {"call": "success", "slug": "here"},
        {"call": "set", "environ": {"HEARTBEAT_TIMEZONE": "UTC", "HEARTBEAT_URL": f"s3://evidence/{language.name}-2"}},
        {"call": "success", "slug": "there"},
        {"call": "set", "environ": {"HEARTBEAT_TIMEZONE": "Nowhere/Land"}},
        {"call": "success", "slug": "nowhere"},
        {"call": "set", "environ": {"HEARTBEAT_TIMEZONE": "", "HEARTBEAT_URL": "s3://"}},
        {"call": "success", "slug": "unplaced"},
    ]
    done = told(calls, **where | {"HEARTBEAT_URL": f"s3://evidence/{language.name}-1/jobs/"}, TZ="Etc/GMT+12")
    assert done.results == [True, None, True, None, False, None, False]
    (here,) = s3.objects(f"{language.name}-1/jobs/")
    (there,) = s3.objects(f"{language.name}-2/")
    assert here in [f"here/{day}.json" for day in days(BEHIND)]
    assert there in [f"there/{day}.json" for day in days(0)]
    assert "HEARTBEAT_TIMEZONE='Nowhere/Land' is no time zone" in done.line("nowhere")
    assert "'s3://' is no place in S3; give it the form s3://bucket/prefix" in done.line("unplaced")
