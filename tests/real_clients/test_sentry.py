"""Sentry's own clients: sentry-sdk, sentry-cli, @sentry/node."""

import contextlib
import uuid

import pytest
from programs import everything
from served import KEY

from heartbeat.model import MINUTE
from heartbeat.store.sqlite.store import SQLiteStore

MONITOR = """
import sys, time
import sentry_sdk
from sentry_sdk.crons import monitor
sentry_sdk.init(sys.argv[1])
@monitor(monitor_slug=sys.argv[2])
def work():
    time.sleep(0.05)
    if len(sys.argv) > 3:
        raise SystemExit(int(sys.argv[3]))
work()
"""
CAPTURE = """
import sys
import sentry_sdk
from sentry_sdk.crons import capture_checkin
sentry_sdk.init(sys.argv[1], environment="production", release="1.2")
config = {
    "schedule": {"type": "crontab", "value": "0 9 * * *"},
    "timezone": "Asia/Tokyo",
    "checkin_margin": 5,
    "max_runtime": 30,
}
first = capture_checkin(monitor_slug=sys.argv[2], status="in_progress", monitor_config=config)
sentry_sdk.flush()
capture_checkin(monitor_slug=sys.argv[2], check_in_id=first, status="error", duration=12.5, monitor_config=config)
sentry_sdk.flush()
print(first)
"""
NODE = """
const Sentry = require("@sentry/node");
Sentry.init({dsn: process.env.DSN});
(async () => {
    try {
        await Sentry.withMonitor(process.env.SLUG, async () => {
            await new Promise((done) => setTimeout(done, 50));
            if (process.env.STATUS !== "0") throw new Error("no disk left");
        });
    } catch (error) {
        process.exitCode = Number(process.env.STATUS);
    }
    await Sentry.flush(5000);
})();
"""
NODE_CAPTURE = """
const Sentry = require("@sentry/node");
Sentry.init({dsn: process.env.DSN});
(async () => {
    const id = Sentry.captureCheckIn({monitorSlug: process.env.SLUG, status: "in_progress"});
    await Sentry.flush(5000);
    Sentry.captureCheckIn({checkInId: id, monitorSlug: process.env.SLUG, status: "error", duration: 12.5});
    await Sentry.flush(5000);
    console.log(id);
})();
"""


def run_of(job, kinds):
    """The one run id of these signals, and the duration of the last in milliseconds."""
    signals = job.signals()
    assert [signal.kind for signal in signals] == kinds
    (run_id,) = {signal.run_id for signal in signals}
    assert job.state().runs == ()
    return run_id, signals[-1].duration


def is_uuid(text, asked=None):
    return uuid.UUID(text).int != 0 and (asked is None or uuid.UUID(text) == uuid.UUID(asked))


class TestPython:
    @pytest.mark.parametrize(("status", "last"), [((), "success"), (("3",), "fail")])
    def test_the_decorator(self, job, programs, status, last):
        assert programs.python(MONITOR, job.dsn, job.slug, *status).returncode == int((status or "0")[0])
        run_id, duration = run_of(job, ["start", last])
        assert is_uuid(run_id)
        assert 50 <= duration < 5_000

    def test_check_ins_by_hand(self, job, programs):
        ran = programs.python(CAPTURE, job.dsn, job.slug)
        run_id, duration = run_of(job, ["start", "fail"])
        assert is_uuid(run_id, ran.stdout.strip())
        assert duration == 12_500

    def test_errors_and_logs_of_the_program_are_taken_and_dropped(self, job, programs):
        script = "import sys, sentry_sdk\nsentry_sdk.init(sys.argv[1], debug=True)\n1 / 0"
        before = everything(job.server)
        ran = programs.python(script, job.dsn)
        assert (ran.returncode, "ZeroDivisionError" in ran.stderr) == (1, True)
        assert "Unexpected status code" not in ran.stderr
        assert everything(job.server) == before

    def test_an_unknown_monitor_is_not_made(self, job, programs):
        before = everything(job.server)
        assert programs.python(CAPTURE, job.dsn, "no-such-monitor").returncode == 0
        assert everything(job.server) == before

    def test_an_unknown_monitor_is_made_when_the_address_says_so(self, server, job, programs):
        dsn = job.dsn.replace("/sentry/", "/sentry/create/")
        assert programs.python(CAPTURE, dsn, "made-by-sentry").returncode == 0
        assert [signal.kind for signal in server.history("made-by-sentry")] == ["fail", "start"]
        with contextlib.closing(SQLiteStore(server.db)) as store:
            made = store.load(["made-by-sentry"])["made-by-sentry"].job
        assert (made.schedule, made.timezone) == (("0 9 * * *",), "Asia/Tokyo")
        assert (made.grace, made.max_runtime) == (5 * MINUTE, 30 * MINUTE)

    @pytest.mark.parametrize("status", [(), ("3",)])
    def test_refused_or_down_the_program_runs_on(self, job, programs, nowhere, status):
        before = everything(job.server)
        for dsn in (job.dsn.replace(KEY, "wrong-key"), job.dsn.replace(job.base[7:], nowhere[7:])):
            assert programs.python(MONITOR, dsn, job.slug, *status).returncode == int((status or "0")[0])
        assert everything(job.server) == before


