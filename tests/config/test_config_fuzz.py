"""Whatever the file holds, the answer is a Config or a BadConfig."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from heartbeat.config import read
from heartbeat.errors import BadConfig

GOOD = """\
defaults: {timezone: Asia/Tokyo, grace: 10m, notify: [ops]}
x-base: &base {owner: us, tags: [a, b]}
channels:
  ops: {slack: {webhook: "${env:HOOK}", group_above: 3}}
  web: {webhook: {url: "https://x.example", headers: {A: b}}}
jobs:
  daily-report:
    <<: *base
    description: 日次レポート
    schedule: ["0 9 * * *", "cron(0 18 * * ? *)"]
    max_runtime: 1h
    metrics: {rows: {min: 1, max: 100}}
  backup:
    schedule: "0 */2 * * *"
    evidence: {key: "b/{date:%Y-%m-%d}/d.gz", min_size: 10MB}
    trigger: {sqs: {queue: q}}
    sources: [{ecs: {family: "f*", container: c}}, {lambda: {function: g}}]
"""
PIECES = [
    *"{}[]:,&*!|>%@`#?-\"'\\\n\t \x00\ufeff\ud800日9",
    "<<: ", "*base", "&base ", "null", "~", "yes", "1e999", "0x", "9" * 400, ".inf", "2026-01-01", "!!int ",
    "!!binary ", "${env:", "${", "{date:", "- ", "? ", "---\n", "...\n", "every ", "rate(", "RRULE:", "  ",
    "\r", "\u2028", "é",
]  # fmt: skip


def mutated(dice: random.Random, text: str) -> str:
    for _ in range(dice.randint(1, 4)):
        start = dice.randrange(len(text) + 1)
        end = min(len(text), start + dice.choice([0, 0, 1, 2, 5, 20, 80]))
        other = dice.randrange(len(text) + 1)
        piece = dice.choice([dice.choice(PIECES), "", text[other : other + dice.randint(1, 40)]])
        text = text[:start] + piece + text[end:]
    return text


def answer(text: str) -> tuple[str, ...]:
    """What is wrong with it, nothing for a Config; any other exception ends the test."""
    try:
        read(text)
    except BadConfig as bad:
        return bad.problems or ("refused without a word",)
    return ()


def told_well(problem: str) -> bool:
    return problem.startswith("jobs.yaml:") and problem.isprintable()


@pytest.mark.parametrize("seed", range(8))
def test_only_a_config_or_a_bad_config(seed: int):
    dice = random.Random(seed)  # noqa: S311 - a seeded test, no secret
    texts = [mutated(dice, GOOD) for _ in range(250)]
    answers = [answer(text) for text in texts]
    assert [problem for problems in answers for problem in problems if not told_well(problem)] == []
    assert 50 < sum(map(bool, answers)) < 250


@pytest.mark.parametrize("seed", range(4))
def test_the_example_with_its_lines_shuffled(seed: int):
    lines = (Path(__file__).parents[2] / "examples/jobs.yaml").read_text(encoding="utf-8").splitlines()
    dice = random.Random(seed)  # noqa: S311 - a seeded test, no secret
    for _ in range(25):
        first, second = dice.randrange(len(lines)), dice.randrange(len(lines))
        lines[first], lines[second] = lines[second], lines[first]
        assert all(map(told_well, answer("\n".join(lines))))
