"""What the values of a job become."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from heartbeat.config import read
from heartbeat.model import Bound, Evidence, Job

if TYPE_CHECKING:
    from heartbeat.config.declared import Config

JOB = 'channels: {{ops: {{console: {{}}}}, two: {{console: {{}}}}}}\njobs:\n  a: {{schedule: "0 9 * * *", {0}}}'


@pytest.mark.parametrize(
    ("written", "field", "value"),
    [
        ("description: 日次レポート", "description", "日次レポート"),
        ('description: " trimmed "', "description", "trimmed"),
        ("timezone: Asia/Tokyo", "timezone", "Asia/Tokyo"),
        ("dialect: kubernetes", "dialect", "kubernetes"),
        ("dialect: null", "dialect", None),
        ("grace: 90s", "grace", 90_000),
        ("grace: 1h30m", "grace", 5_400_000),
        ("grace: 0s", "grace", 0),
        ("early: 15m", "early", 900_000),
        ("max_runtime: 2d", "max_runtime", 172_800_000),
        ("max_runtime: ~", "max_runtime", None),
        ("min_runtime: 5s", "min_runtime", 5_000),
        ("alert_after: 3", "alert_after", 3),
        ("remind_every: 1w", "remind_every", 604_800_000),
        ("notify: ops", "notify", ("ops",)),
        ("notify: [ops, two]", "notify", ("ops", "two")),
        ("environment: production", "environment", "production"),
        ('owner: "yes"', "owner", "yes"),
        ("runbook: https://wiki.example.com/a?b=c#d", "runbook", "https://wiki.example.com/a?b=c#d"),
        ('tags: [nightly, "2026", 帳票]', "tags", ("nightly", "2026", "帳票")),
        ("enabled: false", "enabled", False),
        ("enabled: no", "enabled", False),
        ("metrics: {rows: {min: 1, max: 2.5}}", "bounds", (Bound(metric="rows", low=1, high=2.5),)),
        ("metrics: {a: {max: -1}, b: {min: 0}}", "bounds", (Bound(metric="a", high=-1), Bound(metric="b", low=0))),
    ],
)
def test_a_key_becomes_its_field(written: str, field: str, value: object):
    assert getattr(read(JOB.format(written)).jobs[0], field) == value


@pytest.mark.parametrize(
    ("written", "size"),
    [("500", 500), ("10kB", 10_000), ("10MB", 10_000_000), ("512KiB", 524_288), ("1.5GiB", 1_610_612_736), ("0", 0)],
)
def test_sizes(written: str, size: int):
    job = read(JOB.format(f"evidence: {{key: a.txt, min_size: {written}}}")).jobs[0]
    assert job.evidence == Evidence(key="a.txt", min_size=size)


def test_evidence():
    key = "backup/{date:%Y-%m-%d}/dump.sql.gz"
    more = "content_type: application/gzip, bucket: dumps"
    job = read(JOB.format(f'evidence: {{key: "{key}", {more}}}')).jobs[0]
    assert job.evidence == Evidence(key=key, content_type="application/gzip", bucket="dumps")


def test_a_job_that_says_nothing_is_what_the_model_says():
    assert read('jobs: {a: {schedule: "0 9 * * *"}}').jobs == (
        Job(slug="a", schedule=("0 9 * * *",), source="jobs.yaml"),
    )


def test_schedules_of_every_dialect():
    text = """
jobs:
  a: {schedule: "cron(0 18 * * ? *)"}
  b: {schedule: rate(5 minutes)}
  c: {schedule: every 90s}
  d: {schedule: "RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18;BYMINUTE=0;BYSECOND=0"}
  e: {schedule: ["0 9 * * 1-5", "0 11 * * 6"]}
  f: {schedule: "@daily"}
"""
    assert [job.schedule for job in read(text).jobs] == [
        ("cron(0 18 * * ? *)",),
        ("rate(5 minutes)",),
        ("every 90s",),
        ("RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18;BYMINUTE=0;BYSECOND=0",),
        ("0 9 * * 1-5", "0 11 * * 6"),
        ("@daily",),
    ]


def test_defaults_hold_unless_the_job_says_otherwise():
    text = """
defaults: {timezone: Asia/Tokyo, grace: 20m, max_runtime: 1h, notify: [ops], tags: [x], enabled: false}
channels: {ops: {console: {}}, two: {console: {}}}
jobs:
  a: {schedule: every 2h}
  b: {schedule: every 2h, timezone: UTC, grace: 1m, max_runtime: null, notify: two, tags: [], enabled: true}
"""
    a, b = read(text).jobs
    assert (a.timezone, a.grace, a.max_runtime, a.notify, a.tags, a.enabled) == (
        "Asia/Tokyo", 1_200_000, 3_600_000, ("ops",), ("x",), False,
    )  # fmt: skip
    assert (b.timezone, b.grace, b.max_runtime, b.notify, b.tags, b.enabled) == (
        "UTC", 60_000, None, ("two",), (), True,
    )  # fmt: skip


def test_merge_keys_and_anchors():
    text = """
x-base: &base {schedule: every 2h, grace: 1h, owner: us}
x-more: &more {owner: them, tags: [t]}
jobs:
  a: {<<: *base, grace: 5m}
  b: {<<: [*more, *base]}
  c: *base
"""
    jobs = read(text).jobs
    assert [(job.grace, job.owner, job.tags) for job in jobs] == [
        (300_000, "us", ()),
        (3_600_000, "them", ("t",)),
        (3_600_000, "us", ()),
    ]


def service(rest: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    config = read("channels: {a: {console: {}}, b: {console: {}}, c: {console: {}}}\njobs: {}\n" + rest)
    return config.service, config.fallback


def test_who_hears_about_the_service():
    assert service("") == (("a", "b", "c"), ())
    assert service("defaults: {notify: [b]}") == (("b",), ())
    assert service("defaults: {notify: [b]}\nservice: {notify: [c]}") == (("c",), ("c",))
    assert service("defaults: {notify: [b]}\nservice: {notify: [c], fallback: a}") == (("c",), ("a",))


def test_the_owner_is_the_file_unless_it_has_a_name():
    assert read("jobs: {}", name="batch.yaml").name == "batch.yaml"
    config = read("name: billing\njobs: {a: {schedule: every 1h}}", name="batch.yaml")
    assert (config.name, config.jobs[0].source) == ("billing", "billing")


def digest(text: str) -> str:
    return read(text).digest


def test_the_digest_is_of_the_meaning():
    config: Config = read("jobs: {a: {schedule: every 1h, grace: 1h}}")
    assert len(config.digest) == 64
    assert config.digest == digest("# words\njobs:\n  a:\n    grace: 60m\n    schedule: every 1h\n")
    assert config.digest != digest("jobs: {a: {schedule: every 1h, grace: 61m}}")
    assert config.digest != digest("jobs: {a: {schedule: every 1h, grace: 1h}}\nchannels: {x: {console: {}}}")
