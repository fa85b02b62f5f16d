"""check, plan, apply, and what is common to all commands."""

import pytest

from heartbeat.doors.cli.commands import COMMANDS

BROKEN = 'jobs:\n  a: {schedule: "0 9 * * *", grace: "10"}\n  b: {schedul: "0 9 * * *"}\n'


def test_alone_it_says_what_it_can_do(machine):
    status, out, err = machine.run()
    assert (status, err) == (0, "")
    for command in ("status", "explain", "apply", "silence", "exec", "doctor"):
        assert f" {command} " in out


def test_help_tells_the_exit_statuses(machine):
    assert "something is wrong with the jobs" in machine.run("--help")[1]
    assert "HEARTBEAT_DB" in machine.run("help")[1]


def test_version(machine):
    status, out, _ = machine.run("--version")
    assert (status, out.split()[0]) == (0, "heartbeat")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(machine, name):
    status, out, err = machine.run(name, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: heartbeat {name}")
    assert max(len(line) for line in out.splitlines()) <= 120
    assert machine.run("help", name)[1] == out


def test_a_mistyped_command_is_named_with_the_nearest(machine):
    status, out, err = machine.run("stauts")
    assert (status, out) == (2, "")
    assert err == "heartbeat: 'stauts' is not a command; did you mean `status`?\n"


def test_options_of_a_command_before_it_are_explained(machine):
    assert "the command comes first" in machine.run("--down", "status")[2]


def test_a_wrong_option_is_one_line(machine):
    status, out, err = machine.run("status", "--fox")
    assert (status, out) == (2, "")
    assert err == "heartbeat: unrecognized arguments: --fox; see `heartbeat status --help`\n"


def test_check_a_good_file(machine):
    assert machine.run("check") == (0, "jobs.yaml: fine, 3 jobs, 1 channel\n", "")


def test_check_tells_every_mistake_with_its_place(machine):
    machine.write(BROKEN, "broken.yaml")
    status, out, err = machine.run("check", "broken.yaml")
    assert (status, err) == (2, "")
    assert 'error    broken.yaml:2:37: jobs.a.grace: "10" is not a duration' in out
    assert "error    broken.yaml:3:" in out
    assert "did you mean `schedule`?" in out
    assert "broken.yaml: 3 errors" in out


def test_doubts_are_fine_unless_strict(machine):
    machine.write('defaults: {timezone: UTC}\njobs: {a: {schedule: "0 9 * * *"}}\n')
    status, out, _ = machine.run("check")
    assert status == 0
    assert "warning  jobs.yaml:2:11: jobs.a: nobody is told: name a channel" in out
    assert machine.run("check", "--strict")[0] == 1


def test_check_as_json(machine):
    machine.write(BROKEN)
    found = machine.json("check")
    assert found["ok"] is False
    assert {key: found["errors"][0][key] for key in ("line", "column")} == {"line": 2, "column": 37}
    assert found["errors"][0]["message"].startswith('jobs.a.grace: "10" is not a duration')
    machine.write('defaults: {timezone: UTC}\njobs: {a: {schedule: "0 9 * * *"}}\n')
    assert machine.json("check")["warnings"][0]["line"] == 2


def test_check_of_a_file_that_is_not_there(machine):
    status, out, _ = machine.run("check", "no.yaml")
    assert status == 2
    assert "no.yaml:1:1: the file cannot be read: No such file or directory" in out


def test_plan_shows_and_makes_nothing(machine):
    status, out, _ = machine.run("plan")
    assert status == 0
    assert "+ daily-report: 0 9 * * * (Asia/Tokyo), grace 10m, tells screen" in out
    assert "3 to add, 0 unchanged" in out
    assert not (machine.folder / "heartbeat.db").exists()


def test_apply_then_nothing_is_left_to_do(machine):
    status, out, _ = machine.run("apply", when="2026-11-20T00:00")
    assert (status, out.splitlines()[-2:]) == (0, ["3 to add, 0 unchanged", "done"])
    assert machine.run("plan")[1] == "nothing to do, 3 unchanged\n"
    assert machine.run("apply")[1] == "nothing to do, 3 unchanged\n"


def test_plan_and_apply_as_json(machine):
    machine.run("apply", when="2026-11-20T00:00")
    text = (machine.folder / "jobs.yaml").read_text().replace("grace: 10m", "grace: 30m").replace("worker:", "walker:")
    machine.write(text)
    todo = machine.json("plan")
    assert (todo["applied"], todo["added"], todo["removed"]) == (False, ["walker"], ["worker"])
    assert todo["changed"][0] == {
        "job": "daily-report",
        "adopted_from": None,
        "differences": [{"field": "grace", "old": "10m", "new": "30m"}],
    }
    assert machine.json("apply")["applied"] is True
    assert machine.json("plan")["unchanged"] == ["daily-report", "backup", "walker"]


def test_apply_of_a_broken_file_changes_nothing_and_names_each_mistake(machine):
    machine.write(BROKEN)
    status, out, err = machine.run("apply")
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 3
    assert all(line.startswith("heartbeat: jobs.yaml:") for line in err.splitlines())
    assert not (machine.folder / "heartbeat.db").exists()


def test_apply_tells_doubts_on_standard_error(machine):
    machine.write('defaults: {timezone: UTC}\njobs: {a: {schedule: "0 9 * * *"}}\n')
    status, _, err = machine.run("apply")
    assert (status, err.startswith("heartbeat: warning: jobs.yaml:2:11:")) == (0, True)


def test_files_from_the_environment(machine, monkeypatch):
    (machine.folder / "jobs.yaml").rename(machine.folder / "other.yaml")
    monkeypatch.setenv("HEARTBEAT_CONFIG", "other.yaml")
    monkeypatch.setenv("HEARTBEAT_DB", "other.db")
    assert machine.run("apply")[0] == 0
    assert (machine.folder / "other.db").exists()


def test_a_mistyped_database_is_named_and_not_made(machine):
    status, out, err = machine.run("status", "--db", "typo.db")
    assert (status, out) == (2, "")
    assert err.startswith("heartbeat: there is no database typo.db; name it with --db")
    assert not (machine.folder / "typo.db").exists()


def test_a_file_that_is_no_database_is_the_worlds_trouble(machine):
    machine.write("x" * 5_000, "odd.db")
    status, _, err = machine.run("status", "--db", "odd.db")
    assert (status, len(err.splitlines())) == (3, 1)
    assert "is not a SQLite database" in err
