"""`heartbeat import` as a user calls it: pipes, patch, files, this machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from heartbeat.config import read
from heartbeat.doors.cli import main
from heartbeat.importing import machine
from heartbeat.importing.cron import Cron, Crontab, read_crontabs
from heartbeat.importing.flavour import CRONIE, DEBIAN, OTHER, UNKNOWN

TAB = (
    b"# m h dom mon dow command\nSHELL=/bin/bash\nHEARTBEAT_URL=http://h\n\n# Nightly caf\xe9\n"
    b"0 3 * * * /opt/backup.sh\n1 * * * *\tcd /x && ./y 'z'\r\n\n\n\n\n\n\n@reboot /opt/warm\n"
    b"  @daily /opt/caf\xe9 \x0c%in\xff%\n#5 5 * * * /opt/old\n5 5 * * * /opt/last"
)
NEW = (
    b"# m h dom mon dow command\nSHELL=/bin/bash\nHEARTBEAT_URL=http://h\n\n# Nightly caf\xe9\n"
    b"0 3 * * * heartbeat exec backup -- /opt/backup.sh\n"
    b"1 * * * *\theartbeat exec y-z -- /bin/bash -c 'cd /x && ./y '\\''z'\\''\r'\n"
    b"\n\n\n\n\n\n@reboot /opt/warm\n"
    b"  @daily heartbeat exec caf -- /bin/bash -c '/opt/caf\xe9 \x0c'%in\xff%\n"
    b"#5 5 * * * /opt/old\n5 5 * * * heartbeat exec last -- /opt/last"
)


@pytest.fixture
def run(tmp_path, monkeypatch, capfdbinary):
    monkeypatch.chdir(tmp_path)

    def call(*argv):
        status = main(["import", *argv], clock=lambda: 0)
        return int(status), *capfdbinary.readouterr()

    return call


def test_the_diff_is_carried_out_by_patch_to_the_byte(run, tmp_path):
    (tmp_path / "my tab").write_bytes(TAB)
    status, diff, _ = run("crontab", "my tab", "--diff", "--program", "heartbeat", "--timezone", "UTC")
    assert status == 0
    done = subprocess.run(["patch", "-p1"], input=diff, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"patching file 'my tab'\n")
    assert (tmp_path / "my tab").read_bytes() == NEW


def test_a_second_time_there_is_nothing_to_change(run, tmp_path):
    (tmp_path / "tab").write_bytes(TAB)
    _, jobs, _ = run("crontab", "tab", "--timezone", "UTC")
    _, diff, _ = run("crontab", "tab", "--diff", "--timezone", "UTC", "--program", "heartbeat")
    subprocess.run(["patch", "-p1"], input=diff, check=True, capture_output=True)
    _, again, said = run("crontab", "tab", "--timezone", "UTC")
    assert again == jobs
    assert b"+++" not in said


def test_jobs_go_to_standard_output_and_the_rest_to_standard_error(run, tmp_path):
    (tmp_path / "tab").write_bytes(TAB)
    status, out, err = run("crontab", "tab", "--timezone", "Asia/Tokyo")
    config = read(out.decode())
    assert status == 0
    assert config.warnings == ()
    assert [(job.slug, job.schedule, job.timezone) for job in config.jobs] == [
        ("backup", ("0 3 * * *",), "Asia/Tokyo"),
        ("y-z", ("1 * * * *",), "Asia/Tokyo"),
        ("caf", ("@daily",), "Asia/Tokyo"),
        ("last", ("5 5 * * *",), "Asia/Tokyo"),
    ]
    assert b"heartbeat: tab:14: not imported: @reboot: when the machine starts" in err
    assert b"\n+++ b/tab\n" in err
    assert b"# Not imported:\n#   tab:14: @reboot" in out


def test_output_goes_to_a_new_file_only(run, tmp_path):
    (tmp_path / "tab").write_text("0 3 * * * /opt/backup.sh\n")
    status, out, _ = run("crontab", "tab", "--diff", "--output", "jobs.yaml")
    assert (status, out.startswith(b"--- a/tab\n")) == (0, True)
    assert [job.slug for job in read((tmp_path / "jobs.yaml").read_text()).jobs] == ["backup"]
    status, out, err = run("crontab", "tab", "--output", "jobs.yaml")
    assert (status, out) == (2, b"")
    assert b"jobs.yaml already exists" in err


def test_the_users_crontab_is_asked_for(run, tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "crontab").write_text('#!/bin/sh\n[ "$*" = -l ] && echo "0 3 * * * /opt/backup.sh"\n')
    (folder / "crontab").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    _, out, err = run("crontab")
    assert [job.slug for job in read(out.decode()).jobs] == ["backup"]
    assert b"+++ b/crontab\n" in err
    (folder / "crontab").write_text('#!/bin/sh\necho "no crontab for me" >&2; exit 1\n')
    status, out, err = run("crontab")
    assert (status, out) == (2, b"")
    assert b"no crontab for me; name a file" in err


def test_standard_input_is_read(tmp_path):
    call = [Path(sys.executable).parent / "heartbeat", "import", "crontab", "-", "--system", "--prefix", "web1-"]
    done = subprocess.run(call, input=b"0 3 * * * root /opt/backup.sh\n", capture_output=True, check=True, cwd=tmp_path)
    assert b"  web1-backup:  # crontab:1 as root\n" in done.stdout


def test_a_folder_like_cron_d_has_users_and_names_that_cron_passes_over(run, tmp_path):
    folder = tmp_path / "cron.d"
    folder.mkdir()
    (folder / "a").write_text("0 3 * * * www-data /opt/backup.sh\n")
    (folder / "b.bak").write_text("0 4 * * * root /opt/other.sh\n")
    _, out, err = run("crontab", "cron.d", "--program", "heartbeat")
    assert [job.slug for job in read(out.decode()).jobs] == ["backup"]
    assert b"\n+0 3 * * * www-data heartbeat exec backup -- /opt/backup.sh\n" in err
    assert b"cron.d/b.bak: not read" in err


def test_json_holds_everything(run, tmp_path):
    (tmp_path / "tab").write_bytes(TAB)
    _, out, _ = run("crontab", "tab", "--json", "--timezone", "UTC")
    said = json.loads(out)
    assert said["jobs"][0] == {"job": "backup", "schedule": ["0 3 * * *"], "timezone": "UTC", "where": "tab:6"}
    assert [each["where"] for each in said["not_imported"]] == ["tab:14"]
    assert len(read(said["jobs_yaml"]).jobs) == 4
    assert said["diff"].startswith("--- a/tab\n+++ b/tab\n@@ -3,8 +3,8 @@\n")


def test_timers_in_a_folder_with_drop_ins_and_patch_makes_the_files(run, tmp_path):
    (tmp_path / "b.timer").write_text("[Timer]\nOnCalendar=daily\n")
    (tmp_path / "b.timer.d").mkdir()
    (tmp_path / "b.timer.d" / "o.conf").write_text("[Timer]\nOnCalendar=\nOnCalendar=*-*-* 04:00\n")
    (tmp_path / "b.service").write_text("[Service]\nExecStart=/opt/b\n")
    status, diff, _ = run("systemd", "b.timer", "--diff", "--output", "jobs.yaml", "--program", "heartbeat")
    assert status == 0
    assert read((tmp_path / "jobs.yaml").read_text()).jobs[0].schedule == ("*-*-* 04:00",)
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(["patch", "-p1", "-d", root], input=diff, check=True, capture_output=True)
    made = (root / "etc/systemd/system/b.service.d/heartbeat.conf").read_text()
    assert made.splitlines()[-2:] == ["ExecStart=", "ExecStart=heartbeat exec b -- /opt/b"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("crontab", "nowhere"), b"nowhere: No such file or directory"),
        (("crontab", "x", "--timezone", "Berlin"), b"did you mean Europe/Berlin?"),
        (("systemd", "nowhere/x.timer"), b"No such file"),
        (("systemd", "--system"), b"--system and --cron are for crontabs"),
        (("launchd",), b"invalid choice"),
        (("crontab", "x", "--program", "hb"), b"--program hb: write heartbeat"),
        (("crontab", "a\nb"), b"cannot stand in a diff"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(run, argv, said):
    status, out, err = run(*argv)
    assert (status, out) == (2, b"")
    assert said in err


def crons(text, **more):
    found = read_crontabs([Crontab(name="tab", text=text)], Cron(**{"zone": "Europe/Berlin", **more}))
    return [job.timezone for job in found.jobs], " ".join(each.text for each in found.remarks + found.listed)


MOVED = "0 1 * * * /a\nCRON_TZ=Asia/Tokyo\n0 2 * * * /b\nCRON_TZ=UTC\n0 3 * * * /c\n"


def test_cron_tz_holds_from_its_line_on_where_cron_knows_it():
    assert crons(MOVED, flavour=CRONIE)[0] == ["Europe/Berlin", "Asia/Tokyo", "UTC"]
    zones, said = crons(MOVED, flavour=UNKNOWN)
    assert zones == ["Europe/Berlin", "Asia/Tokyo", "UTC"]
    assert "--cron debian" in said


def test_debians_cron_does_not_know_cron_tz():
    zones, said = crons(MOVED, flavour=DEBIAN)
    assert zones == ["Europe/Berlin"] * 3
    assert "does not know CRON_TZ" in said


def test_tz_is_for_the_commands_unless_nothing_better_is_known():
    zones, said = crons("TZ=Asia/Tokyo\n0 2 * * * /b\n")
    assert zones == ["Europe/Berlin"]
    assert "TZ is for the commands" in said
    assert crons("TZ=:Asia/Tokyo\n0 2 * * * /b\n", known=False)[0] == ["Asia/Tokyo"]


def test_a_zone_that_is_none_lists_the_lines_below_it():
    zones, said = crons("CRON_TZ=Mars/Base\n0 2 * * * /b\nCRON_TZ=UTC\n0 2 * * * /c\n", flavour=CRONIE)
    assert zones == ["UTC"]
    assert "CRON_TZ=Mars/Base in line 1 is not a time zone" in said


def test_the_words_in_the_program_tell_which_cron_it_is(tmp_path):
    programs = {"debian": b"\x7fELF SHELL", "cronie": b"\x7fELF CRON_TZ RANDOM_DELAY", "freebsd": b"CRON_TZ SHELL"}
    for name, text in programs.items():
        (tmp_path / name).write_bytes(text)
    assert machine.which_cron([str(tmp_path / "debian")]) is DEBIAN
    assert machine.which_cron([str(tmp_path / "none"), str(tmp_path / "cronie")]) is CRONIE
    assert machine.which_cron([str(tmp_path / "freebsd")]) is OTHER
    assert machine.which_cron([str(tmp_path / "none")]) is UNKNOWN


def test_one_job_on_two_lines_is_the_union_of_their_times():
    text = "0 3 * * * heartbeat exec a -- /x\n0 9 * * 6 heartbeat exec --no-start a -- /x\n"
    found = read_crontabs([Crontab(name="tab", text=text)], Cron(zone="UTC"))
    assert [(job.slug, job.schedules, job.where) for job in found.jobs] == [
        ("a", ("0 3 * * *", "0 9 * * 6"), "tab:1, tab:2")
    ]


def test_lines_that_ping_by_themselves_stay():
    text = (
        "0 3 * * * /x && curl -fsS -m 10 https://hc-ping.com/KEY/nightly\n0 4 * * * wget -qO- http://h/ping/K/b/start\n"
    )
    found = read_crontabs([Crontab(name="tab", text=text)], Cron(zone="UTC"))
    assert [job.slug for job in found.jobs] == ["nightly", "b"]
    assert not found.sheets[0].changed


def test_lines_that_call_the_shells_client_stay():
    text = "0 3 * * * /usr/local/bin/heartbeat.sh run nightly -- /opt/x\n0 4 * * * /opt/y && heartbeat.sh ping b\n"
    found = read_crontabs([Crontab(name="tab", text=text)], Cron(zone="UTC"))
    assert [job.slug for job in found.jobs] == ["nightly", "b"]
    assert not found.sheets[0].changed


def test_where_cron_would_not_find_heartbeat_its_path_is_written():
    text = "0 3 * * * /opt/a\nPATH=/opt/hb/bin:/bin\n0 3 * * * /opt/b\n"
    found = read_crontabs([Crontab(name="tab", text=text)], Cron(zone="UTC", found="/opt/hb/bin/heartbeat"))
    assert [line.new for line in found.sheets[0].lines] == [
        "0 3 * * * /opt/hb/bin/heartbeat exec a -- /opt/a",
        "PATH=/opt/hb/bin:/bin",
        "0 3 * * * heartbeat exec b -- /opt/b",
    ]
