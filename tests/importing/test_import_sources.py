"""`heartbeat import` from other schedulers and services as a user types it, and `--check`."""

import io
import json
import sys

import boto3
import pytest
from moto import mock_aws
from receiver import Receiver, listening

from heartbeat.config import read
from heartbeat.doors.cli import main
from heartbeat.importing.crontab import Unreadable
from heartbeat.importing.sources.fugit import read_fugit, read_length
from heartbeat.schedule import parse

RECURRING = """\
production:
  digest: {class: DigestJob, schedule: every day at 9am}
  sync: {class: SyncJob, schedule: "*/5 * * * *"}
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)

    def call(*argv, given=None):
        if given is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        status = main(["import", *argv], clock=lambda: 0)
        out, err = capfd.readouterr()
        return int(status), out, err

    return call


def jobs(page):
    return {job.slug: job for job in read(page).jobs}


def recurring(tmp_path, text=RECURRING):
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "recurring.yml").write_text(text)


def test_import_solid_queue_reads_the_file_where_it_usually_is(run, tmp_path):
    recurring(tmp_path)
    status, out, err = run("solid-queue")
    assert (status, set(jobs(out))) == (0, {"digest", "sync"})
    assert "# From config/recurring.yml." in out
    assert "# Times without a zone are read in UTC (Rails' config.time_zone, UTC by default" in out
    assert "wrap each job's work in Heartbeat.run (docs/snippets.md)" in err


def test_import_solid_queue_with_timezone_and_prefix(run, tmp_path):
    recurring(tmp_path)
    _, out, _ = run("--prefix", "shop-", "solid-queue", "--timezone", "Asia/Tokyo")
    assert {slug: job.timezone for slug, job in jobs(out).items()} == {
        "shop-digest": "Asia/Tokyo",
        "shop-sync": "Asia/Tokyo",
    }


def test_import_laravel_from_a_pipe(run):
    text = json.dumps([{"expression": "0 3 * * *", "command": "php artisan app:sync", "timezone": "UTC"}])
    _, out, _ = run("laravel", "-", given=text)
    assert list(jobs(out)) == ["app-sync"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("sidekiq",), "there is no config/schedule.yml and no config/sidekiq_schedule.yml"),
        (("laravel",), "write `php artisan schedule:list --json`"),
        (("healthchecks",), "write its URL, https://healthchecks.io, with a read-only key"),
        (("healthchecks", "https://127.0.0.1:1"), "set HEALTHCHECKS_API_KEY to a read-only key"),
        (("kubernetes", "nowhere.yaml"), "No such file"),
        (("kubernetes", "x", "--cron", "debian"), "are for crontabs and timers"),
        (("aws", "file.yml"), "`heartbeat import eventbridge FILE` reads those"),
        (("whenever", "schedule.rb"), "or write `whenever | heartbeat import whenever -`"),
        (("terraform",), "invalid choice"),
    ],
)
def test_what_cannot_be_done_says_what_can(run, argv, said):
    status, out, err = run(*argv)
    assert (status, out) == (2, "")
    assert said in err


def test_import_healthchecks_with_its_url_asks_the_api(run, monkeypatch):
    monkeypatch.setenv("HEALTHCHECKS_API_KEY", "a-read-only-key")
    body = json.dumps({"checks": [{"name": "Nightly", "slug": "nightly", "timeout": 86400, "grace": 3600}]}).encode()
    with listening(Receiver()) as server:
        server.answer = lambda asked: (200 if asked.headers["x-api-key"] == "a-read-only-key" else 401, {}, body)
        site = f"http://127.0.0.1:{server.server_port}"
        assert list(jobs(run("healthchecks", site)[1])) == ["nightly"]
        assert [(asked.method, asked.path) for asked in server.asked] == [("GET", "/api/v3/checks/")]
        monkeypatch.setenv("HEALTHCHECKS_API_KEY", "another-key")
        status, _, err = run("healthchecks", site)
    assert status == 2
    assert "it answers 401 Unauthorized; is HEALTHCHECKS_API_KEY right?" in err
    assert "another-key" not in err


@pytest.mark.parametrize(
    ("source", "text", "said"),
    [
        ("kubernetes", "a: [", "not imported: line 1: it is neither YAML nor JSON"),
        ("kubernetes", "kind: Deployment\n", "not imported: no jobs were found in it"),
        ("laravel", "{}", "it is no list"),
        ("laravel", "0 * * * * php artisan x", "it is no JSON"),
        ("celery", "def (", "it is no Python"),
        ("celery", "x = 1\n", "there is no beat_schedule in it"),
        ("good-job", "config.x = 1", "there is no `config.good_job.cron = {` in it"),
        ("good-job", "config.good_job.cron = { a: { cron: 'x'", "this Ruby is more than a plain hash"),
        ("good-job", "config.good_job.cron = { **OTHERS }", "line 1: this Ruby is more than a plain hash"),
        ("cronitor", "a: 1\n", "it has none of the keys jobs, heartbeats"),
        ("healthchecks", '{"detail": "wrong api key"}', "it lists no checks"),
        ("solid-queue", f"a: {'[' * 5000}", "it is neither YAML nor JSON"),
        ("eventbridge", "a: &a {cron: '0 0 * * ? *', b: *a}", "it is neither YAML nor JSON"),
    ],
)
def test_a_file_that_is_something_else_is_listed_with_the_reason(run, tmp_path, source, text, said):
    (tmp_path / "file").write_text(text)
    status, out, err = run(source, "file")
    assert (status, jobs(out)) == (0, {})
    assert said in err


def test_whenever_is_asked_for_its_crontab(run, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "bundle"
    script.write_text(
        '#!/bin/sh\n[ "$*" = "exec whenever -f config/schedule.rb" ] && echo "0 4 * * * cd /x && bin/rake a:b"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    status, out, err = run("whenever")
    assert (status, list(jobs(out))) == (0, ["rake-a-b"])
    assert "+++" not in err
    assert "put `heartbeat exec JOB --` into the job_type of schedule.rb" in err


@pytest.fixture
def account(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
    with mock_aws():
        scheduler, events = boto3.client("scheduler"), boto3.client("events")
        target = {"Arn": "arn:aws:sqs:ap-northeast-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/r"}
        for number in range(3):
            scheduler.create_schedule(
                Name=f"night-{number}",
                ScheduleExpression="cron(0 3 * * ? *)",
                ScheduleExpressionTimezone="Asia/Tokyo",
                State="DISABLED" if number == 2 else "ENABLED",
                FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10},
                Target=target,
            )
        events.put_rule(Name="Poll", ScheduleExpression="rate(5 minutes)", Description="asks")
        events.put_rule(Name="failures", EventPattern='{"source": ["aws.batch"]}')
        yield


@pytest.mark.usefixtures("account")
def test_import_aws_reads_schedules_and_rules(run):
    status, out, _ = run("aws")
    found = jobs(out)
    assert status == 0
    assert {slug: (job.schedule, job.timezone, job.grace // 60_000, job.enabled) for slug, job in found.items()} == {
        "night-0": (("cron(0 3 * * ? *)",), "Asia/Tokyo", 20, True),
        "night-1": (("cron(0 3 * * ? *)",), "Asia/Tokyo", 20, True),
        "night-2": (("cron(0 3 * * ? *)",), "Asia/Tokyo", 20, False),
        "poll": (("rate(5 minutes)",), "UTC", 5, True),
    }
    assert "# From the account, ap-northeast-1." in out


def test_import_aws_without_credentials_says_so(run, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    status, _, err = run("aws", "--region", "eu-west-1")
    assert status == 2
    assert "there are no AWS credentials" in err


def test_import_check_says_that_nothing_has_drifted(run, tmp_path):
    recurring(tmp_path)
    (tmp_path / "jobs.yaml").write_text(run("solid-queue")[1])
    assert run("solid-queue", "--check")[:2] == (0, "jobs.yaml: nothing has drifted, 2 jobs in the source\n")


def test_import_check_says_what_has_drifted_and_exits_1(run, tmp_path):
    recurring(tmp_path)
    (tmp_path / "mine.yaml").write_text(
        run("solid-queue")[1].replace("0 9 * * *", "0 10 * * *").replace("  sync:", "  other:")
        + "  started:\n    schedule: '@daily'\n    trigger: {http: {url: 'https://example.com'}}\n    max_runtime: 1h\n"
    )
    status, out, _ = run("solid-queue", "--check", "--config", "mine.yaml")
    assert status == 1
    assert out == (
        "~ digest: config/recurring.yml:2: the schedule is 0 9 * * *, in jobs.yaml 0 10 * * *\n"
        "+ sync: config/recurring.yml:3: is not in jobs.yaml (*/5 * * * *, UTC)\n"
        "- other: is in jobs.yaml, and no longer in the source\n"
        "mine.yaml: 3 differences, 2 jobs in the source\n"
    )
    told = json.loads(run("solid-queue", "--check", "--config", "mine.yaml", "--json")[1])
    assert [(each["job"], each["kind"]) for each in told["drift"]] == [
        ("digest", "changed"),
        ("sync", "missing"),
        ("other", "gone"),
    ]


def test_import_check_compares_what_is_meant_and_leaves_grace_alone(run, tmp_path):
    recurring(tmp_path)
    (tmp_path / "jobs.yaml").write_text(
        "jobs:\n  digest: {schedule: '00 09 * * *', grace: 1h, timezone: UTC}\n"
        "  sync: {schedule: '*/5 * * * *', timezone: Asia/Tokyo, enabled: false}\n"
    )
    status, out, _ = run("solid-queue", "--check")
    assert status == 1
    assert out.startswith(
        "~ sync: config/recurring.yml:3: the schedule is */5 * * * * (UTC), in jobs.yaml */5 * * * * (Asia/Tokyo)\n"
        "~ sync: config/recurring.yml:3: it is enabled, in jobs.yaml not enabled\n"
    )


def test_import_check_with_a_prefix_asks_for_that_sources_jobs_only(run, tmp_path):
    (tmp_path / "tab").write_text("0 3 * * * /opt/backup.sh\n")
    page = run("crontab", "tab", "--prefix", "web1-", "--timezone", "UTC")[1]
    (tmp_path / "jobs.yaml").write_text(page + "  other:\n    schedule: '@daily'\n")
    check = ("crontab", "tab", "--timezone", "UTC", "--check", "--prefix")
    assert run(*check, "web1-")[0] == 0
    assert run("crontab", "tab", "--timezone", "UTC", "--check")[0] == 1


def test_import_check_finds_the_jobs_of_lines_that_are_wrapped_already(run, tmp_path):
    (tmp_path / "tab").write_text("0 3 * * * heartbeat exec nightly -- /opt/backup.sh\n")
    (tmp_path / "jobs.yaml").write_text("jobs:\n  nightly: {schedule: '0 3 * * *', timezone: UTC}\n")
    assert run("crontab", "tab", "--timezone", "UTC", "--check")[0] == 0
    (tmp_path / "tab").write_text("0 4 * * * heartbeat exec nightly -- /opt/backup.sh\n")
    assert run("crontab", "tab", "--timezone", "UTC", "--check")[0] == 1


def test_import_check_only_looks(run, tmp_path):
    (tmp_path / "tab").write_text("0 3 * * * /x\n")
    status, _, err = run("crontab", "tab", "--check", "--output", "jobs.yaml")
    assert status == 2
    assert "--check only looks" in err


@pytest.mark.parametrize(
    ("text", "time", "zone"),
    [
        ("every day at five", "0 5 * * *", ""),
        ("every weekday at five pm", "0 17 * * 1-5", ""),
        ("every monday", "0 0 * * 1", ""),
        ("every wed at 5 pm", "0 17 * * 3", ""),
        ("every day at noon", "0 12 * * *", ""),
        ("every day at 12:15 am", "15 0 * * *", ""),
        ("every day at 5 pm in Asia/Tokyo", "0 17 * * *", "Asia/Tokyo"),
        ("every day at midnight America/Los_Angeles", "0 0 * * *", "America/Los_Angeles"),
        ("every 3h", "0 */3 * * *", ""),
        ("every 5 min", "*/5 * * * *", ""),
        ("every 15 seconds", "every 15s", ""),
        ("every 12 hours at minute 50", "50 */12 * * *", ""),
        ("every 1st of the month at midnight", "0 0 1 * *", ""),
        ("every month on the 1st and the 2nd at 12:00 pm", "0 12 1,2 * *", ""),
        ("every day at 6pm and 8pm UTC", "0 18,20 * * *", "UTC"),
        ("every Mon, Tue, and Wed at 18:15", "15 18 * * 1,2,3", ""),
        ("every Monday through Friday at 19:20", "20 19 * * 1-5", ""),
        ("from Monday to Friday at 19:22", "22 19 * * 1-5", ""),
        ("every day at 18:00 and 18:15", "0,15 18 * * *", ""),
        ("every week on monday at 18:23", "23 18 * * 1", ""),
        ("every year", "0 0 1 1 *", ""),
        ("at noon", "0 12 * * *", ""),
        ("0 42 16 * * *", "42 16 * * *", ""),
        ("30 6 * * 1 Europe/Stockholm", "30 6 * * 1", "Europe/Stockholm"),
        ("@noon", "0 12 * * *", ""),
    ],
)
def test_fugits_english_and_cron(text, time, zone):
    read_ = read_fugit(text)
    assert (read_.time, read_.zone) == (time, zone)
    parse(read_.time, read_.zone or "UTC")


@pytest.mark.parametrize(
    "text",
    [
        "every day at 18:15 and 20:45",
        "every weekday 8am to 5pm",
        "every day from the 25th to the last",
        "every 5 minutes at 9am",
        "every other day",
        "every 2 weeks",
        "sometimes",
        "at",
        "every",
        "*/7,3 * * * * *",
        "every day at 25 o'clock",
    ],
)
def test_english_that_is_not_understood_is_never_guessed_at(text):
    with pytest.raises(Unreadable):
        read_fugit(text)


@pytest.mark.parametrize(("text", "every"), [("30s", "every 30s"), ("1h30m", "every 1h30m"), ("2 days", "every 2d")])
def test_lengths_of_rufus(text, every):
    assert read_length(text) == every


@pytest.mark.parametrize("text", ["", "1M", "1y", "h", "soon"])
def test_what_is_no_length(text):
    with pytest.raises(Unreadable):
        read_length(text)
