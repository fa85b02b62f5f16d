"""The difference between a file and what is there."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from heartbeat.config import plan, read, render
from heartbeat.config.difference import DURATIONS, in_words
from heartbeat.model import Bound, Evidence, Job, LogGroup, Source

TEXT = """
channels: {ops: {console: {}}, two: {console: {}}}
defaults: {timezone: Asia/Tokyo, notify: [ops]}
jobs:
  report: {schedule: "0 9 * * *", grace: 15m, max_runtime: 1h}
  backup: {schedule: every 2h}
"""
CONFIG = read(TEXT)
REPORT, BACKUP = CONFIG.jobs


def shown(*current: Job) -> str:
    return render(plan(CONFIG, {job.slug: job for job in current}), color=False)


def test_all_is_new():
    assert shown() == (
        "+ report: 0 9 * * * (Asia/Tokyo), grace 15m, tells ops\n"
        "+ backup: every 2h (Asia/Tokyo), grace 10m, tells ops\n"
        "2 to add, 0 unchanged\n"
    )


def test_nothing_is_to_do():
    assert shown(REPORT, BACKUP) == "nothing to do, 2 unchanged\n"
    assert plan(CONFIG, {"report": REPORT, "backup": BACKUP}).empty


def test_what_differs_in_words():
    old = replace(REPORT, schedule=("0 8 * * *", "@noon"), grace=5_400_000, max_runtime=None, notify=(), enabled=False)
    assert shown(old, BACKUP) == (
        "~ report\n"
        "    schedule: 0 8 * * *, @noon → 0 9 * * *\n"
        "    grace: 1h30m → 15m\n"
        "    max_runtime: unset → 1h\n"
        "    notify: unset → ops\n"
        "    enabled: false → true\n"
        "1 to change, 1 unchanged\n"
    )


def test_only_what_this_file_owns_is_removed():
    ours = replace(BACKUP, slug="old")
    theirs = replace(BACKUP, slug="other", source="other.yaml")
    pinged = replace(BACKUP, slug="pinged", source="ping")
    assert shown(REPORT, BACKUP, ours, theirs, pinged) == "- old\n1 to remove, 2 unchanged\n"


def test_a_job_of_another_owner_is_adopted():
    made_by_ping = replace(BACKUP, source="ping", grace=60_000)
    made_by_hand = replace(REPORT, source="")
    assert shown(made_by_hand, made_by_ping) == (
        "~ report (adopted from nobody)\n~ backup (adopted from ping)\n    grace: 1m → 10m\n2 to change, 0 unchanged\n"
    )


def test_colors():
    painted = render(plan(CONFIG, {"report": replace(REPORT, grace=0), "old": replace(REPORT, slug="old")}), color=True)
    assert painted == (
        "\033[32m+ backup: every 2h (Asia/Tokyo), grace 10m, tells ops\033[0m\n"
        "\033[33m~ report\033[0m\n"
        "    grace: 0s → 15m\n"
        "\033[31m- old\033[0m\n"
        "1 to add, 1 to change, 1 to remove, 0 unchanged\n"
    )


def test_nothing_from_the_store_is_obeyed_by_the_terminal():
    assert "\033" not in shown(replace(REPORT, description="\033[2J", owner="a\nb", source="\033c"), BACKUP)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("evidence", Evidence(key="a/{date:%Y}", min_size=10, bucket="b"), "key a/{date:%Y}, min_size 10, bucket b"),
        ("bounds", (Bound(metric="rows", low=1), Bound(metric="s", low=0, high=2.5)), "rows min 1, s min 0 max 2.5"),
        (
            "sources",
            (Source(kind="ecs", keys=(("cluster", "c"), ("family", "n*"))), Source(kind="rule", keys=(("rule", "r"),))),
            "ecs cluster c family n*, rule rule r",
        ),
        (
            "sources",
            (Source(kind="ecs", keys=(("family", "n"),), log=LogGroup(group="/ecs/n", prefix="app")),),
            "ecs family n log /ecs/n app",
        ),
        ("sources", (), "unset"),
        ("early", 0, "0s"),
        ("alert_after", 3, "3"),
        ("tags", ("a", "日報"), "a, 日報"),
        ("owner", "", "unset"),
    ],
)
def test_values_in_words(field: str, value: object, words: str):
    assert in_words(field, value) == words


def test_every_duration_is_known_as_one():
    assert set(Job.__struct_fields__) >= DURATIONS
    assert all("runtime" not in name or name in DURATIONS for name in Job.__struct_fields__)
