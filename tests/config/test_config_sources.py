"""`sources`: whose events on AWS are a job's signals."""

from __future__ import annotations

import jsonschema
import pytest
import yaml

from heartbeat.config import read
from heartbeat.config.schema import schema
from heartbeat.model import LogGroup, Source
from heartbeat.targets.build import build

HEAD = "jobs: {a: {schedule: every 1h, sources: %s}}"


def sources(text: str) -> tuple[Source, ...]:
    (job,) = read(HEAD % text).jobs
    return job.sources


def test_one_source_or_a_list_of_them():
    ecs = Source(kind="ecs", keys=(("cluster", "batch"), ("family", "nightly*")))
    assert sources("{ecs: {family: nightly*, cluster: batch}}") == (ecs,)
    assert sources("[{ecs: {family: nightly*, cluster: batch}}, {batch: {queue: q}}]") == (
        ecs,
        Source(kind="batch", keys=(("queue", "q"),)),
    )
    assert read("jobs: {a: {schedule: every 1h}}").jobs[0].sources == ()


def test_an_ecs_source_may_say_where_the_output_goes():
    log = LogGroup(group="/ecs/batch", prefix="app")
    assert sources("{ecs: {family: n, log: {group: /ecs/batch, prefix: app}}}") == (
        Source(kind="ecs", keys=(("family", "n"),), log=log),
    )


def test_so_may_a_trigger():
    text = "jobs: {a: {schedule: '0 9 * * *', trigger: {ecs: {task_definition: t, log: {group: g, prefix: p}}}}}"
    (job,) = read(text).jobs
    assert job.sources == (Source(kind="ecs", keys=(("job", "a"),), log=LogGroup(group="g", prefix="p")),)
    assert build(job.trigger).target.log == {"group": "g", "prefix": "p"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x", "1:41: jobs.a.sources: found a single value; write a mapping: `key: value`, or {} for none"),
        ("[]", "1:41: jobs.a.sources: write 1 to 20 sources; there are 0"),
        ("null", "1:41: jobs.a.sources: found nothing; write a mapping: `key: value`, or {} for none"),
        ("{esc: {family: a}}", '1:42: jobs.a.sources.esc: unknown source "esc"; did you mean `ecs`?'),
        (
            "[{ecs: {family: a}}, {glue: {job: b}}]",
            (
                '1:63: jobs.a.sources.glue: unknown source "glue"; known are ecs, step_functions, batch, lambda, '
                "scheduler, rule"
            ),
        ),
        (
            "{}",
            (
                "1:41: jobs.a.sources: write exactly one kind; known are ecs, step_functions, batch, lambda, "
                "scheduler, rule"
            ),
        ),
        (
            "{ecs: {family: a}, batch: {queue: b}}",
            (
                "1:41: jobs.a.sources: write exactly one kind; known are ecs, step_functions, batch, lambda, "
                "scheduler, rule"
            ),
        ),
        ("{ecs: {}}", "1:47: jobs.a.sources.ecs: holds nothing; write for example `family: NAME`"),
        (
            "{ecs: {log: {group: g, prefix: p}}}",
            "1:47: jobs.a.sources.ecs: holds nothing by which to know its events; write for example `family: NAME`",
        ),
        (
            "{ecs: {family: a, log: {group: g}}}",
            "1:64: jobs.a.sources.ecs.log: `prefix` is missing; write for example `prefix: app`",
        ),
        (
            '{ecs: {family: a, log: {group: "${env:G}", prefix: p}}}',
            '1:72: jobs.a.sources.ecs.log.group: "${env:G}" is no log group; use letters, digits and _ . / # -',
        ),
        (
            "{ecs: {family: a, log: /ecs/a}}",
            "1:64: jobs.a.sources.ecs.log: found a single value; write a mapping: `key: value`, or {} for none",
        ),
        ("{ecs: {famly: a}}", "1:48: jobs.a.sources.ecs.famly: unknown key `famly`; did you mean `family`?"),
        ("{lambda: {function: 3}}", '1:61: jobs.a.sources.lambda.function: YAML reads 3 as a number; quote it: "3"'),
        (
            '{step_functions: {state_machine: "${env:MACHINE}"}}',
            (
                '1:74: jobs.a.sources.step_functions.state_machine: "${env:MACHINE}": nothing is looked up here; '
                "write the name itself, with * for what varies"
            ),
        ),
    ],
)
def test_a_source_that_cannot_be_one_is_refused_with_its_place(problems, text: str, told: str):
    assert problems(HEAD % text) == [told]


def test_every_mistake_in_a_list_is_told(problems):
    assert len(problems(HEAD % "[{x: {}}, {ecs: {y: a}}, {batch: {}}]")) == 3


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("{ecs: {family: a, group: b, started_by: c, container: d, cluster: e}}", True),
        ("[{rule: {rule: r}}, {scheduler: {schedule: g/s}}, {lambda: {dead_letters: q}}]", True),
        ("[]", False),
        ("{}", False),
        ("{ecs: {}}", False),
        ("{ecs: {famly: a}}", False),
        ("{ecs: {family: a, log: {group: /ecs/a, prefix: a}}}", True),
        ("{ecs: {log: {group: /ecs/a, prefix: a}}}", False),
        ("{ecs: {family: a, log: {group: /ecs/a}}}", False),
        ("{batch: {queue: a, log: {group: /ecs/a, prefix: a}}}", False),
        ("{ecs: {family: a}, rule: {rule: b}}", False),
    ],
)
def test_the_schema_says_the_same(text: str, fits: bool):
    valid = jsonschema.Draft202012Validator(schema()).is_valid(yaml.safe_load(HEAD % text))
    assert valid is fits
