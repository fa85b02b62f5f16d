from __future__ import annotations

from itertools import product

import pytest
from alert_samples import NOW, alert, at, recovered
from msgspec.structs import replace

from heartbeat.model import NEVER, Event, Reason, Verdict
from heartbeat.text.alert_text import REASONS, SUBJECT_MAX, compose, details, headline
from heartbeat.text.times import ago, duration, moment, stamp


def said(one, now=NOW):
    return compose([one], now)


def test_a_miss_says_when_it_was_expected_and_until_when_we_waited():
    assert said(alert()).headline == (
        "MISSED daily-report (prod): expected 09:00 JST, nothing by 09:10, last success yesterday 09:02 JST"
    )


def test_a_job_that_never_succeeded_says_so():
    never = alert(last_success=None, last_signal=None, environment="")
    assert said(never).headline == "MISSED daily-report: expected 09:00 JST, nothing by 09:10, no success so far"


def test_a_streak_is_counted():
    assert "nothing by 09:10, 3 in a row, last success" in said(alert(bad=3)).headline


def test_a_failure_names_its_exit_status():
    failed = alert(verdict=Verdict.FAILED, reason=Reason.EXIT_STATUS, deadline=None, exit_status=3)
    assert said(failed).headline == (
        "FAILED daily-report (prod): expected 09:00 JST, ended with exit status 3, last success yesterday 09:02 JST"
    )


def test_a_hung_run_says_what_ran_out():
    hung = alert(verdict=Verdict.TIMED_OUT, reason=Reason.MAX_RUNTIME_RAN_OUT)
    assert (
        "TIMED OUT daily-report (prod): expected 09:00 JST, started, but not finished by 09:10" in said(hung).headline
    )


STARTED = {"triggered_at": at("2026-11-22T09:00:01+09:00"), "attempts": 1, "answer": "202 Accepted", "run_id": "r1"}


def test_a_run_that_never_checked_in_says_when_it_was_triggered_and_what_the_target_answered():
    silent = alert(reason=Reason.NEVER_CHECKED_IN, **STARTED)
    assert said(silent).headline == (
        "MISSED daily-report (prod): expected 09:00 JST, triggered at 09:00:01 (answer of the target: 202 Accepted), "
        "never checked in by 09:10, last success yesterday 09:02 JST"
    )
    facts = dict(details(silent, NOW))
    assert facts["Triggered"] == "09:00:01 JST, 30 min ago, answer of the target: 202 Accepted"
    assert facts["Run"] == "r1"


def test_a_run_whose_start_nobody_knows_more_of():
    silent = alert(reason=Reason.NEVER_CHECKED_IN)
    assert "expected 09:00 JST, triggered, never checked in by 09:10, last" in said(silent).headline


def test_a_slot_that_was_not_triggered_says_who_did_not_call():
    assert "expected 09:00 JST, not triggered: the scheduler did not call by 09:10, last" in (
        said(alert(reason=Reason.NOT_TRIGGERED)).headline
    )


def test_a_run_that_could_not_be_started_says_the_target_s_answer():
    failed = alert(
        verdict=Verdict.FAILED,
        reason=Reason.TRIGGER_FAILED,
        **STARTED | {"answer": "ECS started no task: RESOURCE:CPU", "attempts": 3},
    )
    assert "09:00 JST, could not be started: ECS started no task: RESOURCE:CPU, last success" in said(failed).headline
    assert dict(details(failed, NOW))["Triggered"].endswith(
        "30 min ago, 3 attempts, answer of the target: ECS started no task: RESOURCE:CPU"
    )


def test_an_answer_is_kept_short_and_plain():
    failed = alert(
        verdict=Verdict.FAILED, reason=Reason.TRIGGER_FAILED, answer="500\n{said} https://hb.example/ping/k/j"
    )
    assert "could not be started: 500 {said} [ping URL hidden], last" in said(failed).headline
    long = said(alert(reason=Reason.TRIGGER_FAILED, answer="0" * 300)).headline
    assert f"could not be started: {'0' * 200}…, last success" in long


def test_the_log_of_a_run_is_linked_unless_it_would_ping():
    failed = {"verdict": Verdict.FAILED, "reason": Reason.EXIT_STATUS, "exit_status": 137}
    assert "\nLog: https://x.example/logs?region=r#a$252Fb\n" in (
        said(alert(log_url="https://x.example/logs?region=r#a$252Fb", **failed)).text
    )
    assert "Log:" not in said(alert(log_url="https://hb.example/ping/k/j", **failed)).text


