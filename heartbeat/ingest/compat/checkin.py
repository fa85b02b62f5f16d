"""One of Sentry's check-ins as a ping, and its monitor_config as a job. Source: develop.sentry.dev, "Check-Ins"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec.structs import replace

from heartbeat.errors import BadSchedule
from heartbeat.ingest.compat.request import milliseconds, number, slug_of, word
from heartbeat.ingest.ping import Ping, short
from heartbeat.model import MINUTE, Job, Kind
from heartbeat.schedule import parse
from heartbeat.schedule.zones import is_zone

if TYPE_CHECKING:
    from heartbeat.ingest.compat.request import CompatRequest

KINDS = {"in_progress": Kind.START, "ok": Kind.SUCCESS, "error": Kind.FAIL}
UNITS = {"minute": "1m", "hour": "1h", "day": "1d", "week": "7d", "month": "30d", "year": "365d"}
"""Sentry's intervals, from one check-in to the next."""
MINUTES_MAX, THRESHOLD_MAX, COUNT_MAX = 40_320, 720, 1_000_000
MARGIN, RUNTIME = 1, 30
"""Sentry's defaults, in minutes."""
OWNER_MAX, CRONTAB_MAX = 100, 200
"""Characters."""
SOURCE = "sentry"


class BadCheckIn(Exception):
    """A check-in that says nothing usable. status: HTTP's."""

    status = 400


def ping_of(request: CompatRequest, value: dict[str, Any], may_create: bool, remarks: list[str]) -> Ping:
    """What a check-in says. remarks: collects what is wrong with its monitor_config. Raises BadCheckIn."""
    slug = slug_of(word(value.get("monitor_slug") or ""), word(value.get("environment") or ""))
    status = word(value.get("status"))
    if not slug:
        raise BadCheckIn("a check-in has no monitor_slug")
    if status not in KINDS:
        raise BadCheckIn(f"status {status[:40]!r} is none of {', '.join(KINDS)}")
    run_id = _run_id(value.get("check_in_id"))
    job = _job(slug, value.get("monitor_config"), remarks) if may_create else None
    signal = replace(
        request.signal(slug, KINDS[status], ""),
        id=short(f"sentry:{run_id}:{status}") if run_id else "",
        run_id=run_id,
        duration=milliseconds(value["duration"]) if value.get("duration") is not None else None,
    )
    return Ping(signal=signal, create=job is not None, job=job)


def _run_id(given: object) -> str:
    """32 hex digits, with or without dashes. Sentry: all zeros means the newest run, and so does none."""
    try:
        found = UUID(word(given))
    except ValueError:
        return ""
    return str(found) if found.int else ""


def _job(slug: str, config: object, remarks: list[str]) -> Job | None:
    if not isinstance(config, dict):
        remarks.append("the check-in has no monitor_config to make a job of")
        return None
    try:
        schedule, zone = _schedule(config.get("schedule")), _zone(config.get("timezone") or "UTC")
        parse(schedule, zone)
    except (BadCheckIn, BadSchedule) as problem:
        remarks.append(f"monitor_config: {problem}")
        return None
    margin = _count(config.get("checkin_margin"), MARGIN, MINUTES_MAX)
    return Job(
        slug=slug,
        schedule=(schedule,),
        timezone=zone,
        grace=margin * MINUTE,
        max_runtime=_count(config.get("max_runtime"), RUNTIME, MINUTES_MAX) * MINUTE,
        alert_after=_count(config.get("failure_issue_threshold"), 1, THRESHOLD_MAX),
        owner=word(config.get("owner") or "")[:OWNER_MAX],
        source=SOURCE,
    )


def _zone(given: object) -> str:
    """Without the nearest names, which are expensive to find: what a sender can repeat endlessly must be cheap."""
    name = word(given)
    if not is_zone(name):
        raise BadCheckIn(f"timezone {name[:40]!r} is no time zone; use an IANA name such as Asia/Tokyo or UTC")
    return name


def _schedule(given: object) -> str:
    if not isinstance(given, dict):
        raise BadCheckIn("schedule is no object")
    kind, value = given.get("type"), given.get("value")
    if kind == "crontab":
        return _crontab(word(value))
    unit = UNITS.get(word(given.get("unit")))
    count = number(value)
    if kind != "interval" or unit is None or count is None or not 1 <= count <= COUNT_MAX:
        told = {name: word(given.get(name))[:40] for name in ("type", "value", "unit") if name in given}
        raise BadCheckIn(f"schedule {told!r} is neither a crontab nor an interval")
    return f"every {int(count) * int(unit[:-1])}{unit[-1]}"


def _crontab(text: str) -> str:
    if len(text) > CRONTAB_MAX or "\n" in text.strip():
        raise BadCheckIn(f"schedule {text[:40]!r} is no crontab: write one line of five fields")
    return text


def _count(given: object, default: int, most: int) -> int:
    value = number(given)
    return default if given is None or value is None else min(max(int(value), 1), most)
