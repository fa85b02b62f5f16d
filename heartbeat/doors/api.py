"""The API: what programs and pages may ask and do. Requests in, answers out; no HTTP server is known here.

`GET /healthz` is open to everybody; everything below `/api` wants a management key (`Authorization: Bearer hbm_…`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from heartbeat import documents
from heartbeat.doors import keys
from heartbeat.doors.facts import delivery_facts, explained, explanation_facts, job_facts, silence_facts
from heartbeat.doors.health import our_version
from heartbeat.errors import BadSignal, CallerError, NotNow, UnknownJob, WorldError
from heartbeat.manage import acknowledge, names, nearest, pause_job, resume_job, silence, unsilence
from heartbeat.model import MINUTE, SECOND, Silence, Snapshot
from heartbeat.schedule import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.store.protocol import Store

SWEEP_AGE_MAX = 3 * MINUTE
"""A last sweep that is older is an illness."""
BODY_MAX = 64_000
PAGE, PAGE_MAX = 100, 500
Value = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """headers: names in small letters; query: the last value of each name."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and what is told as JSON."""

    status: int
    value: Value


class Api:
    """store: everything that is asked for; now: milliseconds since the epoch."""

    def __init__(self, store: Store, now: Callable[[], int]) -> None:
        self._store, self._now = store, now

    def answer(self, request: Request) -> Answer:
        """The answer to any request. Nothing that the caller, or the world, does wrong raises."""
        try:
            return self._answer(request)
        except UnknownJob as problem:
            return _problem(404, str(problem))
        except NotNow as problem:
            return _problem(409, str(problem))
        except CallerError as problem:
            return _problem(400, str(problem))
        except WorldError as problem:
            return _problem(503, str(problem))

    def _answer(self, request: Request) -> Answer:
        method = "GET" if request.method == "HEAD" else request.method
        if request.path == "/healthz":
            return self._health() if method == "GET" else _problem(405, "ask /healthz with GET")
        found = [(route, match) for route in ROUTES if (match := re.fullmatch(route.path, request.path))]
        if not found:
            return _problem(404, "there is nothing here; see /healthz and /api/jobs")
        route, match = next(((r, m) for r, m in found if r.method == method), (None, None))
        if route is None or match is None:
            methods = ", ".join(route.method for route, _ in found)
            return _problem(405, f"{request.path} takes {methods}, not {request.method}")
        refusal = self._refusal(request, keys.Rights.READ if method == "GET" else keys.Rights.WRITE)
        return refusal or Answer(200, route.act(Turn(self._store, self._now(), request), *match.groups()))

    def _health(self) -> Answer:
        clock = documents.clock(self._store, self._now())
        age = self._now() - clock.alive
        well = bool(clock.version) and age <= SWEEP_AGE_MAX
        seconds = round(age / SECOND, 1) if clock.version else None
        return Answer(200 if well else 503, {"ok": well, "last_sweep_seconds": seconds, "version": our_version()})

    def _refusal(self, request: Request, wanted: keys.Rights) -> Answer | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            return _problem(401, "send a management key: Authorization: Bearer hbm_…; `heartbeat key add` makes one")
        holder = keys.holder(self._store, token.strip())
        if holder is None:
            return _problem(401, "this key is not known; `heartbeat key list` shows whose are")
        if wanted is keys.Rights.WRITE and holder.rights is not keys.Rights.WRITE:
            return _problem(403, f"the key of {holder.name} may only look; ask with one that may act")
        return None


def _problem(status: int, text: str) -> Answer:
    return Answer(status, {"error": text})


