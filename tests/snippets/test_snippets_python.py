"""Django, Celery, APScheduler and the Lambda runtime are the real ones; of Airflow only the callbacks are called."""

import sys
import types

import pytest
from ministack import tool
from project import APPS, TOOLS, runs_of
from runtime_api import FunctionFailed, Sandbox
from snippets import block

PYTHON = str(TOOLS / "python")


class TestDjango:
    @pytest.fixture
    def manage(self, project):
        project.make("django", "python").put(block("Django"))
        project.write("reports/work.py", (APPS / "python" / "work.py").read_text())
        return lambda *words: project.run(PYTHON, "manage.py", "daily_report", *words)

    def test_a_command_that_works(self, project, manage, report):
        project.outcomes("ok")
        ran = manage()
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "312 rows\n", "")
        assert report.told() == ["start", "success"]
        assert report.run()[1].duration is not None

    def test_a_command_that_fails(self, project, manage, report):
        project.outcomes("ValueError")
        assert manage().returncode == 1
        assert report.kinds() == ["start", "fail"]
        assert report.run()[1].body.splitlines()[-1] == "ValueError: no disk left"

    def test_what_fails_before_handle_is_not_told(self, manage, report):
        assert "unrecognized arguments: --nonsense" in manage("--nonsense").stderr
        assert report.told() == []


class TestCelery:
    @pytest.fixture
    def celery(self, project):
        project.make("python", "python").put(block("Celery"))
        return project

    def test_what_beat_starts_is_told(self, celery, report):
        """A real beat and a real worker; three runs: one works, one fails, one is tried again."""
        celery.outcomes("ok", "ValueError", "ConnectionError", "ok")
        worker = celery.begin(str(TOOLS / "celery"), "-A", "quick_tasks", "worker", "--pool", "solo")
        beat = celery.begin(str(TOOLS / "celery"), "-A", "quick_tasks", "beat")
        try:
            runs = runs_of(report.wait(lambda signals: any(len(run) == 4 for run in runs_of(signals))))
        finally:
            for process in (beat, worker):
                process.terminate()
            for process in (beat, worker):
                process.wait(20)
        told = [[str(signal.kind) for signal in run] for run in runs[:3]]
        assert told == [["start", "success"], ["start", "fail"], ["start", "log", "start", "success"]], celery.said
        worked, failed, again = runs[:3]
        assert worked[1].body == "312"
        assert "ValueError: no disk left" in failed[1].body
        assert again[1].body == "Retry in 0s: ConnectionError('no disk left')"

    @pytest.mark.parametrize(("call", "told"), [("headers={'heartbeat': 'daily-report'}", 2), ("", 0)])
    def test_only_a_task_with_the_header_is_told(self, celery, report, call, told):
        celery.outcomes("ok")
        ran = celery.run(PYTHON, "-c", f"import tasks; print(tasks.daily_report.apply({call}).get())")
        assert (ran.stdout, ran.stderr) == ("312\n", "")
        assert len(report.signals()) == told

    def test_beat_starts_it_at_nine_in_tokyo(self, celery):
        ran = celery.run(PYTHON, "-c", "import tasks; print(tasks.app.conf.timezone, tasks.app.conf.beat_schedule)")
        assert ran.stdout.startswith("Asia/Tokyo {'daily-report': ")
        assert "<crontab: 0 9 * * * (m/h/dM/MY/d)>" in ran.stdout


class TestAPScheduler:
    def test_every_end_is_told(self, project, report, backup):
        project.make("python", "python").put(block("APScheduler"))
        project.outcomes("ok", "ValueError", "slow", "ok")
        scheduler = project.begin(PYTHON, "quick_schedule.py")
        try:
            report.wait(lambda signals: [signal.kind for signal in signals].count("success") == 2)
        finally:
            scheduler.terminate()
            scheduler.wait(20)
        worked, failed, busy = report.told()[:3]
        assert worked == "success", project.said
        assert failed.startswith("fail ")
        assert failed.endswith("\nValueError('no disk left')")
        assert busy == "log APScheduler left a run out: the last one was still going on"
        assert report.told()[-1] == "success", "the run that kept the others out has ended"
        assert backup.told() == ["log APScheduler left a run out: it was late"]


class TestLambda:
    @pytest.fixture
    def function(self, project):
        project.make("python", "python").put(block("AWS Lambda"))
        with Sandbox(project.folder, "report.handler", tool("lambda") / "python", **project.told) as box:
            yield box

    def test_a_run_that_works(self, project, function, report):
        project.outcomes("ok")
        assert function.invoke({"time": "2026-11-22T00:00:00Z"}) == {"rows": 312}
        assert report.told() == ["start", "success"]
        assert {signal.named for signal in report.run()} == {"2026-11-22T00:00:00Z"}

    def test_a_run_that_fails(self, project, function, report):
        project.outcomes("ValueError")
        with pytest.raises(FunctionFailed, match="ValueError: no disk left"):
            function.invoke({})
        assert report.kinds() == ["start", "fail"]
        assert report.run()[1].body.splitlines()[-1] == "ValueError: no disk left"
        assert {signal.named for signal in report.signals()} == {""}


class TestAirflow:
    """Airflow is not there: a stand-in keeps what the decorator is given."""

    @pytest.fixture
    def given(self, project, monkeypatch):
        for name, value in project.told.items():
            monkeypatch.setenv(name, value)
        given = {}

        def dag(**arguments):
            given.update(arguments)
            return lambda function: function

        sdk, pendulum = types.ModuleType("airflow.sdk"), types.ModuleType("pendulum")
        sdk.dag, sdk.task, pendulum.datetime = dag, lambda function: function, lambda *when, tz: (*when, tz)
        for module in (types.ModuleType("airflow"), sdk, pendulum):
            monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(block("Airflow").text, "daily_report.py", "exec"), {})  # noqa: S102 - the page's code is ours
        return given

    def test_the_callbacks_tell(self, given, report):
        given["on_success_callback"]({"run_id": "scheduled__2026-11-22"})
        given["on_failure_callback"]({"run_id": "scheduled__2026-11-23", "reason": "task_failure"})
        assert report.told() == ["success scheduled__2026-11-22", "fail scheduled__2026-11-23: task_failure"]

    def test_the_rest_is_as_the_page_says(self, given):
        assert (given["schedule"], given["start_date"]) == ("0 9 * * *", (2026, 11, 1, "Asia/Tokyo"))
