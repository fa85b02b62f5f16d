"""What `doctor` looks at on any machine: the database, and the server from outside."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from heartbeat.core.blind import LONG
from heartbeat.model import DAY, MINUTE, NEVER, SECOND
from heartbeat.text.times import ago, duration
from heartbeat.verbs import service_state
from heartbeat.verbs.illness import illnesses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.store.protocol import Store

TIMEOUT = 5.0
SKEW_MAX = 30 * SECOND
ANSWER_MAX = 10_000
WAITING_MAX = 10 * MINUTE
"""If an alert waits longer, something is wrong."""
DEAD_SHOWN = 7 * DAY
DEAD_MAX = 5
_NO_RUN = "heartbeat-doctor?rid=none"
"""A ping refused for its run id if the key is right, and as unknown if it is wrong: it leaves no trace."""


class CheckResult(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


OK, WARNING, PROBLEM, SKIPPED = CheckResult


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    found: CheckResult
    text: str


def check_server(url: str | None, clock: int) -> Iterator[Check]:
    """Whether it is up and well, agrees on the time and knows our key."""
    base = (url or os.environ.get("HEARTBEAT_URL", "")).rstrip("/")
    if not base:
        yield Check("server", SKIPPED, "set HEARTBEAT_URL or --url to look at it from outside")
        return
    answer = ask(f"{base}/healthz")
    if answer.problem:
        yield Check("server", PROBLEM, f"{base} {answer.problem}")
        return
    yield _health(base, answer)
    if answer.clock and abs(answer.clock - clock) > SKEW_MAX:
        yield Check("server's clock", PROBLEM, f"it is {duration(abs(answer.clock - clock))} off this machine's")
    yield _check_key(base)


def check_health(url: str) -> Iterator[Check]:
    """Whether the server at this address is well."""
    base = url.rstrip("/")
    answer = ask(f"{base}/healthz")
    yield Check("health", PROBLEM, f"{base} {answer.problem}") if answer.problem else _health(base, answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeAnswer:
    """What a server said. problem: why there is no answer, "" if there is one; clock: its time, 0 if unknown."""

    status: int = 0
    body: str = ""
    clock: int = 0
    problem: str = ""


def ask(url: str) -> ProbeAnswer:
    """Get a page."""
    if not url.startswith(("http://", "https://")):
        return ProbeAnswer(problem="is not an address; write it like https://heartbeat.example.org")
    try:
        with urlopen(Request(url), timeout=TIMEOUT) as answer:  # noqa: S310 - the line above has seen that it is http(s)
            return _read(answer.status, answer)
    except HTTPError as answer:
        with answer:
            return _read(answer.code, answer)
    except (OSError, ValueError, HTTPException) as problem:
        return ProbeAnswer(
            problem=f"cannot be reached ({getattr(problem, 'reason', problem)}); is it up, is the address right?"
        )


def _read(status: int, answer: Any) -> ProbeAnswer:  # noqa: ANN401 - an answer and an error have no class in common
    try:
        clock = round(parsedate_to_datetime(answer.headers.get("Date", "")).timestamp() * 1000)
    except (TypeError, ValueError):
        clock = 0
    return ProbeAnswer(status=status, body=answer.read(ANSWER_MAX).decode(errors="replace"), clock=clock)


def _health(base: str, answer: ProbeAnswer) -> Check:
    try:
        report = json.loads(answer.body)
        well = bool(report["ok"])
    except (ValueError, TypeError, KeyError):
        text = f"{base}/healthz answered {answer.status}, which is no report: is this address a Heartbeat server's?"
        return Check("server", PROBLEM, text)
    if well:
        return Check("server", OK, f"{base} is well")
    troubles = ", ".join(f"{name} {value}" for name, value in report.items() if name != "ok")
    return Check("server", PROBLEM, f"{base} is up, but says that it is not well: {troubles}")


def _check_key(base: str) -> Check:
    key = os.environ.get("HEARTBEAT_PING_KEY", "")
    if not key:
        return Check("ping key", SKIPPED, "set HEARTBEAT_PING_KEY to have it checked")
    status = ask(f"{base}/ping/{quote(key, safe='')}/{_NO_RUN}").status
    if status == 400:  # noqa: PLR2004 - the number that the page of HTTP names
        return Check("ping key", OK, "the server takes it")
    text = f"the server does not take it (it answered {status}): compare HEARTBEAT_PING_KEY with the server's"
    return Check("ping key", PROBLEM, text)


def check_store(store: Store, now: int, runner: str = "`heartbeat serve`") -> Iterator[Check]:
    """Whether the clock runs and is right, and alerts get out. runner: what sweeps and delivers here."""
    clock = service_state.clock(store, now)
    age = now - clock.alive
    if not clock.version:
        yield Check("clock", WARNING, f"no sweep has run yet: is {runner} running? `heartbeat tick` sweeps once")
    elif age < -MINUTE:
        late = duration(-age)
        yield Check("clock", PROBLEM, f"the last sweep is {late} in the future: this machine's clock is wrong")
    elif age > LONG:
        yield Check("clock", PROBLEM, f"the last sweep was {ago(clock.alive, now)}: is {runner} running?")
    else:
        yield Check("clock", OK, f"the last sweep was {ago(min(clock.alive, now), now)}")
    yield _check_outbox(store, now, runner)
    yield from _check_dead(store, now)
    for ill in illnesses(store):
        yield Check("service", PROBLEM, f"{ill.text} (since {ago(ill.since, now)})")


def _check_dead(store: Store, now: int) -> Iterator[Check]:
    """Undelivered alerts stay a problem for a week: somebody should know what they said."""
    died = [row for row in service_state.dead(store).latest if now - row.created_at <= DEAD_SHOWN]
    for row in reversed(died[-DEAD_MAX:]):
        what = f"{row.alert.event} {row.alert.slug}".strip()
        text = f"never delivered to {row.channel}: {what}, {ago(row.created_at, now)} ({row.error})"
        yield Check("alerts", PROBLEM, text)


def _check_outbox(store: Store, now: int, runner: str) -> Check:
    waiting = store.outbox(NEVER - 1, 1_000)
    oldest = min((delivery.created_at for delivery in waiting), default=now)
    if now - oldest <= WAITING_MAX:
        return Check("alerts", OK, f"{len(waiting)} wait to be delivered")
    error = next((f" {delivery.error}" for delivery in waiting if delivery.error), "")
    text = f"{len(waiting)} wait, the oldest for {duration(now - oldest)}; is {runner} running?"
    return Check("alerts", PROBLEM, f"{text}{error}")
