"""Broken files: each mistake with its place, and what would be right. The JSON schema refuses what it can express."""

from __future__ import annotations

import jsonschema
import pytest
import yaml

from heartbeat.config import read
from heartbeat.config.schema import schema

NO_BUCKET = "write only its name, without a leading s3:// or / and without .."
JOB = 'jobs: {{a: {{schedule: "0 9 * * *", {0}}}}}'
CHANNEL = "jobs: {{}}\nchannels: {{ops: {0}}}"
DURATION = "is not a duration; write 90s, 15m, 1h30m or 2d"
MAPPING = "write a mapping: `key: value`, or {} for none"

# What a schema can express: shapes, known keys, forms of values.
SHAPED = [
    ("- a\n- b", f"1:1: found a list; {MAPPING}"),
    ("hello", f"1:1: found a single value; {MAPPING}"),
    ("jobs:", f"1:6: jobs: found nothing; {MAPPING}"),
    ("defaults: {grace: 1m}", "1:1: `jobs` is missing; write for example `jobs: {}`"),
    ("jobs: {}\nchanels: {}", "2:1: chanels: unknown key `chanels`; did you mean `channels`?"),
    ("jobs: {}\nname: a b", '2:7: name: "a b" is no name; write letters, digits, _ . / and -'),
    ("jobs:\n  a:\n", f"2:5: jobs.a: found nothing; {MAPPING}"),
    ("jobs: {a: {grace: 1m}}", '1:11: jobs.a: `schedule` is missing; write for example `schedule: "0 9 * * *"`'),
    (JOB.format("grce: 10m"), "1:35: jobs.a.grce: unknown key `grce`; did you mean `grace`?"),
    (JOB.format("grace: 10"), f'1:42: jobs.a.grace: "10" {DURATION}'),
    (JOB.format("grace: 5 min"), f'1:42: jobs.a.grace: "5 min" {DURATION}'),
    (JOB.format("grace: 1m1h"), f'1:42: jobs.a.grace: "1m1h" {DURATION}'),
    (JOB.format("grace: 10:30"), f'1:42: jobs.a.grace: "10:30" {DURATION}'),
    (JOB.format("grace: null"), f'1:42: jobs.a.grace: "null" {DURATION}'),
    (JOB.format("grace: [1m]"), "1:42: jobs.a.grace: found a list; write a single value"),
    (
        JOB.format("max_runtime: 0s"),
        '1:48: jobs.a.max_runtime: "0s" is no time at all; write 90s, 15m, 1h30m or 2d, or leave out the key',
    ),
    (JOB.format("owner: yes"), '1:42: jobs.a.owner: YAML reads yes as true or false; quote it: "yes"'),
    (JOB.format("owner: 12"), '1:42: jobs.a.owner: YAML reads 12 as a number; quote it: "12"'),
    (JOB.format('owner: ""'), "1:42: jobs.a.owner: is empty; write a text, or leave out the key"),
    (JOB.format(f"owner: {'x' * 101}"), "1:42: jobs.a.owner: has 101 characters; at most 100 are kept"),
    ("jobs: {a: {schedule: 9:00}}", '1:22: jobs.a.schedule: YAML reads 9:00 as a number; quote it: "9:00"'),
    ("jobs: {a: {schedule: []}}", "1:22: jobs.a.schedule: write 1 to 20 values; there are 0"),
    (
        JOB.format("dialect: cron"),
        (
            '1:44: jobs.a.dialect: "cron" is no dialect; write one of unix, eventbridge, every, '
            "rrule, oncalendar, kubernetes"
        ),
    ),
    (JOB.format("enabled: 'true'"), "1:44: jobs.a.enabled: write true or false, without quotes"),
    (JOB.format("alert_after: 0"), "1:48: jobs.a.alert_after: write a whole number from 1 to 1000"),
    (JOB.format("alert_after: two"), "1:48: jobs.a.alert_after: write a whole number from 1 to 1000"),
    (JOB.format("alert_after: yes"), "1:48: jobs.a.alert_after: write a whole number from 1 to 1000"),
    (JOB.format("runbook: wiki/a"), '1:44: jobs.a.runbook: "wiki/a" is no URL; write it with https:// in front'),
    (JOB.format("tags: [a, a]"), '1:45: jobs.a.tags: "a" appears twice; remove one'),
    (JOB.format("tags: [a b]"), '1:42: jobs.a.tags: "a b" is no tag; write a word without spaces and commas'),
    (
        JOB.format("evidence: {min_size: 1}"),
        '1:45: jobs.a.evidence: `key` is missing; write for example `key: "backup/{date:%Y-%m-%d}/dump.sql.gz"`',
    ),
    (
        JOB.format("evidence: {key: a, min_size: 10M}"),
        '1:64: jobs.a.evidence.min_size: "10M" is not a size; write 500, 10kB, 10MB or 1.5GiB',
    ),
    (
        JOB.format("evidence: {key: 'a{day}'}"),
        '1:51: jobs.a.evidence.key: "a{day}" has braces that are not a date; write {date:%Y-%m-%d}',
    ),
    (
        JOB.format("evidence: {key: /a}"),
        '1:51: jobs.a.evidence.key: "/a" is not a key; leave out .. and leading / or s3://; the bucket is `bucket`',
    ),
    (
        JOB.format("evidence: {key: a/../b}"),
        '1:51: jobs.a.evidence.key: "a/../b" is not a key; leave out .. and leading / or s3://; the bucket is `bucket`',
    ),
    *(
        (
            JOB.format(f"evidence: {{key: a, bucket: '{bucket}'}}"),
            f'1:62: jobs.a.evidence.bucket: "{bucket}" is no bucket; {NO_BUCKET}',
        )
        for bucket in ("../..", "a/../../b", "..", ".", "/etc", "s3://dumps", "a b", "dumps-{date}")
    ),
    (
        JOB.format("evidence: {key: 'a/{date:%Q}'}"),
        '1:51: jobs.a.evidence.key: "a/{date:%Q}" has braces that are not a date; write {date:%Y-%m-%d}',
    ),
    (JOB.format("metrics: {rows: {}}"), "1:51: jobs.a.metrics.rows: holds nothing; write min, max or both"),
    (JOB.format("metrics: {rows: {min: x}}"), '1:57: jobs.a.metrics.rows.min: "x" is not a number; write 1 or 2.5'),
    (JOB.format("metrics: {rows: {mni: 1}}"), "1:52: jobs.a.metrics.rows.mni: unknown key `mni`; did you mean `min`?"),
    (
        JOB.format("trigger: {lambda: {}}"),
        '1:45: jobs.a.trigger.lambda: unknown trigger "lambda"; did you mean `aws_lambda`?',
    ),
    (
        JOB.format("trigger: {}"),
        "1:44: jobs.a.trigger: write exactly one kind; known are http, sqs, step_functions, ecs, aws_lambda",
    ),
    (
        JOB.format("trigger: {sqs: {queue: q}, http: {url: http://u}}"),
        "1:44: jobs.a.trigger: write exactly one kind; known are http, sqs, step_functions, ecs, aws_lambda",
    ),
    (
        JOB.format("trigger: {http: {}}"),
        "1:51: jobs.a.trigger.http: `url` is missing; write for example `url: https://app.example.org/jobs`",
    ),
    (
        JOB.format("trigger: {http: {url: http://u, tiemout: 5s}}"),
        "1:67: jobs.a.trigger.http.tiemout: unknown key `tiemout`; did you mean `timeout`?",
    ),
    (
        JOB.format("trigger: {http: {url: http://u, expect_status: 2000}}"),
        '1:82: jobs.a.trigger.http.expect_status: "2000" is not an HTTP status; write 202 or 2xx',
    ),
    (
        JOB.format("trigger: {ecs: {task_definition: t, launch_type: FARGAT}}"),
        '1:84: jobs.a.trigger.ecs.launch_type: "FARGAT" is no launch type; did you mean `FARGATE`?',
    ),
    (JOB.format("overlap: skp"), '1:44: jobs.a.overlap: "skp" is no overlap; did you mean `skip`?'),
    (
        "jobs: {Daily Job: {schedule: every 1h}}",
        ("1:8: jobs.Daily Job: a job's name has 1 to 100 small letters, digits, - and _; write daily-job"),
    ),
    ("jobs: {日報: {schedule: every 1h}}", "1:8: jobs.日報: a job's name has 1 to 100 small letters, digits, - and _"),
    (
        "jobs: {01234567-89ab-cdef-0123-456789abcdef: {schedule: every 1h}}",
        (
            "1:8: jobs.01234567-89ab-cdef-0123-456789abcdef: a job's name may not look like a UUID: /ping/<uuid> means "
            "something else"
        ),
    ),
    (CHANNEL.format("{slak: u}"), '2:18: channels.ops.slak: unknown kind of channel "slak"; did you mean `slack`?'),
    (CHANNEL.format("{}"), "2:17: channels.ops: write exactly one kind: slack, sns, webhook, console"),
    (
        CHANNEL.format("{sns: x, console: {}}"),
        "2:17: channels.ops: write exactly one kind: slack, sns, webhook, console",
    ),
    (
        CHANNEL.format("{console: x}"),
        ("2:27: channels.ops.console: write the settings as a mapping: {console: {group_above: …}}"),
    ),
    (CHANNEL.format("{sns: {}}"), "2:23: channels.ops.sns: `topic` is missing"),
    (
        CHANNEL.format("{slack: {webhook: a, token: b}}"),
        "2:25: channels.ops.slack: write either `webhook`, or `token` and `channel`",
    ),
    (
        CHANNEL.format("{sns: {topic: arn:aws:sns:r-1:123456789012:a, fromat: text}}"),
        "2:63: channels.ops.sns.fromat: unknown key `fromat`; did you mean `format`?",
    ),
    (
        CHANNEL.format("{sns: {topic: arn:aws:sns:r-1:123456789012:a, format: txt}}"),
        '2:71: channels.ops.sns.format: "txt" is none of json, text, chatbot; did you mean `text`?',
    ),
    (
        CHANNEL.format("{console: {group_above: -1}}"),
        ("2:41: channels.ops.console.group_above: write a whole number from 0"),
    ),
]

