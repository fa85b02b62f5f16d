"""The table of keys, and the schema, page and example that must agree with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from heartbeat.config import read, read_file
from heartbeat.config.page import TABLES, fill
from heartbeat.config.schema import as_text, schema
from heartbeat.config.tables import DEFAULT_KEYS, JOB_KEYS
from heartbeat.model import Job
from heartbeat.schedule import parse_duration

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/jobs-yaml.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def valid(text: str) -> None:
    jsonschema.validate(yaml.safe_load(text), schema(), jsonschema.Draft202012Validator)


def test_every_field_of_a_job_has_its_key():
    kept = {key.field or key.name for key in JOB_KEYS if key.kept}
    assert kept == set(Job.__struct_fields__) - {"slug", "source"}


def test_the_defaults_in_the_table_are_those_of_the_model():
    model = Job(slug="a", schedule=())
    told = {key.name: key.default.strip("`") for key in DEFAULT_KEYS if key.default.startswith("`")}
    assert {name: told[name] for name in ("timezone", "alert_after", "enabled")} == {
        "timezone": model.timezone,
        "alert_after": str(model.alert_after),
        "enabled": str(model.enabled).lower(),
    }
    assert (parse_duration(told["grace"]), parse_duration(told["early"])) == (model.grace, model.early)


def test_the_committed_schema_is_the_one_made():
    assert (ROOT / "jobs.schema.json").read_text(encoding="utf-8") == as_text()


def test_the_schema_is_a_schema_and_explains_every_key():
    jsonschema.Draft202012Validator.check_schema(schema())
    job = schema()["$defs"]["jobs"]["additionalProperties"]["properties"]
    assert all(prop["description"] for prop in job.values())
    assert json.loads(as_text()) == schema()


def test_the_example_reads_without_a_doubt_and_fits_the_schema():
    path = ROOT / "examples/jobs.yaml"
    config = read_file(path)
    assert config.warnings == ()
    assert config.channels == {"screen": {"console": {}}}
    assert len(config.jobs) == 6
    valid(path.read_text(encoding="utf-8"))
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=../jobs.schema.json\n")


@pytest.mark.parametrize("block", BLOCKS)
def test_every_file_on_the_page_reads_without_a_doubt(block: str):
    assert read(block).warnings == ()
    valid(block)


def test_the_tables_on_the_page_are_made_from_the_table_of_keys():
    assert fill(PAGE) == PAGE
    assert set(re.findall(r"<!-- table: (\w+) -->", PAGE)) == set(TABLES)


@pytest.mark.parametrize(
    "text",
    [
        "jobs: {}",
        "x-a: 1\njobs: {a: {schedule: every 1h, dialect: null, max_runtime: null, notify: []}}",
        "jobs: {a: {schedule: [every 1h], tags: x, evidence: {key: 'a/{date:%Y}/b', min_size: 5}}}",
        "jobs: {a: {schedule: every 1h, evidence: {key: 'a/{{b}}..c/{date:%Y-%m-%dT%H%M}.gz'}}}",
        "jobs: {a: {schedule: every 1h, metrics: {r: {max: 1}, s: {min: 0.5}}}}",
        "jobs: {}\nchannels: {a: {slack: https://x}, b: {slack: {token: a, channel: C012345}}, c: {console: }}",
        "jobs: {}\nchannels: {d: {sns: {topic: arn:aws:sns:r-1:123456789012:a}}}",
        "jobs: {}\nchannels: {e: {webhook: {url: https://x, allow_private: true}}}",
        "jobs: {a: {schedule: 0 9 * * *, trigger: {sqs: {queue: q}}}}\nname: team/jobs\nservice: {notify: []}",
        "jobs: {a: {schedule: every 1h, sources: {ecs: {family: a*}}}}",
    ],
)
def test_what_reads_fits_the_schema(text: str):
    read(text)
    valid(text)