def test_a_recovery_says_how_long_and_how_many():
    assert said(recovered()).headline == "RECOVERED daily-report (prod): after 42 min, 3 missed"


def test_a_reminder_says_since_when():
    reminder = alert(event=Event.REMINDER, bad=4, reminders=1)
    assert said(reminder, at("2026-11-22T12:20:00+09:00")).headline == (
        "STILL DOWN daily-report (prod): since 09:10 JST (3 h 10 min), 4 missed, last success yesterday 09:02 JST"
    )


def test_blind_says_from_when_to_when_and_about_whom():
    blind = alert("", event=Event.BLIND, environment="", jobs=("a", "b"), opened_at=at("2026-11-22T08:50:00+09:00"))
    assert said(blind).headline == (
        "BLIND Heartbeat: was not looking from 08:50 JST to 09:10 JST, nobody knows whether these ran: a, b"
    )
    assert details(blind, NOW) == []


def test_the_others():
    assert said(alert(event=Event.TEST)).headline == "TEST daily-report (prod): this is a test, nothing is wrong"
    undelivered = alert(event=Event.UNDELIVERED, text="channel ops did not take it")
    assert said(undelivered).headline == "UNDELIVERED daily-report (prod): channel ops did not take it"
    assert said(alert(verdict=None, reason=None, expected=None)).headline.startswith(
        "DOWN daily-report (prod): no reason was recorded"
    )


@pytest.mark.parametrize(("verdict", "reason", "event"), list(product(Verdict, Reason, Event)))
def test_there_is_a_sentence_for_everything(verdict, reason, event):
    bare = {"expected": None, "deadline": None, "opened_at": None, "last_success": None, "last_signal": None}
    for one in (alert(verdict=verdict, reason=reason, event=event), alert(verdict=verdict, reason=reason, **bare)):
        for text in (headline(one, NOW), said(one).text, said(one).subject):
            assert len(text) > 10
            assert "None" not in text
            assert "{" not in text


def test_the_table_of_reasons_is_total():
    assert set(REASONS) == set(Reason)


def test_when_all_are_silent_that_comes_first():
    silent = alert(silent_all=True, jobs=tuple(f"job{n}" for n in range(12)))
    first = "None of the 12 jobs that were due has reported: the network, DNS or Heartbeat's address may be the cause."
    assert said(silent).summary.startswith(f"{first} MISSED daily-report")
    assert said(silent).text.startswith(first)
    assert compose([replace(silent, jobs=())], NOW).opening.startswith("No job that was due has reported:")


def test_many_are_listed_and_the_rest_counted():
    message = compose([alert(f"job{n}") for n in range(24)], NOW)
    assert message.headline.startswith("MISSED 24 jobs: job0 (prod), job1 (prod)")
    assert message.headline.endswith("job9 (prod) and 14 more")
    assert len(message.lines) == 11
    assert message.lines[-1] == "and 14 more"
    assert message.subject.startswith("[MISSED] 24 jobs: job0, job1")


def test_many_of_different_kinds_name_the_commonest_first():
    failed = {"verdict": Verdict.FAILED, "reason": Reason.FAIL_SIGNAL}
    message = compose([alert("a", **failed), alert("b"), alert("c", **failed)], NOW)
    assert message.headline == "FAILED, MISSED 3 jobs: a (prod), b (prod), c (prod)"


def test_the_plain_text_has_what_one_needs_at_night():
    message = said(
        alert(
            description="日次レポート", runbook="https://wiki/x", hint="your heartbeats look like UTC", output="boom\n"
        )
    )
    assert message.text == (
        "MISSED daily-report (prod): expected 09:00 JST, nothing by 09:10, last success yesterday 09:02 JST\n"
        "\n"
        "Expected:        2026-11-22 09:00 JST (00:00 UTC)\n"
        "Deadline passed: 09:10 JST, 21 min ago\n"
        "Last success:    yesterday 09:02 JST, 1 d ago\n"
        "Last signal:     yesterday 09:02 JST, 1 d ago\n"
        "Schedule:        at 09:00 every day, Asia/Tokyo\n"
        "Next expected:   tomorrow 09:00 JST, in 23 h 29 min\n"
        "Owner:           data team\n"
        "Environment:     prod\n"
        "\n"
        "About: 日次レポート\n"
        "Hint: your heartbeats look like UTC\n"
        "Runbook: https://wiki/x\n"
        "Next: heartbeat explain daily-report\n"
        "\n"
        "Last output:\n"
        "boom\n"
    )


