"""`heartbeat systemd` as systemd itself sees it. Without systemd-analyze these fail: .ci/run installs it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, Page

PROGRAM = str(Path(sys.executable).with_name("heartbeat"))


@pytest.fixture
def unit(machine):
    """What `heartbeat systemd` with these options prints, in the file that it is meant for."""

    def make(*argv):
        status, out, err = machine.run("systemd", *argv)
        assert (status, err) == (0, "")
        path = machine.folder / "heartbeat.service"
        path.write_text(out, encoding="utf-8")
        return path

    return make


def analyze(*argv):
    done = subprocess.run(["systemd-analyze", *argv], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_systemd_verify_has_nothing_to_say_about_the_unit(unit):
    assert analyze("verify", "--man=no", unit("--program", PROGRAM)) == (0, "")


def test_systemd_security_rates_the_unit_two_at_most(unit):
    status, said = analyze("security", "--offline=yes", "--threshold=20", "--no-pager", unit("--program", PROGRAM))
    rated = re.search(r"Overall exposure level for heartbeat.service: ([\d.]+)", said)
    assert (status, float(rated[1]) <= 2.0) == (0, True), said


def test_systemd_with_blanks_and_percent_signs_in_paths_starts_what_was_meant(unit, tmp_path):
    program = tmp_path / "my 100% tools" / "heartbeat"
    program.parent.mkdir()
    program.symlink_to(PROGRAM)
    path = unit("--program", str(program), "--config", "/etc/a $b/jobs.yaml", "--evidence", "/srv/it's")
    assert analyze("verify", "--man=no", path) == (0, "")
    [line] = re.findall("^ExecStart=(.+)$", path.read_text(), re.MULTILINE)
    assert '"/etc/a $$b/jobs.yaml"' in line
    assert "my 100%% tools" in line


@pytest.mark.parametrize(("path", "home"), [("/opt/x/heartbeat", "yes"), ("/home/ann/venv/bin/heartbeat", "read-only")])
def test_systemd_of_a_program_at_somebodys_home_lets_it_be_read(unit, path, home):
    assert f"\nProtectHome={home}\n" in unit("--program", path).read_text()


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("--port", "80"), "--port 80: the unit may listen from 1024 on; put a proxy in front"),
        (("--port", "99999"), "give a number from 0 to 65535"),
        (("--config", "jobs.yaml"), "--config jobs.yaml: a unit wants the whole path"),
        (("--evidence", "/srv/a\nUser=root"), "a unit wants the whole path"),
        (("--user", "a b"), "--user a b: that is no user's name"),
    ],
)
def test_systemd_with_what_no_unit_can_have_says_why(machine, argv, told):
    status, out, err = machine.run("systemd", *argv)
    assert (status, out, told in err) == (2, "", True)


def test_the_unit_on_the_page_is_the_one_that_is_printed(machine):
    assert (
        Page("operating.md").block("As a service", of=2, number=1).text
        == machine.run("systemd", "--program", "/opt/heartbeat/bin/heartbeat")[1]
    )


def test_every_page_names_the_same_environment_file():
    files = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "heartbeat").rglob("*.py"), *ROOT.glob("*.md")]
    named = {
        name for path in files for name in re.findall(r"/etc/(?:default/)?heartbeat[./]\w*env\b", path.read_text())
    }
    assert named == {"/etc/heartbeat/env"}
