"""explain: why a job is in its state, for a person and as JSON."""

import re

from machine import at
from msgspec.structs import replace

from heartbeat.core.start_orders import Order
from heartbeat.errors import StartFailed
from heartbeat.model import NEVER, Change, Kind, Outcome, Silence
from heartbeat.targets.protocol import TargetAnswer
from heartbeat.verbs.operate import silence
from heartbeat.verbs.trigger import Starter

RUN = "11111111-2222-3333-4444-555555555555"


def test_a_job_that_is_down(either_night):
    status, out, err = either_night.run("explain", "daily-report")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "daily-report  DOWN  since 09:10 JST (50 min)"
    assert lines[1] == "  日次レポート"
    assert lines[2].startswith(
        "  MISSED daily-report: expected 09:00 JST, nothing by 09:10, last success yesterday 09:07"
    )
    assert "  rule: a slot went by without a run" in lines
    assert "  schedule      at 09:00 every day, Asia/Tokyo (0 9 * * *)" in lines
    assert "  limits        grace 10m, max_runtime 1h" in lines


def test_its_slots_with_the_signals_that_went_to_each(either_night):
    lines = either_night.run("explain", "daily-report")[1].splitlines()
    table = lines[lines.index("latest slots") :]
    assert table[2].split("  ")[0] == "09:00 JST"
    assert "missed" in table[2]
    assert "nothing by 09:10" in table[2]
    assert table[3].startswith("yesterday 09:00 JST")
    assert "start yesterday 09:02 run 11111111, success yesterday 09:07 run 11111111" in table[3]


def test_who_was_told_when_and_how(either_night):
    _, out, _ = either_night.run("explain", "daily-report")
    assert "incident daily-report/" in out
    assert "opened 2026-11-22 09:10 JST (00:10 UTC), 1 bad so far" in out
    with either_night.store as store:
        (waiting,) = store.outbox(NEVER - 1, 10)
        dead = replace(waiting, version=2, outcome=Outcome.DEAD, attempts=9, next_at=NEVER, error="revoked")
        store.commit([Change(deliveries=(dead,))])
    assert "dead after 9 attempts: revoked" in either_night.run("explain", "daily-report")[1]


def test_what_happens_next(either_night):
    _, out, _ = either_night.run("explain", "backup")
    assert "  18:00 UTC, in 17 h: the next run is expected (grace 10m)" in out
    assert "  18:10 UTC, in 17 h 10 min: if nothing has come for the slot of 18:00 UTC, it is missed" in out


def test_a_job_that_is_up_says_why(either_night):
    _, out, _ = either_night.run("explain", "backup")
    assert "backup  UP  since yesterday 18:03 UTC (6 h 57 min)" in out
    assert "its latest slot, yesterday 18:00 UTC, is on time: ran in time" in out
    assert "rule: heard of for the first time" in out


def test_a_job_that_recovered(either_night):
    either_night.hear("daily-report", "2026-11-22T01:05")
    _, out, _ = either_night.run("explain", "daily-report", when="2026-11-22T01:06")
    assert "is late: succeeded only after the deadline of 09:10" in out
    assert "rule: ran after all" in out


def test_an_open_run_with_its_limit(either_night):
    either_night.hear("backup", "2026-11-22T00:59", kind=Kind.START, run_id=RUN)
    _, out, _ = either_night.run("explain", "backup")
    assert f"  {RUN}, since 00:59 UTC, 1 min ago: must finish by 18:10 UTC" in out
    found = either_night.json("explain", "backup")
    assert (found["standing"], found["runs"][0]["limit"]) == ("running", "2026-11-22T18:10:00Z")


def test_a_pause_and_a_silence(either_night):
    either_night.run("pause", "backup", "--for", "2h", "--reason", "moving")
    assert "  paused until 03:00 UTC: moving" in either_night.run("explain", "backup")[1]
    with either_night.store as store:
        silence(
            store,
            Silence(id="s", selector="daily*", start=0, end=either_night.now + 3_600_000, author="ann", reason="known"),
        )
    _, out, _ = either_night.run("explain", "daily-report")
    assert "by ann until 2026-11-22 02:00 UTC: known" in out
    assert "the silence ends; what it held back is told" in out


def test_heartbeats_that_look_like_another_time_zone(machine):
    machine.apply("2026-11-15T12:00")
    machine.alive("2026-11-15T12:00", "2026-11-15T12:00")
    for day in (16, 17, 18):
        machine.hear("daily-report", f"2026-11-{day}T09:01")  # 18:01 in Tokyo: cron on that machine runs in UTC
    _, out, _ = machine.run("explain", "daily-report", when="2026-11-18T10:00")
    assert "time zone?    your heartbeats look like UTC; the job is declared Asia/Tokyo" in out


