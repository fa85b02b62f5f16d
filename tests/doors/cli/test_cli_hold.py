"""pause, resume, ack, silence."""

import getpass

import pytest


def test_pause_for_a_while_and_resume(either_night):
    status, out, _ = either_night.run("pause", "daily-report", "--for", "2h", "--reason", "moving")
    assert status == 0
    assert out == "daily-report is paused until 12:00 JST (in 2 h): nothing is expected of it\n"
    assert either_night.json("status", "daily-report")["jobs"][0]["pause_reason"] == "moving"
    assert either_night.run("status", "daily-report")[0] == 0
    status, out, _ = either_night.run("resume", "daily-report")
    assert (status, out) == (0, "daily-report is expected again, next tomorrow 09:00 JST, in 23 h\n")


def test_pause_without_an_end(either_night):
    assert "is paused until it is resumed" in either_night.run("pause", "backup")[1]


def test_a_time_without_an_offset_is_the_jobs(either_night):
    either_night.run("pause", "daily-report", "--until", "2026-11-22T18:00")
    assert either_night.json("status", "daily-report")["jobs"][0]["paused_until"] == "2026-11-22T09:00:00Z"
    either_night.run("pause", "daily-report", "--until", "2026-11-22T18:00Z")
    assert either_night.json("status", "daily-report")["jobs"][0]["paused_until"] == "2026-11-22T18:00:00Z"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("pause", "bakcup"), "did you mean 'backup'?"),
        (("pause", "backup", "--for", "2 hours"), "'2 hours' is no duration; write whole numbers"),
        (("pause", "backup", "--until", "soon"), "'soon' is no time; write 2026-11-22T18:00"),
        (("pause", "backup", "--until", "2026-11-01T00:00"), "is not in the future"),
        (("pause", "backup", "--until", "9999-12-31T23:59-23:59"), "is no time that can be waited for"),
        (("pause", "backup", "--for", "0s"), "is not in the future"),
        (("pause", "backup", "--for", "1h", "--until", "2026-11-23"), "not allowed with argument"),
        (("pause",), "the following arguments are required: JOB; see `heartbeat pause --help`"),
        (("resume", "backup"), "backup is not paused; it is up"),
        (("ack", "backup"), "backup has no open incident to acknowledge; it is up"),
        (("silence",), "say what to silence"),
        (("silence", "backup"), "a silence always ends: say --for 2h"),
        (("silence", "backup", "--list"), "say what to silence"),
        (("silence", "--end", "nope"), "there is no silence 'nope'"),
    ],
)
def test_common_mistakes_are_one_line(night, argv, words):
    status, out, err = night.run(*argv)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert words in err


def test_ack_is_by_you_or_by_whom_you_say(either_night):
    status, out, _ = either_night.run("ack", "daily-report", "--by", "ann")
    assert status == 0
    assert out == "ann looks after daily-report, down since 09:10 JST, 50 min ago; no more reminders\n"
    found = either_night.json("ack", "daily-report")
    assert found["incident"]["acked_by"] == getpass.getuser()
    assert "acknowledged by" in either_night.run("status")[1]


def test_a_user_without_a_name_may_acknowledge(either_night, monkeypatch):
    def nameless():
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("heartbeat.doors.cli.options.getuser", nameless)
    assert either_night.json("ack", "daily-report")["incident"]["acked_by"] == "somebody"


def test_a_silence_from_its_beginning_to_its_end(either_night):
    status, out, _ = either_night.run("silence", "daily-*", "--for", "2h", "--reason", "known", "--by", "ann")
    assert status == 0
    assert out.startswith("daily-* is silenced until 12:00 JST (in 2 h), 1 job\n")
    [held] = either_night.json("silence", "--list")["silences"]
    assert out.splitlines()[1] == f"end it earlier with: heartbeat silence --end {held['id']}"
    assert held == {
        "id": held["id"],
        "selector": "daily-*",
        "start": "2026-11-22T01:00:00Z",
        "end": "2026-11-22T03:00:00Z",
        "active": True,
        "reason": "known",
        "author": "ann",
    }
    assert "daily-* is no longer silenced" in either_night.run("silence", "--end", held["id"])[1]
    assert either_night.json("silence", "--list") == {"silences": []}
    assert either_night.run("silence", "--list")[1] == "there are no current or future silences\n"


def test_a_silence_of_a_tag_names_its_jobs(either_night):
    assert either_night.json("silence", "tag:db", "--for", "1h")["jobs"] == ["backup"]


def test_a_silence_that_holds_no_job_says_so(either_night):
    assert "which matches no job now; write a tag as tag:NAME" in either_night.run("silence", "db", "--for", "1h")[1]


def test_json_after_each_is_the_job(either_night):
    assert either_night.json("pause", "backup", "--for", "1h")["standing"] == "paused"
    assert either_night.json("resume", "backup")["standing"] == "waiting"
