"""Real Action Pack, Active Job and whenever, on the Ruby of this machine."""

import re

import pytest
from snippets import block

TOKEN = "the-scheduler-token"


class TestRails:
    @pytest.fixture
    def post(self, project):
        project.make("rails", "ruby")
        for number in range(2):
            project.put(block("Rails", of=2, number=number))
        return lambda token=TOKEN, **environ: project.run(
            "ruby", "drive.rb", "controller", "/reports/daily", token, SCHEDULER_TOKEN=TOKEN, **environ
        )

    def test_a_call_that_works(self, post, report):
        ran = post()
        assert (ran.stdout, ran.stderr) == ('200\n{"rows":312}\n', "")
        assert report.told() == ["start", "success"]
        assert report.run()[1].duration is not None

    def test_a_call_that_fails(self, post, report):
        ran = post(JOB_FAILS="1")
        assert "no disk left (ArgumentError)" in ran.stderr
        assert report.kinds() == ["start", "fail"]
        assert "no disk left (ArgumentError)" in report.run()[1].body

    def test_a_wrong_token_is_no_run(self, post, report):
        assert post("a-wrong-token").stdout == "401\nHTTP Token: Access denied.\n"
        assert report.told() == []


class TestActiveJob:
    @pytest.fixture
    def perform(self, project):
        project.make("rails", "ruby").put(block("ActiveJob"))
        return lambda **environ: project.run("ruby", "drive.rb", "job", **environ)

    def test_a_job_that_works(self, perform, report):
        ran = perform()
        assert (ran.returncode, ran.stderr) == (0, "")
        assert report.told() == ["start", "success"]
        assert [signal.run_id for signal in report.run()] == [ran.stdout.strip()] * 2

    def test_a_job_that_fails(self, perform, report):
        ran = perform(JOB_FAILS="1")
        assert (ran.returncode, "no disk left (ArgumentError)" in ran.stderr) == (1, True)
        assert report.kinds() == ["start", "fail"]
        assert "no disk left (ArgumentError)" in report.run()[1].body
        assert report.signals()[0].run_id == ran.stdout.strip()


class TestWhenever:
    """The real `whenever` writes the crontab; its line is run as cron runs it."""

    @pytest.fixture
    def line(self, project):
        project.make("", "shell").put(block("whenever"))
        written = project.run("whenever", "--load-file", "config/schedule.rb", "--set", f"path={project.folder}")
        assert (written.returncode, written.stderr) == (0, "")
        variables = dict(re.findall(r"^(\w+)=(.*)$", written.stdout, re.MULTILINE))
        assert variables == project.told
        (entry,) = re.findall(r"^0 9 \* \* \* (.+)$", written.stdout, re.MULTILINE)
        assert "%" not in entry
        command = entry.replace("/usr/local/bin", str(project.bin))
        return lambda: project.bare("sh", "-c", command, **variables)

    @pytest.mark.parametrize(("status", "told"), [(0, "success"), (3, "fail 3")])
    def test_its_line(self, project, line, report, status, told):
        project.program("rails", f'echo "$@"; exit {status}')
        ran = line()
        assert (ran.returncode, ran.stdout) == (status, "runner -e production DailyReport.make\n")
        assert report.told() == ["start", told]
        assert report.run()[1].duration is not None
