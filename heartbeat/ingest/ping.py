"""Reads a ping, URL and body, into a signal. Pure: it looks nothing up and reads no clock.

`/ping/<ping-key>/<slug>` and `/ping/<uuid>`, then nothing, `/start`, `/fail`, `/log` or `/<0-255>`: the same as
Healthchecks, so its clients work unchanged. An unreadable option never costs the ping: it is left out
(only a bad `rid` is refused, as in Healthchecks, because its run could not be found). A slash too many, in front or at
the end, comes of joining addresses ("https://host/" and "/ping/…") and means nothing else.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final
from urllib.parse import unquote, unquote_plus

from heartbeat.model import BODY_MAX, Job, Kind, Noun, Signal

ID_MAX = 64
NAMED_MAX = 40
METRICS_MAX = 20
OPTIONS_MAX = 200
SKEW_MIN = 15_000
"""Milliseconds between sending and receiving that prove nothing about a clock: our clients wait ten seconds."""
DURATION_MAX = 10 * 366 * 86_400.0
"""Seconds; anything longer is the sender's mistake."""

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_STEP = r"(?:/(?P<step>start|fail|log|[0-9]+))?"
_BY_UUID = re.compile(rf"//?ping/(?P<uuid>{_UUID}){_STEP}/?", re.ASCII)
_BY_SLUG = re.compile(rf"//?ping/(?P<key>[^/]{{1,200}})/(?P<slug>[-_a-zA-Z0-9]{{1,100}}){_STEP}/?", re.ASCII)
_RUN_ID = re.compile(_UUID, re.ASCII | re.IGNORECASE)
_SAFE_ID = re.compile(r"[-_.:~+/=a-zA-Z0-9]+", re.ASCII)
_METRIC = re.compile(r"([-_.a-zA-Z0-9]{1,64}):(\S{1,32})", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{0,9})?", re.ASCII)
_KINDS = {None: Kind.SUCCESS, "start": Kind.START, "fail": Kind.FAIL, "log": Kind.LOG}
_EXIT_STATUS_MAX = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is not a ping."""

    status: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PingTarget:
    """What a path says: whose ping it is (key and slug, or uuid) and what happened."""

    key: str = ""
    slug: str = ""
    uuid: str = ""
    kind: Kind
    exit_status: int | None = None


class Ping(Noun, frozen=True, kw_only=True):
    """A signal and what must be settled before recording it: the job behind `uuid`; whether the job may be created.

    job: the sender's definition of it.
    """

    signal: Signal
    uuid: str = ""
    create: bool = False
    job: Job | None = None


NOT_FOUND: Final = Refusal(status=404, text="not found")
BAD_URL: Final = Refusal(status=400, text="invalid url format")
BAD_UUID: Final = Refusal(status=400, text="invalid uuid format")


def target(raw_path: bytes) -> PingTarget | Refusal:
    """What a path (still %-encoded) says."""
    path = unquote(raw_path.decode("latin-1"))
    found = _BY_UUID.fullmatch(path) or _BY_SLUG.fullmatch(path)
    if found is None:
        return NOT_FOUND
    parts = found.groupdict()
    slug = parts.get("slug", "")
    step = parts["step"]
    status = _exit_status(step)
    if slug != slug.lower() or (status is not None and status > _EXIT_STATUS_MAX):
        return BAD_URL
    kind = _KINDS[step] if status is None else (Kind.FAIL if status else Kind.SUCCESS)
    return PingTarget(key=parts.get("key", ""), slug=slug, uuid=parts.get("uuid", ""), kind=kind, exit_status=status)


def _exit_status(step: str | None) -> int | None:
    if step is None or step.isalpha():
        return None
    digits = step.lstrip("0") or "0"
    return int(digits) if len(digits) <= len(str(_EXIT_STATUS_MAX)) else _EXIT_STATUS_MAX + 1


def read(at: PingTarget, query: bytes, *, ident: bytes = b"", body: bytes = b"", received: int) -> Ping | Refusal:
    """The ping that a target, a query string, the Heartbeat-Id header and (the first bytes of) a body make."""
    given = options(query) if query else {}
    rid = given.get("rid", ("",))[-1]
    if "rid" in given and not _RUN_ID.fullmatch(rid):
        return BAD_UUID
    skew = _skew(given["sent"][-1], received) if "sent" in given else None
    signal = Signal(
        slug=at.slug,
        kind=at.kind,
        at=_at(given, received, skew) if "at" in given else received,
        received=received,
        id=_ident(ident) if ident else "",
        run_id=rid.lower(),
        named=_named(given["for"][-1]) if "for" in given else "",
        exit_status=at.exit_status,
        duration=_duration(given["duration"][-1]) if "duration" in given else None,
        body=body[:BODY_MAX].decode("utf-8", "replace") if body else "",
        metrics=_metrics(given["metric"]) if "metric" in given else (),
        skew=skew,
    )
    return Ping(signal=signal, uuid=at.uuid, create=bool(at.slug) and given.get("create", ("",))[-1] == "1")


def options(query: bytes) -> dict[str, list[str]]:
    """The query's values by name. Not `parse_qs`: that drops `rid=` and takes a third of the whole parsing time."""
    found: dict[str, list[str]] = {}
    for pair in query.decode("latin-1").split("&", OPTIONS_MAX)[:OPTIONS_MAX]:
        name, _, value = pair.partition("=")
        found.setdefault(name, []).append(unquote_plus(value) if "%" in value or "+" in value else value)
    return found