# What takes more than a schema: names that must be known, values that must fit each other, YAML itself.
DEEPER = [
    ("jobs: {on: {schedule: every 1h}}", '1:8: jobs: YAML reads the key on as true or false; quote it: "on"'),
    (
        "jobs:\n  a: {schedule: every 1h}\n  a: {schedule: every 2h}",
        "3:3: jobs.a: this name appears twice; the first is on line 2",
    ),
    (
        "jobs: {}\nchannels: {a: {console: {}}, a: {console: {}}}",
        "2:30: channels.a: this name appears twice; the first is on line 2",
    ),
    (
        JOB.format("timezone: Asia/Tokio"),
        ('1:45: jobs.a.timezone: "Asia/Tokio" is not a time zone; did you mean Asia/Tokyo or Asia/Tomsk?'),
    ),
    (JOB.format('owner: "a\\e[2J"'), "1:42: jobs.a.owner: holds the character \\x1b; leave it out"),
    (
        JOB.format("min_runtime: 2h, max_runtime: 1h"),
        ("1:48: jobs.a.min_runtime: is longer than max_runtime; every run would fail"),
    ),
    (
        JOB.format("grace: 200000d"),
        (
            f'1:42: jobs.a.grace: "200000d" {DURATION[:17]} (it is longer than a hundred years)'
            "; write 90s, 15m, 1h30m or 2d"
        ),
    ),
    (
        JOB.format("metrics: {rows: {min: 5, max: 1}}"),
        ("1:51: jobs.a.metrics.rows: min 5 is more than max 1; no value could be right"),
    ),
    (
        CHANNEL.format('{sns: "${TOPIC}"}'),
        ('2:23: channels.ops.sns: "${TOPIC}" does not say where from; write ${env:TOPIC}'),
    ),
    (
        CHANNEL.format('{sns: "${vault:x}"}'),
        ('2:23: channels.ops.sns: "${vault:x}": a value is taken from env, file, ssm'),
    ),
    (
        "jobs: {a: {schedule: every 1h, trigger: {http: {url: http://u}}}}",
        "1:41: jobs.a.trigger: a trigger needs fixed times; write the schedule as cron, such as */15 * * * *",
    ),
    (
        JOB.format("trigger: {http: {url: http://u, timeout: 16m}}"),
        "1:76: jobs.a.trigger.http.timeout: is longer than 15m, the longest that a function on AWS can wait",
    ),
    (
        JOB.format("trigger: {http: {url: '${HOST}'}}"),
        '1:57: jobs.a.trigger.http.url: "${HOST}" does not say where from; write ${env:HOST}',
    ),
    (
        JOB.format("trigger: {ecs: {task_definition: t, command: [a]}}"),
        "1:80: jobs.a.trigger.ecs.command: is for a container: write its name as `container`",
    ),
    ("jobs: {}\nname: ping", "2:7: name: ping means jobs that no file owns; choose another"),
]