@dataclass(frozen=True, slots=True)
class Turn:
    """One request that may be answered."""

    store: Store
    now: int
    request: Request

    def given(self) -> Value:
        """The body as a JSON object; nothing is an empty one. Raises BadSignal."""
        if len(self.request.body) > BODY_MAX:
            raise BadSignal(f"the body has {len(self.request.body)} bytes; send at most {BODY_MAX}")
        try:
            value = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise BadSignal('the body is no JSON object; write for example {"for": "2h", "reason": "maintenance"}')
        return value

    def text(self, given: Value, name: str, default: str | None = None) -> str:
        """A text of the body. Raises BadSignal."""
        value = given.get(name, default)
        if not isinstance(value, str):
            raise BadSignal(f"{name!r} is {'missing' if value is None else 'no text'}; send it as a text")
        return value

    def snapshot(self, slug: str) -> Snapshot:
        """The job of this name. Raises UnknownJob."""
        found = self.store.load([slug]).get(slug)
        if found is None:
            raise UnknownJob(slug, nearest(slug, names(self.store)))
        return found

    def facts(self, snapshot: Snapshot) -> Value:
        """A job as it stands."""
        return job_facts(snapshot, documents.silences(self.store), self.now)


def _jobs(turn: Turn) -> Value:
    limit = turn.request.query.get("limit", str(PAGE))
    if not limit.isdecimal() or not 1 <= int(limit) <= PAGE_MAX:
        raise BadSignal(f"limit is {limit!r}; give a number from 1 to {PAGE_MAX}")
    page = turn.store.page(turn.request.query.get("after", ""), int(limit))
    silences = documents.silences(turn.store)
    after = page[-1].job.slug if len(page) == int(limit) else None
    return {"jobs": [job_facts(snapshot, silences, turn.now) for snapshot in page], "after": after}


def _job(turn: Turn, slug: str) -> Value:
    return explanation_facts(explained(turn.store, turn.snapshot(slug), turn.now), turn.now)


def _pause(turn: Turn, slug: str) -> Value:
    given = turn.given()
    until = turn.now + parse_duration(turn.text(given, "for")) if "for" in given else None
    reason = turn.text(given, "reason", "")
    return turn.facts(pause_job(turn.store, turn.snapshot(slug).job.slug, turn.now, until=until, reason=reason))


def _resume(turn: Turn, slug: str) -> Value:
    return turn.facts(resume_job(turn.store, slug, turn.now))


def _ack(turn: Turn, slug: str) -> Value:
    return turn.facts(acknowledge(turn.store, slug, turn.now, by=turn.text(turn.given(), "by")))


def _silences(turn: Turn) -> Value:
    return {"silences": [silence_facts(each, turn.now) for each in documents.silences(turn.store)]}


def _silence(turn: Turn) -> Value:
    given = turn.given()
    new = Silence(
        id=uuid4().hex[:8],
        selector=turn.text(given, "selector"),
        start=turn.now,
        end=turn.now + parse_duration(turn.text(given, "for")),
        reason=turn.text(given, "reason", ""),
        author=turn.text(given, "by", ""),
    )
    return silence_facts(silence(turn.store, new), turn.now)


def _unsilence(turn: Turn, name: str) -> Value:
    return silence_facts(unsilence(turn.store, name, turn.now), turn.now)


def _dead(turn: Turn) -> Value:
    found = documents.dead(turn.store)
    return {"count": found.count, "latest": [delivery_facts(each) for each in found.latest]}


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path (what its groups hold is handed to `act`)."""

    method: str
    path: str
    act: Callable[..., Value]


_SLUG = "([-_a-z0-9]{1,100})"
ROUTES = (
    Route("GET", "/api/jobs", _jobs),
    Route("GET", f"/api/jobs/{_SLUG}", _job),
    Route("POST", f"/api/jobs/{_SLUG}/pause", _pause),
    Route("POST", f"/api/jobs/{_SLUG}/resume", _resume),
    Route("POST", f"/api/jobs/{_SLUG}/ack", _ack),
    Route("GET", "/api/silences", _silences),
    Route("POST", "/api/silences", _silence),
    Route("DELETE", "/api/silences/([^/]{1,100})", _unsilence),
    Route("GET", "/api/deliveries/dead", _dead),
)
