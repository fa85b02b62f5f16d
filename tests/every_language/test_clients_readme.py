"""clients/README.md as a reader would follow it: the file is copied, the block is run, the server hears it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from languages import KEY

CLIENTS = Path(__file__).parents[2] / "clients"
README = (CLIENTS / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
RUN = ["start", "success"]
SAID = {
    "python": ("python/heartbeat.py", "heartbeat.py", [sys.executable, "job"], ["success", *RUN, "3"]),
    "php": ("php/Heartbeat.php", "Heartbeat.php", ["php", "job"], ["success", *RUN, "3"]),
    "ruby": ("ruby/heartbeat.rb", "lib/heartbeat.rb", ["ruby", "job"], ["success", *RUN, "3"]),
    "sh": ("shell/heartbeat.sh", "heartbeat.sh", ["dash", "job"], ["success", *RUN, "3", "log"]),
    "sh 2": ("shell/heartbeat.sh", "heartbeat.sh", ["dash", "job"], RUN),
}
"""Of each block: what is copied, to where, how it is run, and what is heard."""
VARIABLES = "DISABLED|URL|PING_KEY|TIMEOUT|RAISE|TIMEZONE|JOB|RUN_ID|FALLBACK_S3|FALLBACK_SLACK"


def block(name):
    language, _, number = name.partition(" ")
    found = [text for one, text in BLOCKS if one == language and "example.org" not in text]
    return found[int(number or 1) - 1]


def test_every_block_is_tried():
    assert sorted(language for language, _ in BLOCKS) == ["php", "python", "ruby", "sh", "sh", "sh", "yaml"]


@pytest.mark.parametrize("name", SAID)
def test_a_block_does_what_it_says(name, tmp_path, receiver):
    source, target, command, said = SAID[name]
    (tmp_path / target).parent.mkdir(exist_ok=True)
    shutil.copy(CLIENTS / source, tmp_path / target)
    (tmp_path / "job").write_text(block(name))
    given = {"PATH": os.environ["PATH"], "HEARTBEAT_URL": receiver.url, "HEARTBEAT_PING_KEY": KEY}
    done = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == (b"312 rows\n" if name.startswith("sh") else b"")
    assert ["".join(one.path[3:]) or "success" for one in receiver.seen] == said
    assert {one.job for one in receiver.seen} == {"daily-report"}
    assert [one.query["for"] for one in receiver.seen if one.path[3:] == ["3"]] == ["2026-11-22"] * said.count("3")


def test_its_table_names_every_variable_of_every_client():
    firsts = re.findall(r"^\| (`HEARTBEAT_[^|]*) \|", README, re.MULTILINE)
    rows = set(re.findall(r"HEARTBEAT_\w+", " ".join(firsts)))
    for source, *_ in SAID.values():
        text = (CLIENTS / source).read_text()
        known = set(re.findall(rf"\bHEARTBEAT_(?:{VARIABLES})\b", text))
        assert known == rows, source


def test_its_jobs_yaml_is_one():
    (text,) = (text for language, text in BLOCKS if language == "yaml")
    assert list(yaml.safe_load(text)["jobs"]) == ["daily-report"]