def test_a_subject_is_short_and_plain():
    assert said(alert()).subject == "[MISSED] daily-report prod"
    assert said(alert("レポート\nBcc: x", environment="本番")).subject == "[MISSED] ???? Bcc: x ??"
    assert len(said(alert("x" * 300)).subject) == SUBJECT_MAX


@pytest.mark.parametrize(
    "url",
    [
        "https://hb.example/ping/key/daily-report",
        "http://hb.example/hc/1f0c/start",
        "https://hb.example/kuma/api/push/tok?status=up",
        "https://x.example/sentry/api/42/cron/slug/key/?status=ok",
        "https://hc-ping.com/1f0c5cd2-31a5-4c0f-a3f2-3b1f5fb1a111",
        "https://nosnch.in/c2354d53d2",
        "https://cronitor.link/p/0123456789abcdef0123/job?state=run",
    ],
)
def test_a_ping_url_is_never_told(url):
    one = alert(output=f"+ curl '{url}'\n", text=f"see {url}", runbook=url, description=f"calls {url} daily")
    message = said(one)
    assert url not in message.text
    assert "[ping URL hidden]" in message.text
    assert message.alerts[0].runbook == ""


def test_other_urls_stay():
    wiki = "https://wiki.example/ops/p/daily-report#pinging"
    assert said(alert(runbook=wiki)).alerts[0].runbook == wiki


def test_what_a_terminal_or_a_reader_could_be_fooled_with_is_gone():
    message = said(alert("daily\n\x1b[31mreport\u202e", output="a\x1b[2Jb\x00\r\nc\td\ud800"))
    assert message.alerts[0].slug == "daily report"
    assert message.alerts[0].output == "ab\nc\td"


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (-5, "0 s"),
        (45_000, "45 s"),
        (42 * 60_000 + 59_000, "42 min"),
        (3_600_000, "1 h"),
        (11_400_000, "3 h 10 min"),
        (187_200_000, "2 d 4 h"),
    ],
)
def test_durations(ms, words):
    assert duration(ms) == words


def test_relative_times():
    assert ago(NOW - 31 * 60_000, NOW) == "31 min ago"
    assert ago(NOW + 5 * 60_000, NOW) == "in 5 min"


@pytest.mark.parametrize(
    ("instant", "zone", "words"),
    [
        ("2026-11-22T09:00:00+09:00", "Asia/Tokyo", "09:00 JST"),
        ("2026-11-22T09:00:30+09:00", "Asia/Tokyo", "09:00:30 JST"),
        ("2026-11-21T23:59:00+09:00", "Asia/Tokyo", "yesterday 23:59 JST"),
        ("2026-11-23T00:00:00+09:00", "Asia/Tokyo", "tomorrow 00:00 JST"),
        ("2026-11-20T09:02:00+09:00", "Asia/Tokyo", "2026-11-20 09:02 JST"),
        ("2026-07-01T09:00:00+02:00", "Europe/Berlin", "2026-07-01 09:00 CEST"),
        ("2026-11-22T00:00:00-03:00", "America/Sao_Paulo", "tomorrow 00:00 UTC-03"),
        ("2026-11-22T00:00:00+00:00", "No/Such_Zone", "00:00 UTC"),
        ("2026-11-22T00:00:00+00:00", "../../etc/passwd", "00:00 UTC"),
    ],
)
def test_moments_in_the_job_s_own_zone(instant, zone, words):
    assert moment(at(instant), NOW, zone) == words


def test_stamps_show_the_day_in_utc_where_it_differs():
    assert stamp(at("2026-11-22T08:00:00+09:00"), "Asia/Tokyo") == "2026-11-22 08:00 JST (2026-11-21 23:00 UTC)"
    assert stamp(at("2026-11-22T08:00:00+00:00"), "UTC") == "2026-11-22 08:00 UTC"
    assert stamp(None, "UTC") == stamp(NEVER, "UTC") == moment(NEVER, NOW, "UTC") == ""
