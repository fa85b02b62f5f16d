"""One grammar: the same option in any place and on every command, one name for one thing, JSON documents alike."""

import time

import pytest

from heartbeat.doors.cli.commands import COMMANDS, load
from heartbeat.doors.cli.parser import Parser


def options(name):
    """{option: its help} of a command; what is only still read has none."""
    parser = Parser()
    load(name).arguments(parser)
    found = {option: action.help for action in parser._actions for option in action.option_strings}
    return {option: text for option, text in found.items() if text != "==SUPPRESS=="}


@pytest.mark.parametrize(
    "typed",
    ["--db heartbeat.db --json status", "--json status --db heartbeat.db", "status --json --db heartbeat.db",
     "--no-color --db=heartbeat.db status --json", "--json --store heartbeat.db status"],
)  # fmt: skip
def test_heartbeat_db_json_status_in_any_order(night, typed):
    status, out, err = night.run(*typed.split())
    assert (status, err, out[0]) == (1, "", "{")


def test_heartbeat_json_alone_is_no_command(machine):
    assert "the command comes first" in machine.run("--json")[2]
    assert machine.run("--db")[0] == 2


STORES = {"--store", "--db", "--stack", "--region"}
NO_STORE = {"check", "import", "ping", "exec", "serve", "systemd"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_reads_jobs_takes_store_db_and_stack(name):
    if name not in NO_STORE:
        assert {*options(name)} >= STORES


@pytest.mark.parametrize("name", COMMANDS)
def test_one_thing_has_one_name(name):
    shown = options(name)
    if name not in {"exec", "ping"}:  # `--for` and `--rid` are the names of the client
        assert not {"--tz", "--author", "--rid"} & {*shown}
        assert "DURATION" in shown.get("--for", "DURATION") or "for this long" in shown["--for"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("next 0_9_*_*_* --tz Asia/Tokyo --json", "next 0_9_*_*_* --timezone Asia/Tokyo --json"),
        ("run daily-report --for nonsense", "run daily-report --slot nonsense"),
    ],
)
def test_next_tz_and_run_for_are_still_read(night, old, new):
    first, second = ([word.replace("_", " ") for word in typed.split()] for typed in (old, new))
    assert night.run(*first) == night.run(*second)


def test_silence_author_is_still_read(night):
    assert night.json("silence", "backup", "--for", "1h", "--author", "ann")["author"] == "ann"


def test_silence_all_until_22_00(night):
    assert night.json("silence", "daily-*", "--until", "22:00")["end"] == "2026-11-22T13:00:00Z"
    assert night.json("silence", "backup", "--until", "0:30")["end"] == "2026-11-23T00:30:00Z"
    found = night.json("silence", "all", "--for", "1h")
    assert (found["selector"], found["jobs"]) == ("*", ["backup", "daily-report", "worker"])


@pytest.mark.parametrize(("zone", "end"), [("Asia/Tokyo", "2026-11-22T13:00:00Z"), ("UTC", "2026-11-22T22:00:00Z")])
def test_silence_all_until_22_00_is_by_this_machines_clock_where_jobs_have_several(night, monkeypatch, zone, end):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert night.json("silence", "all", "--until", "22:00")["end"] == end
    finally:
        monkeypatch.undo()
        time.tzset()


def test_pause_until_22_00_is_by_each_jobs_clock(night):
    ends = {job["job"]: job["paused_until"] for job in night.json("pause", "all", "--until", "22:00")["jobs"]}
    assert ends == {
        "backup": "2026-11-22T22:00:00Z",
        "daily-report": "2026-11-22T13:00:00Z",
        "worker": "2026-11-22T13:00:00Z",
    }


def test_pause_a_tag_and_a_pattern(night):
    status, out, _ = night.run("pause", "tag:db", "wor*", "--for", "2h")
    assert (status, [line.split()[:3] for line in out.splitlines()]) == (
        0,
        [["backup", "is", "paused"], ["worker", "is", "paused"]],
    )
    assert night.run("resume", "*")[1].count("is expected again") == 2
    assert night.run("resume", "all")[::2] == (2, "heartbeat: of 3 jobs there is none to resume\n")
    assert night.run("ack", "*", "--by", "ann")[1].startswith("ann looks after daily-report")


@pytest.mark.parametrize("typed", ["pause tag:x", "pause tag:x *", "ack x*", "status tag:x"])
def test_pause_tag_x_names_what_matches_no_job(night, typed):
    status, out, err = night.run(*typed.split())
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert typed.split()[1] in err
    assert "paused" not in night.run("status")[1]


def test_status_tag_is_a_selector_too(night):
    assert [job["job"] for job in night.json("status", "tag:db")["jobs"]] == ["backup"]


@pytest.mark.parametrize(
    "typed",
    ["runs backup", "silence --list", "key list", "status", "explain backup", "next @daily", "check", "plan", "apply"],
)
def test_json_is_never_a_bare_list(night, typed):
    assert isinstance(night.json(*typed.split()), dict)


def test_key_remove_json_says_what_was_done(night):
    night.run("key", "add", "ann")
    assert night.json("key", "remove", "ann") == {"name": "ann", "removed": True}


def test_db_is_a_folder(machine):
    (machine.folder / "data").mkdir()
    for command in ("status", "apply"):
        status, out, err = machine.run(command, "--db", "data", when="2026-11-22T00:00")
        assert (status, out) == (2, "")
        assert "data is a folder; name a file in it, such as data/heartbeat.db" in err
    for argv in (("backup", "data"), ("restore", "data"), ("serve", "--db", "data")):
        machine.run("apply", when="2026-11-22T00:00")
        status, _, err = machine.run(*argv)
        assert (status, "is a folder" in err) == (2, True), err


def test_db_in_a_folder_that_is_not_there(machine):
    for command in ("apply", "serve"):
        status, _, err = machine.run(command, "--db", "nowhere/my.db", when="2026-11-22T00:00")
        assert (status, err.splitlines()[-1]) == (
            2,
            "heartbeat: nowhere/my.db cannot be: there is no folder nowhere; make it, or name another file",
        )


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("serve --port 99999", "--port is '99999'; give a number from 0 to 65535"),
        ("serve --log loud", "--log is 'loud'; choose text or json"),
        ("serve --host 192.0.2.1 --port 0", "no address of this machine is called so: choose one with --host"),
    ],
)
def test_serve_blames_what_was_typed(machine, typed, words):
    status, out, err = machine.run(*typed.split())
    assert (status, out) == (2, "")
    assert words in err
