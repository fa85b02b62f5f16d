"""Every example of a jobs file in the documentation, whole or in part, is one that `check` and `serve` accept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from heartbeat.channels.build import build as build_channel
from heartbeat.config import read, sources, triggers
from heartbeat.config.tables import JOB_KEYS, TOP_KEYS
from heartbeat.secrets import REFERENCE
from heartbeat.targets.build import build as build_target

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^( *)```ya?ml\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(\{(?:slack|sns|webhook|console|http|sqs|step_functions|ecs|aws_lambda): [^`…]+\})`")
TOP, JOB = {key.name for key in TOP_KEYS}, {key.name for key in JOB_KEYS}
CHANNELS = {"slack", "sns", "webhook", "console"}
TRIGGERS, SOURCES = {kind.name for kind in triggers.KINDS}, {kind.name for kind in sources.KINDS}
VALUES = {
    "TOPIC": "arn:aws:sns:eu-west-1:123456789012:alerts",
    "MACHINE": "arn:aws:states:eu-west-1:123456789012:stateMachine:batch",
    "QUEUE": "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
}


def whole(text: str) -> str | None:
    """The example as a file: a part of one is put where it belongs. None: it is no jobs file."""
    found = yaml.safe_load(text)
    if not isinstance(found, dict):
        return None
    if found.keys() & {"jobs", "channels", "defaults"} and found.keys() <= TOP:
        known = {"jobs": {}} | found
    elif found.keys() <= JOB:
        known = {"jobs": {"a": {"schedule": "0 9 * * *"} | found}}
    elif all(isinstance(each, dict) and "schedule" in each and each.keys() <= JOB for each in found.values()):
        known = {"jobs": found}
    elif len(found) == 1 and found.keys() <= CHANNELS:
        known = {"jobs": {}, "channels": {"ops": found}}
    elif len(found) == 1 and found.keys() <= TRIGGERS | SOURCES:
        settings = next(iter(found.values()))
        source = found.keys() <= SOURCES and not settings.keys() & {"task_definition", "input"}
        known = {"jobs": {"a": {"schedule": "0 9 * * *", "sources" if source else "trigger": found}}}
    else:
        return None
    wanted = {name for job in known["jobs"].values() for name in _list(job.get("notify", ()))}
    wanted |= set(_list(known.get("defaults", {}).get("notify", ())))
    if "channels" not in known:
        known["channels"] = {name: {"console": {}} for name in wanted}
    return yaml.safe_dump(known, allow_unicode=True)


def _list(value):
    return [value] if isinstance(value, str) else list(value)


def examples():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in FENCED.findall(text)]
        for number, block in enumerate([*blocks, *INLINE.findall(text)]):
            try:
                known = whole(block)
            except yaml.YAMLError:
                continue
            if known is not None:
                yield pytest.param(known, id=f"{page.relative_to(ROOT)}-{number}")


EXAMPLES = list(examples())


def resolve(text: str) -> str:
    return REFERENCE.sub(lambda found: _value(found[2]), text)


def _value(name: str) -> str:
    likely = [value for word, value in VALUES.items() if word in name.upper()]
    return likely[0] if likely else "https://example.com/x"


def test_there_are_examples_on_many_pages():
    assert len(EXAMPLES) >= 15
    assert len({each.id.rpartition("-")[0] for each in EXAMPLES}) >= 10


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_in_the_documentation_can_be_built(text):
    config = read(text)
    for name, settings in config.channels.items():
        build_channel(name, settings, resolve=resolve)
    for job in config.jobs:
        if job.trigger:
            build_target(job.trigger, resolve=resolve)
