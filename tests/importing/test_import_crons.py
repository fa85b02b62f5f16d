"""Whose cron reads the lines, and whose crontab it is."""

import pytest

from heartbeat.config import read
from heartbeat.doors.cli import main

SYSTEM = """\
SHELL=/bin/bash
RANDOM_DELAY=30
0 3 * * * root /opt/backup.sh
*/5 * * * * www-data cd /srv/app && php cron.php
0 4 * * * deploy /opt/deploy/clean
15 4 * * * rsync /a /b
-0 5 * * * root /opt/quiet
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)

    def call(*argv):
        status = main(["import", *argv], clock=lambda: 0)
        out, err = capfd.readouterr()
        return int(status), out, err

    return call


def jobs(page):
    return {job.slug: job for job in read(page).jobs}


def test_cron_cronie_means_all_its_rules(run, tmp_path):
    long = f"0 6 * * * root /opt/long {'x' * 2000}\n"
    (tmp_path / "tab").write_text(f"{SYSTEM}CRON_TZ=Asia/Tokyo\n{long}0 7 * * * root /opt/last")
    _, out, err = run("crontab", "--cron", "cronie", "--timezone", "UTC", "tab")
    found = jobs(out)
    assert set(found) == {"backup", "cron", "clean", "rsync-a", "quiet", "long", "last"}
    assert found["backup"].grace == 40 * 60_000
    assert found["cron"].grace == 35 * 60_000
    assert "RANDOM_DELAY: grace holds it too" in err
    assert "the last line has no end: cronie does not run it" in err


def test_cron_debian_knows_none_of_them(run, tmp_path):
    (tmp_path / "tab").write_text(f"{SYSTEM}0 6 * * * root /opt/long {'x' * 2000}\n")
    _, out, err = run("crontab", "tab", "--cron", "debian", "--timezone", "UTC")
    assert jobs(out)["backup"].grace == 10 * 60_000
    assert "tab:7: not imported: Debian's cron takes no - before the time" in err
    assert "and cron takes 998" in err


def test_names_in_cron_d_are_passed_over_as_each_cron_does(run, tmp_path):
    folder = tmp_path / "cron.d"
    folder.mkdir()
    for name in ("a", "b.sh", "c.rpmsave", "d~", ".e"):
        (folder / name).write_text(f"0 3 * * * root /opt/{name.strip('.~')}\n")
    _, out, err = run("crontab", "cron.d", "--cron", "cronie")
    assert set(jobs(out)) == {"a", "b"}
    assert "cron.d/c.rpmsave: not read: cronie passes over such a name" in err
    assert set(jobs(run("crontab", "cron.d", "--cron", "debian")[1])) == {"a"}


def test_a_copy_of_a_system_crontab_is_recognised_line_by_line(run, tmp_path):
    (tmp_path / "copy").write_text(SYSTEM)
    _, out, err = run("crontab", "copy", "--program", "heartbeat")
    assert set(jobs(out)) >= {"backup", "cron", "clean", "rsync-a"}
    assert "+*/5 * * * * www-data heartbeat exec cron -- /bin/bash -c 'cd /srv/app && php cron.php'\n" in err
    assert "+0 4 * * * deploy heartbeat exec clean -- /opt/deploy/clean\n" in err
    assert "+15 4 * * * heartbeat exec rsync-a -- rsync /a /b\n" in err
    assert "copy:3: 4 lines are read with a user's name behind the time, as in /etc/crontab; if not, say --user" in err


def test_user_or_a_users_own_program_means_no_name(run, tmp_path):
    (tmp_path / "mine").write_text("0 3 * * * backup /data\n0 4 * * * git /x\n")
    assert set(jobs(run("crontab", "mine")[1])) == {"backup", "git"}
    (tmp_path / "copy").write_text(SYSTEM)
    assert "www-data-cd" in jobs(run("crontab", "copy", "--user")[1])


@pytest.mark.parametrize(
    "argv", [("--diff", "tab"), ("tab", "--diff"), ("--timezone", "UTC", "--diff", "tab"), ("--diff", "--", "tab")]
)
def test_options_may_stand_before_the_file(run, tmp_path, argv):
    (tmp_path / "tab").write_text("0 3 * * * /opt/backup.sh\n")
    status, out, _ = run("crontab", *argv)
    assert (status, out.splitlines()[0]) == (0, "--- a/tab")


def test_options_may_stand_before_what_is_read(run, tmp_path):
    (tmp_path / "tab").write_text("0 3 * * * /opt/backup.sh\n")
    assert run("--diff", "crontab", "tab")[1].startswith("--- a/tab\n")
