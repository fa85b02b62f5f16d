"""The API: what programs and pages may ask and do. Requests in, answers out; it knows no HTTP server.

`GET /healthz` is open to everybody; everything below `/api` needs a management key (`Authorization: Bearer hbm_…`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from heartbeat.doors.api.json_shapes import SLOW_SWEEP_AGE_MAX, health_facts
from heartbeat.doors.api.routes import ROUTES, ApiCall, NotThere
from heartbeat.errors import CallerError, NotNow, StoreCorrupt, StoreUnavailable, UnknownJob, WorldError
from heartbeat.telemetry import our_version
from heartbeat.verbs import api_keys, service_state
from heartbeat.verbs.illness import illnesses

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.store.protocol import Store

AWAY = "the store does not answer; ask again in a moment, the log says why"
Value = dict[str, Any]


class ApiRequest(Struct, frozen=True, kw_only=True):
    """headers: by lower-case name; query: the last value of each name."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class ApiAnswer(Struct, frozen=True):
    """An HTTP status, the value to send as JSON, and extra headers.

    cause: only for the log, such as AWS's words, which name accounts and roles; "" for none.
    """

    status: int
    value: Value
    headers: Mapping[str, str] = field(default_factory=dict)
    cause: str = ""


class Api:
    """store: holds everything asked for; now: milliseconds since the epoch."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store, self._now = store, now

    def answer(self, request: ApiRequest) -> ApiAnswer:
        """The answer to any request. No mistake by the caller or the world makes it raise."""
        method = "GET" if request.method == "HEAD" else request.method
        try:
            return self._health(method) if request.path == "/healthz" else self._routed(request, method)
        except (UnknownJob, NotThere) as problem:
            return _problem(404, str(problem))
        except NotNow as problem:
            return _problem(409, str(problem))
        except CallerError as problem:
            return _problem(400, str(problem))
        except (StoreUnavailable, StoreCorrupt) as problem:
            return ApiAnswer(503, {"error": AWAY}, cause=str(problem))
        except WorldError as problem:
            return _problem(503, str(problem))

    def _routed(self, request: ApiRequest, method: str) -> ApiAnswer:
        found = [(route, match) for route in ROUTES if (match := re.fullmatch(route.path, request.path))]
        if not found:
            return _problem(404, "there is nothing here; see /healthz and /api/jobs")
        route, match = next(((r, m) for r, m in found if r.method == method), (None, None))
        if route is None or match is None:
            return _other_method(request, [route.method for route, _ in found])
        holder = self._holder(request, api_keys.Rights.READ if method == "GET" else api_keys.Rights.WRITE)
        if isinstance(holder, ApiAnswer):
            return holder
        turn = ApiCall(self._store, self._now(), holder.name, request.query, request.body)
        return ApiAnswer(200, route.act(turn, *match.groups()))

    def _health(self, method: str) -> ApiAnswer:
        if method != "GET":
            return ApiAnswer(405, {"error": "ask /healthz with GET"}, {"allow": "GET, HEAD"})
        try:
            clock = service_state.clock(self._store, self._now())
            ill = {each.name: each.text for each in illnesses(self._store)}
            undelivered = service_state.dead_count(self._store)
        except WorldError as problem:
            away = {"ok": False, "last_sweep_seconds": None, "version": our_version(), "error": AWAY}
            return ApiAnswer(503, away, cause=str(problem))
        age = self._now() - clock.alive if clock.version else None
        facts = health_facts(age, SLOW_SWEEP_AGE_MAX, ill, undelivered)
        return ApiAnswer(200 if facts["ok"] else 503, facts)

    def _holder(self, request: ApiRequest, wanted: api_keys.Rights) -> api_keys.Holder | ApiAnswer:
        """Who asks, or why they may not."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            return _who("send a management key: Authorization: Bearer hbm_…; `heartbeat key add` makes one")
        holder = api_keys.holder(self._store, token.strip())
        if holder is None:
            return _who("this key is not known; `heartbeat key list` shows whose are")
        if wanted is api_keys.Rights.WRITE and holder.rights is not api_keys.Rights.WRITE:
            return _problem(403, f"the key of {holder.name} may only look; ask with one that may act")
        return holder


def _problem(status: int, text: str) -> ApiAnswer:
    return ApiAnswer(status, {"error": text})


def _who(text: str) -> ApiAnswer:
    return ApiAnswer(401, {"error": text}, {"www-authenticate": "Bearer"})


def _other_method(request: ApiRequest, methods: list[str]) -> ApiAnswer:
    told = f"{request.path} takes {', '.join(methods)}, not {request.method}"
    return ApiAnswer(405, {"error": told}, {"allow": ", ".join([*methods, "HEAD"] if "GET" in methods else methods)})
