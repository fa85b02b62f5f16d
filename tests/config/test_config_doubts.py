"""What is told and stops nothing."""

from __future__ import annotations

import pytest

from heartbeat.config.doubts import gap_ms
from heartbeat.schedule import parse

HEAD = "channels: {{ops: {{console: {{}}}}}}\ndefaults: {{timezone: UTC, notify: ops}}\njobs: {{a: {{{0}}}}}"
HOURLY = "schedule: 0 * * * *, "
DAILY = "schedule: 0 9 * * *, "


@pytest.mark.parametrize(
    ("job", "doubt"),
    [
        (
            HOURLY + "grace: 61m",
            (
                "3:40: jobs.a.grace: 1h1m is longer than the 1h between two runs: a miss is reported only after a "
                "later run was due"
            ),
        ),
        (HOURLY + "early: 31m", "3:40: jobs.a.early: 31m is more than half the gap between two runs; 30m will count"),
        (
            HOURLY + "max_runtime: 2h",
            "3:46: jobs.a.max_runtime: 2h is longer than the 1h between two runs: runs may overlap",
        ),
        (
            HOURLY + "min_runtime: 5s",
            (
                "3:11: jobs.a: with min_runtime the job has starts, but no max_runtime: a run that hangs is "
                "noticed only at the next run"
            ),
        ),
        (HOURLY + "notify: []", "3:41: jobs.a.notify: nobody is told: name a channel"),
        (
            DAILY + "evidence: {key: dump.gz}",
            (
                "3:43: jobs.a.evidence: the key has no date: the next run's evidence replaces this run's; "
                "write {date:%Y-%m-%d} in it"
            ),
        ),
        (
            HOURLY + 'evidence: {key: "{date:%Y-%m-%d}.gz"}',
            (
                "3:43: jobs.a.evidence: there is more than one run a day, but the key names only the day; "
                "write {date:%Y-%m-%dT%H%M} in it"
            ),
        ),
        (
            DAILY + "overlap: skip",
            "3:42: jobs.a.overlap: without a trigger overlap does nothing: Heartbeat does not start this job",
        ),
        (
            DAILY + "sources: {ecs: {family: n}}",
            (
                "3:11: jobs.a: with sources the job has starts, but no max_runtime: a run that hangs is noticed "
                "only at the next run"
            ),
        ),
        (
            DAILY + 'sources: [{lambda: {function: a}}, {lambda: {function: "*"}}]',
            "3:42: jobs.a.sources: every event of lambda fits: name what is this job's own",
        ),
    ],
)
def test_a_doubt_is_told_with_its_place(warnings, job: str, doubt: str):
    assert warnings(HEAD.format(job)) == [doubt]


@pytest.mark.parametrize(
    "job",
    [
        HOURLY + "grace: 1h, early: 30m, max_runtime: 1h, min_runtime: 1s",
        HOURLY + "notify: [], enabled: false",
        HOURLY + 'evidence: {key: "{date:%Y-%m-%dT%H}.gz"}',
        DAILY + 'evidence: {key: "{date:%Y-%m-%d}.gz"}, timezone: Europe/Berlin',
        "schedule: every 1m",  # `early` is five minutes by itself: cut without a word
        'schedule: "at(2026-12-01T09:00:00)", grace: 5d',
        DAILY + "sources: [{lambda: {function: a*}}, {scheduler: {schedule: g/n}}]",
        DAILY + "max_runtime: 1h, sources: {ecs: {family: n}}",
    ],
)
def test_what_is_no_doubt(warnings, job: str):
    assert warnings(HEAD.format(job)) == []


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("0 9 * * *", 86_400_000),
        ("0 9,10 1 * *", 3_600_000),
        ("every 90s", 90_000),
        ("rate(5 minutes)", 300_000),
        ("at(2026-12-01T09:00:00)", None),
        ("at(2001-12-01T09:00:00)", None),
    ],
)
def test_the_gap(text: str, gap: int | None):
    assert gap_ms(parse(text, "Asia/Tokyo")) == gap


def test_a_channel_that_nothing_names(warnings):
    text = "jobs: {a: {schedule: every 1h, notify: ops}}\nchannels: {ops: {console: {}}, old: {console: {}}}"
    assert warnings(text) == ["2:32: channels.old: no job names this channel"]


def test_schedules_by_the_clock_without_a_zone_are_told_once(warnings):
    jobs = ", ".join(f"j{n}: {{schedule: {n} 9 * * *, enabled: false}}" for n in range(7))
    assert warnings(f"jobs: {{{jobs}, k: {{schedule: every 1h, enabled: false}}}}") == [
        "1:7: jobs: no timezone is set: 7 of the jobs (j0, j1, j2, j3, j4, …) are read in UTC; write defaults.timezone"
    ]


SECRET = "this secret is in plain text; write ${env:…}, ${file:…} or ${ssm:…} and keep it elsewhere"


@pytest.mark.parametrize(
    "settings",
    [
        "{slack: https://hooks.slack.com/services/T0/B0/xyz}",
        "{slack: {webhook: https://hooks.slack.com/services/T0/B0/xyz}}",
        "{slack: {token: xoxb-123, channel: C0123456789}}",
        "{slack: {token: hidden, channel: C0123456789}}",
        "{webhook: {url: https://example.com, secret: s3cr3t}}",
    ],
)
def test_a_secret_in_plain_text(warnings, settings: str):
    (doubt,) = warnings(f"jobs: {{}}\nservice: {{notify: ops}}\nchannels: {{ops: {settings}}}")
    assert doubt.endswith(SECRET)
    assert "xyz" not in doubt
    assert "xoxb" not in doubt


def test_a_reference_is_no_secret(warnings):
    text = 'jobs: {}\nservice: {notify: ops}\nchannels: {ops: {slack: {token: "${ssm:/slack}", channel: C0123456789}}}'
    assert warnings(text) == []
