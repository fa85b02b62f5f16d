"""Machines of one's own: crontab, systemd, Windows. Commands are run with nothing but what the snippet gives them."""

import configparser
import http.client
import re
import shlex
import subprocess
import sys
import urllib.parse
import uuid
from pathlib import Path

import pytest
from snippets import ADDRESS, KEY, block

HEARTBEAT = f"exec {sys.executable} -c 'import sys; from heartbeat.doors.cli import main; sys.exit(main())' \"$@\""
"""`heartbeat`, as it is installed on the machine of the snippet."""
FAILING = "echo dumping; echo no disk left >&2; exit 3"


class TestCrontab:
    """What cron does with a crontab (crontab(5) of Debian): variables, five fields, the rest is for sh."""

    @pytest.fixture
    def lines(self, project):
        text = block("crontab").filled(
            **{ADDRESS: project.base, KEY: project.told["HEARTBEAT_PING_KEY"], "/usr/local/bin": str(project.bin)}
        )
        variables = dict(line.split("=", 1) for line in text.splitlines() if re.match(r"\w+=", line))
        entries = [line.split(maxsplit=5) for line in text.splitlines() if re.match(r"[\d*]", line)]
        project.program("heartbeat", HEARTBEAT)
        assert [entry[:5] for entry in entries] == [["30", "2", "*", "*", "*"]] * 3
        assert "%" not in text
        return [lambda command=entry[5]: project.bare("sh", "-c", command, **variables) for entry in entries]

    @pytest.mark.parametrize(
        ("number", "told"), [(0, ["success"]), (1, ["success 0"]), (2, ["start", "success 0 dumping"])]
    )
    def test_a_job_that_works(self, project, lines, backup, number, told):
        project.program("backup", "echo dumping")
        ran = lines[number]()
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "dumping\n", "")
        assert backup.told() == told

    @pytest.mark.parametrize(
        ("number", "told"), [(0, []), (1, ["fail 3"]), (2, ["start", "fail 3 dumping\nno disk left"])]
    )
    def test_a_job_that_fails(self, project, lines, backup, number, told):
        project.program("backup", FAILING)
        ran = lines[number]()
        assert (ran.stdout, ran.stderr) == ("dumping\n", "no disk left\n")
        assert backup.told() == told
        assert number != 2 or (ran.returncode, backup.run()[1].duration is None) == (3, False)


