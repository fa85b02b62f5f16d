"""Other services' clients, at any HTTP door: check the key, pass the pings on, answer as that service would."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from heartbeat.doors.http.ping_gate import NOT_FOUND, RETRY, TEXT, PingAnswer, PingOutcome
from heartbeat.ingest.compat import SERVICES
from heartbeat.ingest.compat.request import CompatRequest, is_form
from heartbeat.ingest.ping import Refusal, options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heartbeat.doors.http.ping_gate import Gate, Reply
    from heartbeat.ingest.compat.request import CompatPings, Service, Words
    from heartbeat.ingest.ping import Ping

SIZE_MAX = 1 << 20
"""Bytes of a body; envelopes hold more than pings."""
FORM_MAX = 65_536
"""Bytes of a form that we read as options; we keep less of any text."""
TOO_LARGE = PingAnswer(413, f"body too large: send at most {SIZE_MAX >> 20} MB")
JSON = b"application/json"
TROUBLE = {
    PingOutcome.BROKEN: (500, "unexpected error: not recorded, see the server's log"),
    PingOutcome.BUSY: (503, "busy: not recorded, send it again"),
    PingOutcome.UNKNOWN: (404, "no job of this name"),
}
"""The worst first."""
WRONG_KEY = {403: "no ping key of this server", 404: "not found"}


class CompatCall:
    """A parsed request to one of the services: its pings, and the answer once they have their replies."""

    def __init__(self, service: Service, request: CompatRequest, told: CompatPings) -> None:
        self._service, self._request, self._told = service, request, told

    @property
    def pings(self) -> Sequence[Ping]:
        """What to record."""
        return self._told.pings

    def answer(self, replies: Sequence[Reply]) -> PingAnswer:
        """replies: in the order of the pings. The worst one decides: then the client sends everything again."""
        outcomes = [outcome for outcome, _ in replies]
        worst = next((outcome for outcome in TROUBLE if outcome in outcomes), None)
        if worst is None or (worst is PingOutcome.UNKNOWN and set(outcomes) != {PingOutcome.UNKNOWN}):
            return _answer(self._service.done(self._request))
        status, text = TROUBLE[worst]
        if worst is PingOutcome.UNKNOWN:
            nearest = next((name for _, name in replies if name), "")
            text = "; ".join(
                [text, *([f"did you mean {nearest}?"] if nearest else []), *filter(None, [self._told.remark])]
            )
        return _answer(self._service.refused(status, text), *([RETRY] if worst is PingOutcome.BUSY else []))


def read(gate: Gate, raw_path: bytes, query: bytes, headers: Mapping[str, str], body: bytes) -> CompatCall | PingAnswer:
    """What a request to `/<service>/…` says, or the answer if it says nothing."""
    first, *parts = [unquote(part.decode("latin-1")) for part in raw_path.removeprefix(b"/").split(b"/")]
    if first not in SERVICES:
        return NOT_FOUND
    while parts and not parts[-1]:
        parts.pop()
    service = cast("Service", import_module(f"heartbeat.ingest.compat.{first}"))
    given = options(query) if query else {}
    form = options(body[:FORM_MAX]) if body and is_form(headers) else {}
    request = CompatRequest(parts=tuple(parts), query=form | given, headers=headers, body=body, received=gate.now())
    told = _told(service, request, gate)
    if isinstance(told, Refusal):
        return _answer(service.refused(told.status, told.text))
    return CompatCall(service, request, told)


def _told(service: Service, request: CompatRequest, gate: Gate) -> CompatPings | Refusal:
    """The key first: callers without one cost us no more than that check."""
    sealed = service.read(request)
    if isinstance(sealed, Refusal):
        return sealed
    if sealed.key is not None and not gate.is_key(sealed.key.encode("utf-8", "replace")):
        return Refusal(status=service.WRONG_KEY, text=WRONG_KEY[service.WRONG_KEY])
    return sealed.told()


def _answer(words: Words, *extra: tuple[bytes, bytes]) -> PingAnswer:
    return PingAnswer(words.status, words.text, *extra, content_type=JSON if words.json else TEXT)
