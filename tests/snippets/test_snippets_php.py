"""Real Laravel 8 (from Debian) and its scheduler. CakePHP cannot be had: its command runs on a stand-in, cake.php."""

import pytest
from snippets import block


class TestLaravel:
    @pytest.fixture
    def schedule_run(self, project):
        project.make("laravel", "php").put(block("Laravel"))
        for folder in ("bootstrap/cache", "storage/logs"):
            (project.folder / folder).mkdir(parents=True)
        return lambda now, **environ: project.run("php", "artisan", "schedule:run", NOW=now, **environ)

    def test_a_run_that_works(self, schedule_run, report):
        """Nine o'clock in Tokyo."""
        ran = schedule_run("2026-11-22 00:00:00 UTC")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert report.told() == ["start", "success"]

    def test_a_run_that_fails(self, schedule_run, report):
        schedule_run("2026-11-22 00:00:00 UTC", JOB_FAILS="1")
        assert report.told() == ["start", "fail no disk left"]

    def test_a_minute_later_there_is_no_run(self, schedule_run, report):
        assert schedule_run("2026-11-22 00:01:00 UTC").stdout == "No scheduled commands are ready to run.\n"
        assert report.told() == []


class TestCakePHP:
    @pytest.fixture
    def cake(self, project):
        project.make("cakephp", "php").put(block("CakePHP"))
        return lambda **environ: project.run("php", "cake.php", **environ)

    def test_a_command_that_works(self, cake, report):
        ran = cake()
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "312 rows\n", "")
        assert report.told() == ["start", "success"]
        assert report.run()[1].duration is not None

    def test_a_command_that_fails(self, cake, report):
        assert cake(JOB_FAILS="1").returncode == 255
        assert report.kinds() == ["start", "fail"]
        assert report.run()[1].body.startswith("RuntimeException: no disk left")