def test_never_heard_of(machine):
    machine.apply("2026-11-20T12:00")
    _, out, _ = machine.run("explain", "worker", when="2026-11-20T12:10")
    assert "nothing has been heard of it yet" in out
    assert "but no sweep is running: start `heartbeat serve`" in out


def test_a_disabled_job_expects_nothing(machine):
    machine.write(
        'channels: {screen: {console: {}}}\njobs: {a: {schedule: "0 9 * * *", enabled: false, notify: screen}}\n'
    )
    machine.apply("2026-11-20T12:00")
    _, out, _ = machine.run("explain", "a", when="2026-11-22T12:00")
    assert "its definition says `enabled: false`, so nothing is expected of it" in out
    assert "what happens next" not in out


def test_bad_runs_below_the_threshold_are_counted(machine):
    machine.write(
        'defaults: {timezone: UTC}\njobs: {a: {schedule: "0 * * * *", alert_after: 3, grace: 5m, notify: []}}\n'
    )
    machine.apply("2026-11-20T12:30")
    machine.alive("2026-11-20T12:30", "2026-11-20T14:10")
    _, out, _ = machine.run("explain", "a")
    assert "2 bad in a row, people are told from 3 on (alert_after)" in out


def test_a_job_that_tells_nobody_says_so(machine):
    machine.write('defaults: {timezone: UTC}\njobs: {a: {schedule: "0 * * * *", grace: 5m}}\n')
    machine.apply("2026-11-20T12:30")
    machine.alive("2026-11-20T12:30", "2026-11-20T13:10")
    _, out, _ = machine.run("explain", "a")
    assert "  tells         nobody" in out
    assert "nobody was told: the job names no channel" in out


def test_what_belongs_to_no_slot_is_listed(either_night):
    either_night.run("pause", "backup", "--reason", "moving")
    either_night.run("resume", "backup")
    _, out, _ = either_night.run("explain", "backup")
    assert "outside of any slot" in out
    assert "paused: moving" in out


def test_output_of_a_job_cannot_play_with_the_terminal(either_night):
    either_night.hear("backup", "2026-11-22T00:59", kind=Kind.LOG, body="\x1b[2J")
    either_night.run("pause", "backup", "--reason", "\x1b]0;title\x07")
    assert "\x1b" not in either_night.run("explain", "backup")[1]


def test_the_shape_of_the_json(either_night):
    found = either_night.json("explain", "daily-report")
    assert found["because"].startswith("MISSED daily-report")
    assert found["rule"] == "a slot went by without a run"
    missed, good = found["slots"]
    assert (missed["slot"], missed["verdict"], missed["reason"]) == ("2026-11-22T00:00:00Z", "missed", "grace_ran_out")
    assert missed["signals"] == []
    assert [signal["kind"] for signal in good["signals"]] == ["start", "success"]
    assert good["signals"][1]["body"] == "7 rows"
    assert found["told"][0]["channel"] == "screen"
    assert found["coming"][0] == {"at": "2026-11-23T00:00:00Z", "what": "the next run is expected (grace 10m)"}


def test_a_mistyped_name(either_night):
    status, _, err = either_night.run("explain", "dayly-report")
    assert (status, err) == (2, "heartbeat: no job is named 'dayly-report'; did you mean 'daily-report'?\n")


def test_a_slot_that_is_late_or_overdue_is_said_first(either_night):
    _, out, _ = either_night.run("explain", "backup", when="2026-11-22T18:02")
    assert "the slot of 18:00 UTC has come and nothing is heard of it yet; it has until 18:10 UTC" in out
    _, out, _ = either_night.run("explain", "backup", when="2026-11-22T18:12")
    assert out.startswith("backup  OVERDUE")
    assert "nothing had come for the slot of 18:00 UTC by 18:10 UTC, and no sweep has looked since" in out


TRIGGERED = """\
defaults: {timezone: UTC, grace: 10m}
jobs:
  settle: {schedule: "0 9 * * *", trigger: {http: {url: "http://127.0.0.1:9/jobs"}}}
"""


