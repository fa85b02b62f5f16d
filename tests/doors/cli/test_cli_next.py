"""next: when a schedule fires."""

import pytest

SPRING = ("next", "30 2 * * *", "--tz", "Europe/Berlin", "--from", "2026-03-28", "-n", "3")


def test_ten_slots_after_the_words(machine):
    status, out, err = machine.run("next", "0 9 * * *", "--tz", "Asia/Tokyo", when="2026-11-22T01:00")
    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert lines[0] == "at 09:00 every day, Asia/Tokyo"
    assert lines[3].split("  ")[0] == "Mon 2026-11-23 09:00 JST"
    assert "Mon 2026-11-23 00:00 UTC" in lines[3]
    assert "in 23 h" in lines[3]
    assert len(lines) == 3 + 10


def test_the_hour_that_is_skipped_is_remarked(machine):
    lines = machine.run(*SPRING)[1].splitlines()
    assert lines[4].startswith("Sun 2026-03-29 03:00 CEST")
    assert "02:30 does not exist and runs at 03:00" in lines[4]


def test_eventbridge_skips_it(machine):
    lines = machine.run("next", "cron(30 2 * * ? *)", *SPRING[2:])[1].splitlines()
    assert lines[4].startswith("Mon 2026-03-30 02:30 CEST")
    assert "02:30 does not exist and is skipped" in lines[4]


def test_the_hour_that_comes_twice(machine):
    argv = ("next", "*/30 2 * * *", "--tz", "Europe/Berlin", "--from", "2026-10-25", "-n", "4")
    found = machine.json(*argv)
    assert [slot["local"] for slot in found["slots"]] == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T02:30:00+01:00",
    ]
    assert "this is the second" in found["slots"][2]["remark"]


def test_a_dialect_may_be_declared(machine):
    found = machine.json("next", "30 2 * * *", *SPRING[2:], "--dialect", "kubernetes")
    assert found["dialect"] == "kubernetes"
    assert found["slots"][1]["at"] == "2026-03-30T00:30:00Z"


def test_only_words(machine):
    assert machine.run("next", "0 9 * * *", "--describe")[1] == "at 09:00 every day, UTC\n"


def test_a_union(machine):
    found = machine.json("next", "0 9 * * *", "30 9 * * *", "-n", "2", when="2026-11-22T01:00")
    assert [slot["at"] for slot in found["slots"]] == ["2026-11-22T09:00:00Z", "2026-11-22T09:30:00Z"]


def test_a_job_of_the_database_in_its_own_zone(night):
    found = night.json("next", "daily-report", "-n", "1")
    assert (found["timezone"], found["slots"][0]["at"]) == ("Asia/Tokyo", "2026-11-23T00:00:00Z")


def test_every_counts_from_the_last_heartbeat(night):
    night.hear("worker", "2026-11-22T00:59")
    assert [slot["at"] for slot in night.json("next", "worker", "-n", "1")["slots"]] == ["2026-11-25T00:59:00Z"]


def test_once_and_never_again(machine):
    _, out, _ = machine.run("next", "at(2026-12-01T09:00:00)", when="2026-11-22T01:00")
    assert out.splitlines()[-1] == "and never again"
    _, out, _ = machine.run("next", "at(2026-12-01T09:00:00)", when="2027-11-22T01:00")
    assert out.splitlines()[-1] == "never after 2027-11-22T01:00:00Z"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("30 25 * * *",), "outside 0-23"),
        (("0 9 30 2 *",), "never fires"),
        (("0 9 * * * *",), "six fields"),
        (("0 9 * * *", "--tz", "Europe/Berln"), "did you mean Europe/Berlin"),
        (("0 9 * * *", "--dialect", "quartz"), "is no dialect"),
        (("0 9 * * *", "-n", "0"), "-n 0 is not from 1 to 1000"),
        (("0 9 * * *", "-n", "many"), "invalid int value: 'many'"),
        (("0 9 * * *", "--from", "tomorrow"), "'tomorrow' is no time"),
        (("dayly-report",), "did you mean 'daily-report'?"),
    ],
)
def test_common_mistakes_are_one_line(night, argv, words):
    status, out, err = night.run("next", *argv)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert words in err
