"""The workflow of docs/deploy.md that checks, comments the plan and applies: GitHub's schema, and its steps run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from project import TOOLS

PAGE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()
TEXT = re.search(r"```yaml\n(# \.github/workflows/jobs\.yml\n.*?)```", PAGE, re.DOTALL)[1]
STEPS = yaml.safe_load(TEXT)["jobs"]["jobs"]["steps"]
GH = '#!/bin/sh\necho "$@" > said\ncat plan.md >> said\n'


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(GH)
    (tmp_path / "bin" / "gh").chmod(0o755)
    (tmp_path / "jobs.yaml").write_text("defaults: {timezone: UTC, notify: []}\njobs: {a: {schedule: 0 9 * * *}}\n")
    return tmp_path


def run(folder, name):
    (step,) = [step for step in STEPS if name in (step.get("name"), step.get("run", "")[: len(name)])]
    path = f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = {"PATH": path, "HEARTBEAT_STORE": str(folder / "heartbeat.db"), "NUMBER": "7"}
    (folder / "step.sh").write_text(step["run"])
    return subprocess.run(["bash", "-e", "step.sh"], cwd=folder, env=given, capture_output=True, text=True, check=False)


def test_github_knows_every_word_of_it(checkout):
    (checkout / "jobs.yml").write_text(TEXT)
    command = [str(TOOLS / "check-jsonschema"), "--builtin-schema", "vendor.github-workflows", "jobs.yml"]
    checked = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_plan_is_a_comment_of_the_pull_request(checkout):
    assert run(checkout, "Plan").returncode == 0
    said = (checkout / "said").read_text()
    assert said.startswith("pr comment 7 --body-file plan.md")
    assert "+ a: 0 9 * * * (UTC)" in said


def test_what_is_merged_is_applied_once(checkout):
    assert "1 to add" in run(checkout, "Apply").stdout
    assert "nothing to do\n" in run(checkout, "Apply").stdout
    (checkout / "jobs.yaml").write_text("jobs: {}\n")
    refused = run(checkout, "Apply")
    assert (refused.returncode, "--allow-removals" in refused.stderr) == (2, True)
    (checkout / "jobs.yaml").write_text("jobs: {a: {}}\n")
    assert run(checkout, "Apply").returncode == 1
    assert run(checkout, "heartbeat check").returncode != 0
