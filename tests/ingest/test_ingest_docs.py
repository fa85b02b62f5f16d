"""docs/aws-events.md and docs/evidence.md say what there is, and what stands in them works."""

import json
import re
from pathlib import Path

import pytest

from heartbeat.config import read
from heartbeat.config.sources import KINDS
from heartbeat.ingest.events.ecs import CUT_SHORT
from heartbeat.ingest.events.read import READERS

DOCS = Path(__file__).parents[2] / "docs"
EVENTS, EVIDENCE = ((DOCS / name).read_text(encoding="utf-8") for name in ("aws-events.md", "evidence.md"))


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


@pytest.mark.parametrize("block", blocks(EVENTS, "yaml") + blocks(EVIDENCE, "yaml"))
def test_every_jobs_file_reads_without_a_doubt(block):
    config = read(block)
    assert config.warnings == ()
    assert all(job.sources or job.evidence for job in config.jobs)


@pytest.mark.parametrize("block", blocks(EVIDENCE, "json"))
def test_every_policy_is_one(block):
    value = json.loads(block)
    statements = value.get("Statement", [])
    assert {each["Effect"] for each in statements} <= {"Allow"}
    assert {each["Action"] for each in statements} <= {"s3:PutObject", "s3:GetObject", "s3:ListBucket"}
    assert bool(statements) is not ("status" in value)


def test_the_patterns_on_the_page_are_those_of_the_events_that_are_read():
    (block,) = blocks(EVENTS, "json")
    listened = {(p["source"][0], name) for p in json.loads(block)["$or"] for name in p["detail-type"]}
    assert listened == {*READERS, ("aws.s3", "Object Created")}


def test_every_kind_and_key_of_a_source_is_in_the_table():
    rows = "\n".join(line for line in EVENTS.splitlines() if line.startswith("| `"))
    assert [kind.name for kind in KINDS if f"| `{kind.name}` " not in rows] == []
    assert [key.name for kind in KINDS for key in kind.keys if f"`{key.name}`" not in rows] == []
    assert [code for code in CUT_SHORT if f"`{code}`" not in EVENTS] == []
