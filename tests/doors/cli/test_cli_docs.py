"""docs/cli.md names what there is: every command, every key of the JSON."""

from pathlib import Path

import pytest

from heartbeat.doors.cli.commands import COMMANDS

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")


def keys(value):
    if isinstance(value, dict):
        for name, below in value.items():
            yield name
            if name not in {"counts", "metrics"}:
                yield from keys(below)
    elif isinstance(value, list):
        for each in value:
            yield from keys(each)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_on_the_page(name):
    assert f"`{name}" in PAGE


@pytest.mark.parametrize(
    "argv",
    [
        ("status",),
        ("explain", "daily-report"),
        ("next", "0 9 * * *"),
        ("check",),
        ("plan", "--db", "other.db"),
        ("silence", "worker", "--for", "1h"),
        ("tick",),
        ("doctor",),
    ],
)
def test_every_key_is_on_the_page(night, argv):
    assert {key for key in keys(night.json_of(*argv)) if f"`{key}`" not in PAGE} == set()