def short(fact: str) -> str:
    """An id for what has none of its own: the same 16 letters for the same fact.

    A job's state keeps the last 32 ids, and every write pays for its size.
    """
    return blake2b(fact.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _ident(raw: bytes) -> str:
    text = raw.decode("latin-1").strip()
    return text if len(text) <= ID_MAX and _SAFE_ID.fullmatch(text) else ""


def _named(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text.strip()[:NAMED_MAX])


def _at(given: dict[str, list[str]], received: int, skew: int | None) -> int:
    """When it happened, by our clock; if that cannot be read, when we heard of it."""
    instant = _instant(given["at"][-1])
    return received if instant is None else min(instant + (skew or 0), received)


def _skew(text: str, received: int) -> int | None:
    """How far the sender's clock is behind, from when it says it sent this. Normal request times count as zero."""
    instant = _instant(text)
    if instant is None:
        return None
    skew = received - instant
    return skew if abs(skew) > SKEW_MIN else 0


def _instant(text: str) -> int | None:
    """Milliseconds of epoch seconds, or of ISO 8601 with its zone; None when it is neither."""
    if _NUMBER.fullmatch(text):
        return round(float(text) * 1000)
    try:
        moment = datetime.fromisoformat(_with_plus(text))
        milliseconds = round(moment.timestamp() * 1000) if moment.tzinfo else -1
    except (ValueError, OverflowError):
        return None
    return milliseconds if milliseconds >= 0 else None


def _with_plus(text: str) -> str:
    """Restore the plus that `09:00:00+09:00` loses in an unencoded query string."""
    day, mark, clock = text.partition("T")
    return day + mark + clock.replace(" ", "+") if mark else text


def _duration(text: str) -> int | None:
    seconds = float(text) if _NUMBER.fullmatch(text) else math.inf
    return round(seconds * 1000) if seconds <= DURATION_MAX else None


def _metrics(texts: list[str]) -> tuple[tuple[str, float], ...]:
    """`name:number`, the last one per name; not-a-number and infinity would pass every bound or none."""
    metrics: dict[str, float] = {}
    for found in filter(None, map(_METRIC.fullmatch, texts[:METRICS_MAX])):
        value = _float(found[2])
        if math.isfinite(value):
            metrics[found[1]] = value
    return tuple(metrics.items())


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
