"""A ping through a stack, from the URL to the table: for a job that exists only as long as that takes."""

from __future__ import annotations

import os
import time
from secrets import token_hex
from typing import TYPE_CHECKING
from urllib.parse import quote

from heartbeat.core.definition import founding
from heartbeat.doors.cli.probes import Check, CheckResult, ask
from heartbeat.model import Change, Job
from heartbeat.verbs import service_state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.store.protocol import Store

WAIT = 15.0
PAUSE = 0.25
"""Seconds for the signal to reach the table, and between checks."""
REMOVALS_MAX = 5
NOT_FOUND = 404


def key_of(store: Store) -> str:
    """The ping key: the environment's, else the one that the stack made for itself."""
    return os.environ.get("HEARTBEAT_PING_KEY") or service_state.ping_key(store)[0]


def check_ping(store: Store, url: str, now: int) -> Iterator[Check]:
    """Ping, and wait for the signal."""
    slug = f"heartbeat-doctor-{token_hex(4)}"
    store.commit([founding(Job(slug=slug, schedule=("every 1d",), source="doctor"), now)])
    try:
        yield _ping(store, url, slug)
    finally:
        _remove(store, slug)


def _ping(store: Store, url: str, slug: str) -> Check:
    begun = time.monotonic()
    answer = ask(f"{url.rstrip('/')}/ping/{quote(key_of(store), safe='')}/{slug}")
    if answer.problem:
        return Check("ping", CheckResult.PROBLEM, f"{url} {answer.problem}")
    if answer.status == NOT_FOUND:
        text = "the stack does not take the key: set HEARTBEAT_PING_KEY to the one that the parameter PingKey has"
        return Check("ping", CheckResult.PROBLEM, text)
    if answer.status != 200:  # noqa: PLR2004 - HTTP's own
        return Check(
            "ping",
            CheckResult.PROBLEM,
            f"was answered {answer.status} {answer.body.strip()[:200]!r}; see its log group",
        )
    while time.monotonic() - begun < WAIT:
        if store.load([slug])[slug].state.signals:
            return Check(
                "ping", CheckResult.OK, f"went through to the table in {(time.monotonic() - begun) * 1000:.0f} ms"
            )
        time.sleep(PAUSE)
    return Check("ping", CheckResult.PROBLEM, f"was answered OK, and is not in the table after {WAIT:g} seconds")


def _remove(store: Store, slug: str) -> None:
    for _ in range(REMOVALS_MAX):
        found = store.load([slug]).get(slug)
        if found is None:
            return
        store.commit([Change(slug=slug, expected=found.state.version, remove=True)])