@pytest.mark.parametrize(("text", "problem"), SHAPED + DEEPER)
def test_a_mistake_is_named_with_its_place(problems, text: str, problem: str):
    assert problems(text) == [problem]


@pytest.mark.parametrize("text", [text for text, _ in SHAPED])
def test_the_schema_refuses_it_too(text: str):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("jobs: {a: {schedule: '61 9 * * *'}}", '1:22: jobs.a.schedule: "61" (minute) '),
        ("jobs: {a: {schedule: [every 1h, 0 0 31 2 *]}}", '1:33: jobs.a.schedule: "0 0 31 2 *" never fires'),
        ("jobs: {a: {schedule: 0 9 * * * *}}", '1:22: jobs.a.schedule: "0 9 * * * *" has six fields'),
        ("jobs: {a: {schedule: [every 1h, 0 9 * * *]}}", '1:22: jobs.a.schedule: "every 1h; 0 9 * * *" joins'),
        ("jobs: {a: {schedule: nightly}}", '1:22: jobs.a.schedule: "nightly" is not a known form of schedule'),
    ],
)
def test_a_schedule_that_cannot_be(problems, text: str, begin: str):
    (problem,) = problems(text)
    assert problem.startswith(begin)


def test_unknown_channels_come_with_the_nearest(problems):
    text = """
channels: {ops: {console: {}}}
defaults: {notify: pager}
service: {fallback: [opps]}
jobs: {a: {schedule: every 1h, notify: [ops, op]}}
"""
    assert problems(text) == [
        '3:20: defaults.notify: unknown channel "pager"; known are ops',
        '4:22: service.fallback: unknown channel "opps"; did you mean `ops`?',
        '5:46: jobs.a.notify: unknown channel "op"; did you mean `ops`?',
    ]


def test_all_mistakes_at_once_in_the_order_of_the_file(problems):
    text = """
defaults: {grace: soon, schedule: every 1h}
jobs:
  a: {schedule: 99 * * * *, grace: 1, notfy: x}
  B: {schedule: every 1h}
"""
    assert [problem.split(": ")[:2] for problem in problems(text)] == [
        ["2:19", "defaults.grace"],
        ["2:25", "defaults.schedule"],
        ["4:17", "jobs.a.schedule"],
        ["4:36", "jobs.a.grace"],
        ["4:39", "jobs.a.notfy"],
        ["5:3", "jobs.B"],
    ]


def test_a_broken_zone_does_not_blame_the_schedule(problems):
    (problem,) = problems("defaults: {timezone: Mars/Phobos}\njobs: {a: {schedule: 0 9 * * *}}")
    assert problem.startswith('1:22: defaults.timezone: "Mars/Phobos" is not a time zone')


def test_the_name_given_stands_in_front():
    with pytest.raises(Exception, match=r"^batch\.yaml:1:1: the file is empty"):
        read("", name="batch.yaml")
