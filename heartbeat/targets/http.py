"""POSTs JSON to an app: who it is for, which run, and a token. `Idempotency-Key` and `Heartbeat-Run` are the run's id.

Taken: the status that is expected (2xx), and the text that is. 408, 425, 429 and 503 refuse it for now; after 502 and
504 nobody knows whether the app behind the proxy has it; everything else refuses it for good, redirects too. An app
that starts one run for one key is asked again after each answer from 500 on: that can do no harm.
"""

from __future__ import annotations

import json
import ssl
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from heartbeat.errors import BadSetting, StartFailed
from heartbeat.model import BODY_MAX, SECOND
from heartbeat.targets.facts import facts, slot_of
from heartbeat.targets.protocol import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.targets.protocol import Call

CONNECT = 10.0
"""Seconds."""
TIMEOUT = 30 * SECOND
REPEATABLE = 24 * 3600 * SECOND
AGAIN = frozenset({408, 425, 429, 503})
UNKNOWN = frozenset({502, 504})
BROKEN = 500
"""From this status on an app that is idempotent is asked again."""
REDIRECTS = range(300, 400)
SHOWN = 300
"""Characters of an answer's body in what people read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """See Target. timeout: milliseconds for the whole answer; waits: the answer is the end of the run."""

    url: str = field(repr=False)
    method: str = "POST"
    token: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    expect_status: tuple[str, ...] = ("2xx",)
    expect_body: str = ""
    timeout: int = TIMEOUT
    waits: bool = False
    idempotent: bool = False

    def __post_init__(self) -> None:
        url = urlsplit(self.url)
        if url.scheme not in {"http", "https"} or not url.hostname or not self.url.isascii() or " " in self.url:
            raise BadSetting("url is not one to call; give it the form https://app.example.org/jobs")  # may be secret

    @property
    def repeatable(self) -> int:
        """See Target."""
        return REPEATABLE if self.idempotent else 0

    def start(self, call: Call, sent: Callable[[], None]) -> Answer:
        """See Target."""
        with closing(self._connected()) as connection:
            try:
                self._send(connection, call)
                if self.waits:
                    sent()
                with connection.getresponse() as answer:  # one without a length keeps the connection until it is closed
                    body = answer.read(BODY_MAX).decode("utf-8", "replace")
            except (OSError, HTTPException) as problem:
                raise StartFailed(f"{self._where} did not answer ({_why(problem)})", unknown=True) from None
        return self._judged(answer, body)

    @property
    def _where(self) -> str:
        url = urlsplit(self.url)
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"

    def _connected(self) -> HTTPConnection:
        """Nothing is sent before the connection stands: what fails until then has started nothing."""
        url = urlsplit(self.url)
        kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
        connection = kind(url.hostname or "", url.port, timeout=min(CONNECT, self.timeout / SECOND))
        try:
            connection.connect()
        except (OSError, ssl.SSLError) as problem:
            raise StartFailed(f"{self._where} cannot be reached ({_why(problem)})", again=True) from None
        connection.sock.settimeout(self.timeout / SECOND)
        return connection

    def _send(self, connection: HTTPConnection, call: Call) -> None:
        url = urlsplit(self.url)
        token = {"token": self.token} if self.token else {}
        data = json.dumps({**self.body, **facts(call), **token}, ensure_ascii=False).encode()
        headers = {
            **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
            **self.headers,
            "Content-Type": "application/json",
            "User-Agent": "heartbeat",
            "Idempotency-Key": call.run_id,
            "Heartbeat-Job": call.slug,
            "Heartbeat-Run": call.run_id,
            "Heartbeat-Slot": slot_of(call) or "",
        }
        connection.request(self.method, url._replace(scheme="", netloc="", fragment="").geturl() or "/", data, headers)

    def _judged(self, answer: HTTPResponse, body: str) -> Answer:
        text = f"{answer.status} {answer.reason}".strip()
        if self._is_expected(answer.status) and self.expect_body in body:
            return Answer(text=text, ok=True if self.waits else None, output=body if self.waits else "")
        said = f"{self._where} answered {text}" + (f": {body[:SHOWN].strip()}" if body.strip() else "")
        if answer.status in AGAIN or (self.idempotent and not self.waits and answer.status >= BROKEN):
            raise StartFailed(said, again=True, retry_after=_seconds(answer.headers.get("Retry-After")))
        if answer.status in UNKNOWN:
            raise StartFailed(said, unknown=True)
        if answer.status in REDIRECTS:
            raise StartFailed(f"{said}; redirects are not followed: write the last URL")
        if self._is_expected(answer.status):
            said = f"{said}; expected was the text {self.expect_body!r}"
        if self.waits:
            return Answer(text=text, ok=False, output=body)
        raise StartFailed(said)

    def _is_expected(self, status: int) -> bool:
        return any(str(status) == each or f"{status // 100}xx" == each for each in self.expect_status)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdecimal() else None


def _why(problem: Exception) -> str:
    return str(problem) or type(problem).__name__