class Says:
    """A target that gives these answers, one a call."""

    timeout, repeatable = 10_000, 0

    def __init__(self, *answers):
        self.answers = list(answers)

    def start(self, _call, _sent):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def trigger(machine, when, target):
    slot = at(f"{when[:10]}T09:00")
    with machine.store as store:
        started = Starter(store, lambda _: target, lambda: at(when)).start(Order(slug="settle", slot=slot))
    return started.run_id


def test_the_runs_of_its_slots(machine):
    machine.write(TRIGGERED)
    machine.apply("2026-11-19T12:00")
    machine.alive("2026-11-19T12:00", "2026-11-20T08:56")
    failed = trigger(machine, "2026-11-20T09:00:01", Says(StartFailed("503 busy", again=True)))
    trigger(machine, "2026-11-20T09:00:09", Says(TargetAnswer(text="202 Accepted")))
    machine.hear("settle", "2026-11-20T09:00:20", kind=Kind.START, run_id=failed)
    machine.hear("settle", "2026-11-20T09:04", kind=Kind.FAIL, run_id=failed, exit_status=3)
    machine.alive("2026-11-20T09:06", "2026-11-21T08:58")
    silent = trigger(machine, "2026-11-21T09:00:01", Says(TargetAnswer(text="202 Accepted")))
    machine.alive("2026-11-21T09:02", "2026-11-22T09:14")
    lines = machine.run("explain", "settle")[1].splitlines()
    table = lines[lines.index("runs of these slots") + 1 :][:4]
    assert [re.split(" {2,}", line.strip()) for line in table] == [
        ["RUN", "SLOT", "END", "TRIGGERED", "STARTED", "FINISHED", "REMARKS"],
        ["-", "09:00 UTC", "not triggered", "-", "-", "-", "-"],
        [
            *(silent[:8], "yesterday 09:00 UTC", "triggered, never checked in", "yesterday 09:00:01"),
            *("-", "-", "202 Accepted"),
        ],
        [
            *(failed[:8], "2026-11-20 09:00 UTC", "failed", "2026-11-20 09:00:01", "2026-11-20 09:00:20"),
            *("2026-11-20 09:04", "2 attempts, exit status 3, 202 Accepted"),
        ],
    ]  # fmt: skip
    missed, unheard, ended = machine.json("explain", "settle")["slots"]
    assert [run["end"] for run in missed["runs"]] == ["not_triggered"]
    assert [(run["run_id"], run["triggered_at"]) for run in unheard["runs"]] == [(silent, "2026-11-21T09:00:01Z")]
    assert ended["runs"] == [run for run in machine.json("runs", "settle")["runs"] if run["run_id"] == failed]


def test_runs_of_a_job_that_is_not_triggered(either_night):
    lines = either_night.run("explain", "daily-report")[1].splitlines()
    assert lines[lines.index("runs of these slots") + 2].startswith("11111111  yesterday 09:00 JST  done")
    assert "runs of these slots" not in either_night.run("explain", "backup")[1]  # its pings name no run
    assert either_night.json("explain", "backup")["slots"][0]["runs"][0]["end"] == "done"


def test_where_the_log_of_a_run_is(either_night):
    url = "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/c/tasks/abc/logs?region=eu-west-1"
    either_night.hear("backup", "2026-11-22T00:59", kind=Kind.FAIL, run_id="abc", log_url=url)
    lines = either_night.run("explain", "backup")[1].splitlines()
    assert f"  log of abc: {url}" in lines
    assert either_night.json("runs", "backup")["runs"][0]["log_url"] == url


def test_explain_shows_the_end_of_a_failed_runs_output_and_what_to_type_next(either_night):
    log = "\n".join(f"line {n}" for n in range(40)) + "\n\x1b[2JOperationalError: 接続できません\n"
    either_night.hear("daily-report", "2026-11-22T01:02", kind=Kind.FAIL, run_id="abcdef0123", exit_status=1, body=log)
    _, out, _ = either_night.run("explain", "daily-report", when="2026-11-22T01:05")
    title = out.index("output of abcdef01, failed 10:02 JST\n")
    lines = out[title:].splitlines()
    assert lines[1:3] == ["  26 lines before these", "  line 26"]
    assert lines[16].endswith("OperationalError: 接続できません")
    assert "\x1b" not in out
    assert lines[17:] == [
        "",
        "next: heartbeat explain daily-report --json   the whole output",
        "next: heartbeat ack daily-report   you look after it: no more reminders",
    ]


def test_explain_of_a_job_that_is_well_shows_no_output(night):
    assert "output of" not in night.run("explain", "backup")[1]
    assert "next: " not in night.run("explain", "backup")[1]
