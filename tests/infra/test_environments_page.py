"""docs/environments.md names parameters and outputs that the template has, and files that can be read."""

import re

import pytest
from pages import ROOT, Page

from heartbeat.config import read

PAGE = Page("environments.md")
TEMPLATE = (ROOT / "infra" / "template.yaml").read_text(encoding="utf-8")


def names(section):
    text = TEMPLATE.partition(f"\n{section}:\n")[2]
    return set(re.findall(r"^  (\w+):$", re.split(r"^\w", text, maxsplit=1, flags=re.MULTILINE)[0], re.MULTILINE))


def test_terraform_reads_outputs_that_there_are():
    told = set(re.findall(r'outputs\["(\w+)"\]', PAGE.text)) | set(re.findall(r"output `(\w+)`", PAGE.text))
    assert len(told) == 5
    assert told <= names("Outputs")


def test_deployments_set_parameters_that_there_are():
    told = set(re.findall(r"\b([A-Z][a-z]+[A-Z]\w+)=", PAGE.text)) | {"WatchdogUrl"}
    assert {"AlertEmail", "SecretsPath", "ListenToAws", "PingKey"} <= told <= names("Parameters")


@pytest.mark.parametrize("block", PAGE.blocks("yaml"), ids=lambda block: block.path)
def test_the_files_on_the_page_can_be_read(block):
    config = read(block.text)
    assert len(config.jobs) == 1
    assert config.warnings == ()
