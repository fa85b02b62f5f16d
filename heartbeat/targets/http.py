"""POSTs JSON to an app: who it is for, which run, and a token. `Idempotency-Key` and `Heartbeat-Run` are the run's id.

Success is the expected status (2xx) and the expected text. 408, 425, 429 and 503 refuse it for now; after 502 and
504 nobody knows whether the app behind the proxy has it; anything else, redirects too, refuses it for good. An app
that starts one run for each key is asked again after any answer from 500 on: that does no harm.

Apps often have private addresses, so those are allowed. `heartbeat.outbound.sender` does the sending.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from heartbeat.errors import SendFailed, StartFailed
from heartbeat.model import BODY_MAX, SECOND
from heartbeat.outbound.addresses import Guard
from heartbeat.outbound.sender import NOT_FOLLOWED, NOT_NOW, REDIRECTS, HttpRequest, Sender
from heartbeat.targets.protocol import TargetAnswer, facts, slot_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.outbound.sender import HttpAnswer
    from heartbeat.targets.protocol import StartCall

TIMEOUT = 30 * SECOND
REPEATABLE = 24 * 3600 * SECOND
AGAIN = NOT_NOW | {503}
"""503 too says that nothing was done. Of other errors of the server an alert may come twice (`channels.webhook`); a
start may not."""
UNKNOWN = frozenset({502, 504})
BROKEN = 500
"""From this status on, an idempotent app is asked again."""
SHOWN = 300
"""Characters of an answer's body that people are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """See Target.

    timeout: milliseconds from looking up the host to the last byte of the answer; waits: the answer is the end of
    the run.
    """

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

    @property
    def repeatable(self) -> int:
        """See Target."""
        return REPEATABLE if self.idempotent else 0

    def start(self, call: StartCall, sent: Callable[[], None]) -> TargetAnswer:
        """See Target."""
        request = HttpRequest(
            url=self.url, method=self.method, headers={**self._headers(), **_headers_of(call)}, body=self._body(call)
        )
        sender = Sender(Guard(allow_private=True), seconds=self.timeout / SECOND, limit=BODY_MAX)
        try:
            answer = sender.send(request, sent if self.waits else lambda: None)
        except SendFailed as failed:
            again = not failed.sent and not failed.refused
            raise StartFailed(str(failed), again=again, unknown=failed.sent) from None
        return self._judged(answer)

    @property
    def _where(self) -> str:
        url = urlsplit(self.url)
        return f"{url.scheme}://{url.netloc}"

    def _headers(self) -> dict[str, str]:
        return {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **self.headers}

    def _body(self, call: StartCall) -> bytes:
        token = {"token": self.token} if self.token else {}
        return json.dumps({**self.body, **facts(call), **token}, ensure_ascii=False).encode()

    def _judged(self, answer: HttpAnswer) -> TargetAnswer:
        text, body = f"{answer.status} {answer.reason}".strip(), answer.text
        if self._is_expected(answer.status) and self.expect_body in body:
            return TargetAnswer(text=text, ok=True if self.waits else None, output=body if self.waits else "")
        said = f"{self._where} answered {text}{self._hint(answer.status)}"
        said += f": {body[:SHOWN].strip()}" if body.strip() else ""  # last, because it may cut a secret in half
        if answer.status in AGAIN or (self.idempotent and not self.waits and answer.status >= BROKEN):
            raise StartFailed(said, again=True, retry_after=_seconds(answer.headers.get("retry-after")))
        if answer.status in UNKNOWN:
            raise StartFailed(said, unknown=True)
        if answer.status in REDIRECTS:
            raise StartFailed(said)
        if self.waits:
            return TargetAnswer(text=text, ok=False, output=body)
        raise StartFailed(said)

    def _hint(self, status: int) -> str:
        if status in REDIRECTS:
            return f"; {NOT_FOLLOWED}"
        return f"; expected was the text {self.expect_body!r}" if self._is_expected(status) else ""

    def _is_expected(self, status: int) -> bool:
        return any(str(status) == each or f"{status // 100}xx" == each for each in self.expect_status)


def _headers_of(call: StartCall) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "heartbeat",
        "Idempotency-Key": call.run_id,
        "Heartbeat-Job": call.slug,
        "Heartbeat-Run": call.run_id,
        "Heartbeat-Slot": slot_of(call) or "",
    }


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdecimal() else None
