"""What is printed with --json is what docs/output.schema.json promises; it is read here as another program would."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from heartbeat.doors.cli.commands import COMMANDS

SCHEMA = json.loads(Path(__file__).parents[3].joinpath("docs/output.schema.json").read_text(encoding="utf-8"))
TYPED = (
    "status", "status --down", "explain daily-report", "explain backup", "runs daily-report", "next @daily",
    "next daily-report", "pause backup --for 1h", "pause all", "resume worker", "ack daily-report", "ack *",
    "silence all --for 1h", "silence --list", "systemd", "key show", "key rotate",
    "key add ann", "key list", "key remove bob", "tick", "backup new.db",
    "restore copy.db", "doctor",
)  # fmt: skip
BEFORE = ("pause worker", "silence backup --for 2h", "key add bob", "backup copy.db")
ELSEWHERE = {"run", "rerun", "ping"}
"""Their documents need a target or a server: tests of their own have them."""
OTHERS = {"check", "plan", "apply", "import"}
"""They are about the jobs file (docs/cli.md), and have no schema yet."""
QUIET = {"exec", "worker", "serve"}
"""They print what is not theirs, or a log."""


def test_every_command_with_json_is_in_the_schema():
    assert {*SCHEMA["properties"]} == {*COMMANDS} - OTHERS - QUIET
    assert {typed.split()[0] for typed in TYPED} | ELSEWHERE == {*SCHEMA["properties"]}


@pytest.mark.parametrize("typed", TYPED)
def test_json_is_as_the_schema_says(night, typed):
    for before in BEFORE:
        night.run(*before.split())
    said = night.json_of(*typed.split())
    command = typed.split()[0]
    wrong = Draft202012Validator(SCHEMA).iter_errors({command: said})
    assert [f"{each.json_path}: {each.message}" for each in wrong] == []
