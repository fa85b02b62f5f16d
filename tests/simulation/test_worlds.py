"""Thousands of seeded worlds against the oracle. A seed that fails prints its timeline and how to replay it."""

import pytest

from simulation.play import CHANGING, report

WORLDS = 2_000
CHUNK = 100
ONCE_WRONG = (4052, 20289, 21462, 31943, 33343, 36889, 60712, 65411, 100378, 100785, 405262)
"""Worlds beyond those, found by `make soak`, that core and oracle did not agree on."""

OPEN = {1810: "a storm after our outage: told as recovered by the end of an older run, three minutes before the oracle"}
"""Worlds that core and oracle do not agree on, with what is known of each."""


@pytest.mark.parametrize("first", range(0, WORLDS, CHUNK))
def test_worlds_agree_with_the_oracle(first):
    seeds = [seed for seed in range(first, first + CHUNK) if seed not in OPEN]
    reports = [text for seed in seeds if (text := report(seed))]
    assert not reports, f"{len(reports)} of {CHUNK} worlds disagree; the first:\n{reports[0]}"


@pytest.mark.parametrize("first", range(CHANGING, CHANGING + WORLDS, CHUNK))
def test_worlds_whose_jobs_files_change_agree_with_the_oracle(first):
    reports = [text for seed in range(first, first + CHUNK) if (text := report(seed))]
    assert not reports, f"{len(reports)} of {CHUNK} worlds disagree; the first:\n{reports[0]}"


@pytest.mark.parametrize("seed", OPEN)
def test_open_worlds_still_disagree(seed):
    assert report(seed) != "", "it agrees now: take it out of OPEN"


@pytest.mark.parametrize("seed", ONCE_WRONG)
def test_worlds_that_disagreed_once(seed):
    assert report(seed) == ""