class TestSystemd:
    """`systemd-analyze` reads the units; what systemd(1) does with ExecStart= is done here."""

    @pytest.fixture
    def units(self, project):
        """The three units, by name, on a machine of the reader's."""
        own = {"/usr/local/bin": str(project.bin), "/etc/heartbeat/env": str(project.folder / "heartbeat.env")}
        project.write("heartbeat.env", "".join(f"{name}={value}\n" for name, value in project.told.items()))
        project.program("heartbeat", HEARTBEAT)
        project.program("backup", "echo dumping")
        units = {}
        for number in range(3):
            one = block("systemd timer", of=3, number=number)
            text = one.text
            for shown, value in own.items():
                text = text.replace(shown, value)
            name = one.path.removeprefix("/etc/systemd/system/")
            project.write(f"units/{name}", text)
            units[name] = configparser.RawConfigParser(strict=False, delimiters="=")
            units[name].optionxform = str
            units[name].read_string(text)
        assert list(units) == ["backup.service", "backup.timer", "heartbeat-fail@.service"]
        return units

    def start(self, project, unit, *, specifiers, **monitor):
        """As systemd.service(5) has it: %-specifiers, then words, then ${VARIABLE} from the environment file."""
        service = unit["Service"]
        given = dict(line.split("=", 1) for line in Path(service["EnvironmentFile"]).read_text().splitlines()) | monitor
        command = re.sub(r"%(\w)", lambda found: specifiers[found[1]], service["ExecStart"])
        words = [re.sub(r"\$\{(\w+)\}", lambda found: given[found[1]], word) for word in shlex.split(command)]
        return project.bare(*words, PATH="/usr/sbin:/usr/bin:/sbin:/bin", **given)

    @pytest.mark.usefixtures("units")
    def test_systemd_reads_them(self, project):
        checked = project.bare(
            "systemd-analyze", "verify", "--man=no", "backup.service", "backup.timer", "heartbeat-fail@backup.service",
            SYSTEMD_UNIT_PATH=f"{project.folder / 'units'}:",
        )  # fmt: skip
        assert [line for line in checked.stderr.splitlines() if "backup" in line or "heartbeat" in line] == []
        assert checked.returncode == 0, checked.stderr

    def test_the_timer_fires_when_the_job_is_due(self, units):
        timer = units["backup.timer"]["Timer"]["OnCalendar"]
        said = subprocess.run(
            ["systemd-analyze", "calendar", "--base-time=2026-11-22 00:00:00 UTC", timer],
            capture_output=True, text=True, check=True, env={"TZ": "UTC", "LANG": "C"},
        ).stdout  # fmt: skip
        assert "Next elapse: Sun 2026-11-22 17:30:00 UTC" in said

    @pytest.mark.parametrize(
        ("work", "told"), [("echo dumping", "success 0 dumping"), (FAILING, "fail 3 dumping\nno disk left")]
    )
    def test_the_service(self, project, units, backup, work, told):
        project.program("backup", work)
        ran = self.start(project, units["backup.service"], specifiers={})
        assert backup.told() == ["start", told]
        assert ran.returncode == backup.run()[1].exit_status

    def test_on_failure(self, project, units, backup):
        """The unit that systemd starts for `backup.service`, with the variables that it gives to it (since 251)."""
        assert units["backup.service"]["Unit"]["OnFailure"].replace("%p", "backup") == "heartbeat-fail@backup.service"
        ran = self.fail(project, units, MONITOR_SERVICE_RESULT="timeout", MONITOR_EXIT_STATUS="TERM")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert backup.told() == ["fail backup.service: timeout killed TERM"]

    def test_a_failure_told_twice_is_one_incident(self, project, units, backup):
        project.program("backup", FAILING)
        self.start(project, units["backup.service"], specifiers={})
        incident = backup.incident()
        self.fail(
            project, units, MONITOR_SERVICE_RESULT="exit-code", MONITOR_EXIT_CODE="exited", MONITOR_EXIT_STATUS="3"
        )
        assert backup.kinds() == ["start", "fail", "fail"]
        assert incident is not None
        assert backup.incident().id == incident.id

    def fail(self, project, units, **monitor):
        monitor = {"MONITOR_UNIT": "backup.service", "MONITOR_EXIT_CODE": "killed"} | monitor
        return self.start(project, units["heartbeat-fail@.service"], specifiers={"i": "backup"}, **monitor)


class TestWindows:
    """There is no Windows and no PowerShell: only the requests that the script's text describes are made."""

    SCRIPT = block("Windows Task Scheduler", of=2).text

    def test_its_requests_are_pings(self, project, report):
        ((method, uri),) = re.findall(r'Invoke-RestMethod -Method (\w+) -Uri "(.+?)"', self.SCRIPT)
        (ping,) = re.findall(r'^\$ping = "(.+)"$', self.SCRIPT, re.MULTILINE)
        for name, value in project.told.items():
            ping = ping.replace(f"$env:{name}", value)
        run = str(uuid.uuid4())
        steps = re.findall(r"Tell '(\S*)' ", self.SCRIPT)
        assert steps == ["/start", "", "/fail"]
        for step in steps:
            values = {"ping": ping, "step": step, "run": run}
            url = urllib.parse.urlsplit(re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], uri))  # noqa: B023 - used at once
            connection = http.client.HTTPConnection(url.netloc, timeout=10)
            connection.request(method.upper(), f"{url.path}?{url.query}", b"some output")
            assert connection.getresponse().status == 200
            connection.close()
        assert report.told() == [f"{kind} some output" for kind in ("start", "success", "fail")]
        assert {signal.run_id for signal in report.signals()} == {run}

    def test_its_brackets_match_and_its_names_are_set(self):
        for opening, closing in ("()", "{}", "[]"):
            assert self.SCRIPT.count(opening) == self.SCRIPT.count(closing)
        named = {name.lower() for name in re.findall(r"\$\{?(\w+)", self.SCRIPT)} - {"env", "_", "lastexitcode"}
        given = {
            name.lower()
            for name in re.findall(r"\$(\w+) =|function Tell\(\$(\w+), \$(\w+)\)", self.SCRIPT)
            for name in name
            if name
        }
        assert named == given

    def test_the_task_runs_the_script(self):
        place = re.search(r"^# (\S+)$", self.SCRIPT, re.MULTILINE)[1]
        task = block("Windows Task Scheduler", of=2, number=1).text
        assert place == r"C:\jobs\daily-report.ps1"
        assert f"-File {place}'" in task
