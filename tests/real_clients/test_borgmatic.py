"""borgmatic with its four monitoring hooks, each telling a job of its own. Borg is a script that ends as it is told."""

import pytest
from programs import everything
from served import KEY

BORG = """#!/bin/sh
case "$*" in
    *--version*) echo "borg 1.4.0" ;;
    *--dry-run*) ;;
    *create*) echo "3 files changed" >&2; exit $STATUS ;;
esac
"""


@pytest.fixture
def borgmatic(programs):
    """Runs `borgmatic create`; Borg ends with the status."""
    programs.write("borg", BORG, 0o755)

    def run(hooks, status):
        places = (
            f"source_directories: ['{programs.folder}']\nrepositories: [{{path: '{programs.folder}/repository'}}]\n"
        )
        programs.write("backup.yaml", places + hooks)
        return programs(
            "borgmatic", "-v1", "-c", "backup.yaml", "create", STATUS=str(status), HOME=str(programs.folder)
        )

    return run


def healthchecks(job):
    return f"healthchecks: {{ping_url: '{job.url}', send_logs: true}}\n"


def cronitor(job):
    return f"cronitor: {{ping_url: '{job.base}/cronitor/{job.token}'}}\n"


def kuma(job):
    return f"uptime_kuma: {{push_url: '{job.base}/kuma/api/push/{job.token}'}}\n"


def sentry(job):
    return f"sentry: {{data_source_name_url: '{job.dsn}', monitor_slug: {job.slug}}}\n"


@pytest.mark.parametrize(
    ("hook", "status", "kinds"),
    [
        (healthchecks, 0, ["start", "log", "success"]),
        (healthchecks, 2, ["start", "log", "fail"]),
        (cronitor, 0, ["start", "success"]),
        (cronitor, 2, ["start", "fail"]),
        (sentry, 0, ["start", "success"]),
        (sentry, 2, ["start", "fail"]),
    ],
)
def test_a_hook(job, borgmatic, hook, status, kinds):
    ran = borgmatic(hook(job), status)
    assert (ran.returncode, "error:" in ran.stderr) == (1 if status else 0, False)
    assert [signal.kind for signal in job.signals()] == kinds
    assert job.state().runs == ()


@pytest.mark.parametrize(
    ("status", "told"), [(0, ["success start", "success finish"]), (2, ["success start", "fail fail"])]
)
def test_uptime_kuma_knows_no_start(job, borgmatic, status, told):
    """It says `up` at the start, which counts as alive there as well."""
    assert borgmatic(kuma(job), status).returncode == (1 if status else 0)
    assert job.told() == told


def test_uptime_kuma_told_of_the_end_only(job, borgmatic):
    assert borgmatic(kuma(job).replace("}", ", states: [finish, fail]}"), 0).returncode == 0
    assert job.told() == ["success finish"]


def test_the_log_is_kept(job, borgmatic):
    borgmatic(healthchecks(job), 2)
    _, _, last = job.signals()
    assert "3 files changed" in last.body
    assert "returned non-zero exit status 2" in last.body


def test_all_four_at_once(fresh, borgmatic):
    jobs = [next(fresh) for _ in range(4)]
    hooks = (healthchecks, cronitor, kuma, sentry)
    assert borgmatic("".join(hook(job) for hook, job in zip(hooks, jobs, strict=True)), 0).returncode == 0
    assert [[signal.kind for signal in job.signals()][-1] for job in jobs] == ["success"] * 4


def test_healthchecks_may_make_the_job(server, borgmatic):
    url = f"http://127.0.0.1:{server.port}/ping/{KEY}/made-by-borgmatic"
    assert borgmatic(f"healthchecks: {{ping_url: '{url}', create_slug: true, send_logs: true}}\n", 0).returncode == 0
    assert [signal.kind for signal in server.history("made-by-borgmatic")] == ["success", "log", "start"]


@pytest.mark.parametrize("status", [0, 2])
def test_refused_or_down_the_backup_runs_on(job, borgmatic, nowhere, status):
    """A warning for each ping; the exit status is the backup's."""
    before = everything(job.server)
    hooks = healthchecks(job) + cronitor(job) + kuma(job) + sentry(job)
    for broken in (
        hooks.replace(job.slug, "no-such-job"),
        hooks.replace(KEY, "wrong-key"),
        hooks.replace(job.base, nowhere).replace(job.base[7:], nowhere[7:]),
    ):
        ran = borgmatic(broken, status)
        assert ran.returncode == (1 if status else 0)
        assert [
            name for name in ("Healthchecks", "Cronitor", "Uptime Kuma", "Sentry") if f"{name} error" in ran.stderr
        ] == ["Healthchecks", "Cronitor", "Uptime Kuma", "Sentry"]
    assert everything(job.server) == before
