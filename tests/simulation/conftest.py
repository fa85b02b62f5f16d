"""Worlds are played without threads."""

import pytest


@pytest.fixture(autouse=True)
def replayable(without_threads):
    pass
