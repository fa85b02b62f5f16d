"""How the tests here read a file."""

from __future__ import annotations

import pytest

from heartbeat.config import read
from heartbeat.errors import BadConfig


@pytest.fixture
def problems():
    """What is wrong with a text, without the file's name."""

    def told(text: str) -> list[str]:
        with pytest.raises(BadConfig) as caught:
            read(text)
        return [problem.removeprefix("jobs.yaml:") for problem in caught.value.problems]

    return told


@pytest.fixture
def warnings():
    """What is doubtful in a text, without the file's name."""

    def told(text: str) -> list[str]:
        return [warning.removeprefix("jobs.yaml:") for warning in read(text).warnings]

    return told
