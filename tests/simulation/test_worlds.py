"""Thousands of seeded worlds against the oracle. A seed that fails prints its timeline and how to replay it."""

import pytest

from simulation.play import report

WORLDS = 2_000
CHUNK = 100


@pytest.mark.parametrize("first", range(0, WORLDS, CHUNK))
def test_worlds_agree_with_the_oracle(first):
    reports = [text for seed in range(first, first + CHUNK) if (text := report(seed))]
    assert not reports, f"{len(reports)} of {CHUNK} worlds disagree; the first:\n{reports[0]}"
