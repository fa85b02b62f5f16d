"""Where a finding is said to be: the same by either of PyYAML's parsers, and at each of many values that are alike."""

from __future__ import annotations

from pathlib import Path

import yaml

from heartbeat.config.findings import Findings
from heartbeat.config.nodes import Mapping, Scalar, compose

EXAMPLE = (Path(__file__).parents[2] / "examples/jobs.yaml").read_text(encoding="utf-8")
FILE = """\
defaults: &all {timezone: Asia/Tokyo, grace: 10m, notify: [ops]}
x-base: &base
  owner: "us"
  tags: [a, 'b']
channels:
  ops: {slack: {webhook: "${env:HOOK}"}}
jobs:
  日次:
    <<: *base
    schedule: ["0 9 * * *",
               "cron(0 18 * * ? *)"]
    description: >
      folded
      over lines
  one: {schedule: 0 2 * * *, 12: x, grace: 010, runbook: ~, enabled: yes, at: 2026-01-01}
  one: {<<: [*base, *all], owner: !!str 7, tags: !!int 3}
"""
ALIKE = """\
channels: {ops: {console: {}}}
defaults: {timezone: UTC, notify: ops}
jobs:
  a: {schedule: 0 9 * * *, grace: 10x}
  b: {schedule: 0 9 * * *, grace: 10x, notify: nobody}
  c:
    schedule: 61 9 * * *
    notify: nobody
  d: {schedule: 61 9 * * *}
"""
DOUBTFUL = """\
channels: {a: {webhook: {url: "https://x.test", secret: plain}}, b: {webhook: {url: "https://x.test", secret: plain}}}
defaults: {timezone: UTC, notify: [a, b]}
jobs:
  a: {schedule: 0 9 * * *, grace: 2d}
  b: {schedule: 0 9 * * *, grace: 2d}
"""


def tree(node):
    """The node as lists, each value with its line and column."""
    place = f"{node.place.line}:{node.place.column}"
    if isinstance(node, Scalar):
        return [place, node.kind, node.text]
    if isinstance(node, Mapping):
        return [place, [[tree(key), tree(value)] for key, value in node.pairs.values()]]
    return [place, [tree(item) for item in node.items]]


def composed(text, loader):
    findings = Findings(name="")
    return tree(compose(text, findings, loader)), findings.mistakes


def test_both_parsers_give_the_same_tree_and_the_same_places():
    for text in (FILE, ALIKE, DOUBTFUL, EXAMPLE):
        assert composed(text, yaml.CSafeLoader) == composed(text, yaml.SafeLoader)


def test_places_in_a_tree():
    root, mistakes = composed(FILE, yaml.CSafeLoader)
    assert [(place.line, place.column) for place, _ in mistakes] == [(15, 30), (16, 3)]
    jobs = {key[2]: value for key, value in root[1]}["jobs"][1]
    daily, one = jobs
    assert daily[0] == ["8:3", "str", "日次"]
    places = {key[2]: value[0] for key, value in daily[1][1]}
    assert places == {"owner": "3:10", "tags": "4:9", "schedule": "10:15", "description": "12:18"}
    grace, runbook = one[1][1][2:4]
    assert grace == [["15:37", "str", "grace"], ["15:44", "int", "010"]]
    assert runbook == [["15:49", "str", "runbook"], ["15:58", "null", "~"]]


def test_values_that_are_alike_are_told_at_each_place(problems):
    told = [problem.split(" ")[0] + problem.split(" ")[1] for problem in problems(ALIKE)]
    assert told == [
        "4:35:jobs.a.grace:",
        "5:35:jobs.b.grace:",
        "5:48:jobs.b.notify:",
        "7:15:jobs.c.schedule:",
        "8:13:jobs.c.notify:",
        "9:17:jobs.d.schedule:",
    ]


def test_doubts_that_are_alike_are_told_at_each_place(warnings):
    told = [warning.split(" ")[0] + warning.split(" ")[1] for warning in warnings(DOUBTFUL)]
    assert told == [
        "1:57:channels.a.webhook.secret:",
        "1:111:channels.b.webhook.secret:",
        "4:35:jobs.a.grace:",
        "5:35:jobs.b.grace:",
    ]