class TestCli:
    """`sentry-cli monitors run`."""

    def run(self, programs, dsn, slug, status, *options):
        command = ("sh", "-c", f"sleep 0.05; exit {status}")
        return programs("sentry-cli", "monitors", "run", *options, slug, "--", *command, SENTRY_DSN=dsn)

    @pytest.mark.parametrize(("status", "last"), [(0, "success"), (3, "fail")])
    def test_a_command(self, job, programs, status, last):
        assert self.run(programs, job.dsn, job.slug, status).returncode == status
        run_id, duration = run_of(job, ["start", last])
        assert is_uuid(run_id)
        assert 50 <= duration < 5_000

    def test_a_monitor_is_made_when_the_address_says_so(self, server, job, programs):
        options = ("--schedule", "*/5 * * * *", "--timezone", "Europe/Berlin", "--check-in-margin", "2")
        dsn = job.dsn.replace("/sentry/", "/sentry/create/")
        assert self.run(programs, dsn, "made-by-sentry-cli", 0, *options).returncode == 0
        with contextlib.closing(SQLiteStore(server.db)) as store:
            made = store.load(["made-by-sentry-cli"])["made-by-sentry-cli"].job
        assert (made.schedule, made.timezone, made.grace) == (("*/5 * * * *",), "Europe/Berlin", 2 * MINUTE)
        assert [signal.kind for signal in server.history("made-by-sentry-cli")] == ["success", "start"]

    @pytest.mark.parametrize("status", [0, 3])
    def test_refused_or_down_the_exit_status_is_kept(self, job, programs, nowhere, status):
        before = everything(job.server)
        for dsn, slug in (
            (job.dsn, "no-such-monitor"),
            (job.dsn.replace(KEY, "wrong-key"), job.slug),
            (job.dsn.replace(job.base[7:], nowhere[7:]), job.slug),
        ):
            assert self.run(programs, dsn, slug, status).returncode == status
        assert everything(job.server) == before


class TestNode:
    """@sentry/node."""

    @pytest.mark.parametrize(("status", "last"), [("0", "success"), ("3", "fail")])
    def test_with_monitor(self, job, programs, status, last):
        ran = programs.node(NODE, DSN=job.dsn, SLUG=job.slug, STATUS=status)
        assert (ran.returncode, ran.stderr) == (int(status), "")
        run_id, duration = run_of(job, ["start", last])
        assert is_uuid(run_id)
        assert 49 <= duration < 5_000

    def test_check_ins_by_hand(self, job, programs):
        ran = programs.node(NODE_CAPTURE, DSN=job.dsn, SLUG=job.slug)
        run_id, duration = run_of(job, ["start", "fail"])
        assert is_uuid(run_id, ran.stdout.strip())
        assert duration == 12_500

    def test_refused_or_down_the_program_runs_on(self, job, programs, nowhere):
        before = everything(job.server)
        for dsn, slug in (
            (job.dsn, "no-such-monitor"),
            (job.dsn.replace(KEY, "wrong-key"), job.slug),
            (job.dsn.replace(job.base[7:], nowhere[7:]), job.slug),
        ):
            assert programs.node(NODE, DSN=dsn, SLUG=slug, STATUS="3").returncode == 3
        assert everything(job.server) == before


def test_the_address_by_curl(job, programs):
    """What Sentry's documentation shows for shell scripts: no id, so that the end is the newest run's."""
    address = f"{job.base}/sentry/api/42/cron/{job.slug}/{KEY}/"
    for status in ("in_progress", "ok"):
        ran = programs("curl", "-fsS", "-w", "%{http_code}", f"{address}?status={status}")
        assert ran.stdout == "202"
    assert [signal.kind for signal in job.signals()] == ["start", "success"]
    assert job.state().runs == ()
