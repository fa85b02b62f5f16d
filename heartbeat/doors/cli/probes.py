"""What `doctor` asks the server, from outside."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from heartbeat.doors.cli.checks import Check, CheckResult
from heartbeat.model import SECOND
from heartbeat.text.times import duration

if TYPE_CHECKING:
    from collections.abc import Iterator


TIMEOUT = 5.0
SKEW_MAX = 30 * SECOND
ANSWER_MAX = 10_000
_NO_RUN = "heartbeat-doctor?rid=none"
"""A ping refused for its run id if the key is right, and as unknown if it is wrong: it leaves no trace."""


def check_server(url: str | None, clock: int) -> Iterator[Check]:
    """Whether it is up and well, agrees on the time and knows our key."""
    base = (url or os.environ.get("HEARTBEAT_URL", "")).rstrip("/")
    if not base:
        yield Check("server", CheckResult.SKIPPED, "set HEARTBEAT_URL or --url to look at it from outside")
        return
    answer = ask(f"{base}/healthz")
    if answer.problem:
        yield Check("server", CheckResult.PROBLEM, f"{base} {answer.problem}")
        return
    yield _health(base, answer)
    if answer.clock and abs(answer.clock - clock) > SKEW_MAX:
        yield Check(
            "server's clock", CheckResult.PROBLEM, f"it is {duration(abs(answer.clock - clock))} off this machine's"
        )
    yield _check_key(base)


def check_health(url: str) -> Iterator[Check]:
    """Whether the server at this address is well."""
    base = url.rstrip("/")
    answer = ask(f"{base}/healthz")
    yield Check("health", CheckResult.PROBLEM, f"{base} {answer.problem}") if answer.problem else _health(base, answer)


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
        return Check("server", CheckResult.PROBLEM, text)
    if well:
        return Check("server", CheckResult.OK, f"{base} is well")
    troubles = ", ".join(f"{name} {value}" for name, value in report.items() if name != "ok")
    return Check("server", CheckResult.PROBLEM, f"{base} is up, but says that it is not well: {troubles}")


def _check_key(base: str) -> Check:
    key = os.environ.get("HEARTBEAT_PING_KEY", "")
    if not key:
        return Check("ping key", CheckResult.SKIPPED, "set HEARTBEAT_PING_KEY to have it checked")
    status = ask(f"{base}/ping/{quote(key, safe='')}/{_NO_RUN}").status
    if status == 400:  # noqa: PLR2004 - the number that the page of HTTP names
        return Check("ping key", CheckResult.OK, "the server takes it")
    text = f"the server does not take it (it answered {status}): compare HEARTBEAT_PING_KEY with the server's"
    return Check("ping key", CheckResult.PROBLEM, text)
