"""What the API offers: each route, and what it does for a caller who is allowed to."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

from msgspec import Struct

from heartbeat.doors.api.json_shapes import (
    delivery_facts,
    explained,
    explanation_facts,
    job_facts,
    run_facts,
    runs_of,
    silence_facts,
)
from heartbeat.doors.api.until import end_of
from heartbeat.errors import BadSignal, CallerError, NotNow
from heartbeat.model import Silence
from heartbeat.text.sanitize import sound
from heartbeat.verbs import service_state
from heartbeat.verbs.jobs import snapshot_of
from heartbeat.verbs.operate import acknowledge, pause_job, resume_job, silence, unsilence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.model import Snapshot
    from heartbeat.store.protocol import Store

BODY_MAX = 64_000
TEXT_MAX = 500
"""Maximum characters of one text."""
PAGE, PAGE_MAX = 100, 500
SILENCES_MAX = 200
"""They share one record in the store, which has room for about this many."""
SLUG = "[-_a-z0-9]{1,100}"
RUN = ".{1,400}"
"""A run's id, %-encoded or plain."""
Value = dict[str, Any]


class NotThere(CallerError):
    """What a path names does not exist."""


class ApiCall(Struct, frozen=True):
    """One authorized request. holder: whose key it came with."""

    store: Store
    now: int
    holder: str
    query: Mapping[str, str]
    body: bytes

    def given(self, *known: str) -> Value:
        """The body as a JSON object of texts with these names; an empty body is {}. Raises BadSignal."""
        if len(self.body) > BODY_MAX:
            raise BadSignal(f"the body has {len(self.body)} bytes; send at most {BODY_MAX}")
        try:
            value = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise BadSignal('the body is no JSON object; write for example {"for": "2h", "reason": "maintenance"}')
        for name in value:
            if name not in known:
                raise BadSignal(f"there is no {name[:100]!a} here, only {', '.join(known) or 'an empty body'}")
        return {name: _text(name, each) for name, each in value.items()}

    def paging(self, shape: str) -> tuple[str, int]:
        """What the page starts after ("" for the first one), and how much it may hold. Raises BadSignal."""
        after, limit = self.query.get("after", ""), self.query.get("limit", str(PAGE))
        if not re.fullmatch("[0-9]{1,3}", limit) or not 1 <= int(limit) <= PAGE_MAX:
            raise BadSignal(f"limit is {limit[:20]!r}; give a number from 1 to {PAGE_MAX}")
        if after and not re.fullmatch(shape, after):
            raise BadSignal(f"after is {after[:100]!r}; give the `after` of the page before")
        return after, int(limit)

    def facts(self, snapshot: Snapshot) -> Value:
        """A job as it stands."""
        return job_facts(snapshot, service_state.silences(self.store), self.now)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadSignal(f"{name!r} is no text; write it in quotes")
    if len(value) > TEXT_MAX:
        raise BadSignal(f"{name!r} has {len(value)} characters; send at most {TEXT_MAX}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadSignal(f"{name!r} holds half of a character (\\ud800 to \\udfff); send whole ones") from None
    return sound(value)


def _jobs(turn: ApiCall) -> Value:
    after, limit = turn.paging(SLUG)
    page = turn.store.page(after, limit)
    silences = service_state.silences(turn.store)
    last = page[-1].job.slug if len(page) == limit else None
    return {"jobs": [job_facts(snapshot, silences, turn.now) for snapshot in page], "after": last}


def _job(turn: ApiCall, slug: str) -> Value:
    return explanation_facts(explained(turn.store, snapshot_of(turn.store, slug), turn.now), turn.now)


def _runs(turn: ApiCall, slug: str) -> Value:
    after, limit = turn.paging("[0-9]{1,15}:(?s:.{0,400})")
    made = runs_of(turn.store, snapshot_of(turn.store, slug))
    at, _, run_id = after.partition(":")
    rest = [record for record in made if not after or (record.at, record.id) < (int(at), run_id)]
    page = rest[:limit]
    last = f"{page[-1].at}:{page[-1].id}" if len(rest) > limit else None
    return {"runs": [run_facts(record) for record in page], "after": last}


def _one_run(turn: ApiCall, slug: str, quoted: str) -> Value:
    run_id = unquote(quoted)
    found = next((record for record in runs_of(turn.store, snapshot_of(turn.store, slug)) if record.id == run_id), None)
    if found is None:
        raise NotThere(f"{slug} has no run {run_id[:100]!a}; GET /api/jobs/{slug}/runs lists them")
    return run_facts(found)


def _pause(turn: ApiCall, slug: str) -> Value:
    given = turn.given("for", "until", "reason")
    until = end_of(given.get("for"), given.get("until"), turn.now, snapshot_of(turn.store, slug).job.timezone)
    return turn.facts(pause_job(turn.store, slug, turn.now, until=until, reason=given.get("reason", "")))


def _resume(turn: ApiCall, slug: str) -> Value:
    turn.given()
    return turn.facts(resume_job(turn.store, slug, turn.now))


def _ack(turn: ApiCall, slug: str) -> Value:
    by = turn.given("by").get("by") or turn.holder
    return turn.facts(acknowledge(turn.store, slug, turn.now, by=by))


def _silences(turn: ApiCall) -> Value:
    return {"silences": [silence_facts(each, turn.now) for each in service_state.silences(turn.store)]}


def _silence(turn: ApiCall) -> Value:
    given = turn.given("selector", "for", "until", "reason", "by")
    if not given.get("selector"):
        raise BadSignal("'selector' is missing: a job's name, with * and ?, or tag:NAME")
    until = end_of(given.get("for"), given.get("until"), turn.now, None)
    if until is None:
        raise BadSignal("'for' is missing: a silence always ends; send for, such as 2h, or until, with its offset")
    if sum(each.end > turn.now for each in service_state.silences(turn.store)) >= SILENCES_MAX:
        raise NotNow(f"there are {SILENCES_MAX} silences already; end one first")
    new = Silence(
        id=uuid4().hex[:8],
        selector=given["selector"],
        start=turn.now,
        end=until,
        reason=given.get("reason", ""),
        author=given.get("by") or turn.holder,
    )
    return silence_facts(silence(turn.store, new), turn.now)


def _unsilence(turn: ApiCall, name: str) -> Value:
    if all(each.id != name for each in service_state.silences(turn.store)):
        raise NotThere("there is no silence of this id; GET /api/silences lists them")
    return silence_facts(unsilence(turn.store, name, turn.now), turn.now) | {"active": False}


def _dead(turn: ApiCall) -> Value:
    found = service_state.dead(turn.store)
    return {"count": found.count, "latest": [delivery_facts(each) for each in found.latest]}


class Route(Struct, frozen=True):
    """A method and a path (whose groups are passed to `act`)."""

    method: str
    path: str
    act: Callable[..., Value]


ROUTES = (
    Route("GET", "/api/jobs", _jobs),
    Route("GET", f"/api/jobs/({SLUG})", _job),
    Route("GET", f"/api/jobs/({SLUG})/runs", _runs),
    Route("GET", f"/api/jobs/({SLUG})/runs/({RUN})", _one_run),
    Route("POST", f"/api/jobs/({SLUG})/pause", _pause),
    Route("POST", f"/api/jobs/({SLUG})/resume", _resume),
    Route("POST", f"/api/jobs/({SLUG})/ack", _ack),
    Route("GET", "/api/silences", _silences),
    Route("POST", "/api/silences", _silence),
    Route("DELETE", "/api/silences/([0-9a-f]{1,100})", _unsilence),
    Route("GET", "/api/deliveries/dead", _dead),
)
