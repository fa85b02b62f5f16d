"""Doubts: what is valid but seldom meant. Each is reported with its place and stops nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from heartbeat.config.findings import quoted
from heartbeat.config.sources import STARTING
from heartbeat.model import DAY
from heartbeat.schedule import Schedule, format_duration
from heartbeat.schedule.doubts import doubts

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.config.jobs import DeclaredJob

SLOTS_LOOKED_AT = 32
"""Enough to find the shortest gap of a schedule that repeats monthly."""
_LOOK_FROM = 1_767_225_600_000  # 2026-01-01T00:00Z. Any instant would do; a fixed one gives the same doubts every day


class Doubt(Struct, frozen=True, kw_only=True):
    """key: where it is reported (at the job if it does not set that key); find: the sentence, or "" for no doubt.

    always: asked of a job without a value for the key, too.
    """

    key: str
    doc: str
    find: Callable[[DeclaredJob], str]
    always: bool = False


def tell_doubts(entry: DeclaredJob, now: int | None) -> None:
    """Keep every doubt about one job. now: None if nobody knows it."""
    if now is not None and (sentence := _gone_by(entry, now)):
        entry.at("schedule").doubt(sentence)
    for doubt in DOUBTS:
        if (doubt.always or doubt.key in entry.values) and (sentence := doubt.find(entry)):
            entry.at(doubt.key).doubt(sentence)


@lru_cache(maxsize=16_384)
def gap_ms(schedule: Schedule) -> int | None:
    """The shortest time between two slots, None when there is only one."""
    if schedule.interval_ms is not None:
        return schedule.interval_ms
    gaps, slot = [], schedule.next_ms(_LOOK_FROM)
    for _ in range(SLOTS_LOOKED_AT):
        following = None if slot is None else schedule.next_ms(slot)
        if slot is None or following is None:
            break
        gaps.append(following - slot)
        slot = following
    return min(gaps, default=None)


def _gap(entry: DeclaredJob) -> int | None:
    return gap_ms(entry.schedule) if entry.schedule else None


def _gone_by(entry: DeclaredJob, now: int) -> str:
    schedule = entry.schedule
    if schedule is None or schedule.interval_ms is not None:
        return ""
    over = [text for text, rule in zip(schedule.texts, schedule.rules, strict=True) if rule.next_ms(now) is None]
    told = "lies in the past and never comes again; name a time in the future, or take it out of the file"
    return f"{quoted(over[0])} {told}" if over else ""


def _unmeant(entry: DeclaredJob) -> str:
    if entry.schedule is None:
        return ""
    found = ((text, doubt) for text in entry.schedule.texts for doubt in doubts(text, entry.schedule.dialect))
    return "; ".join(f"{quoted(text)}: {doubt}" for text, doubt in found)


def _long_grace(entry: DeclaredJob) -> str:
    gap, grace = _gap(entry), entry.values["grace"]
    if gap is None or grace <= gap:
        return ""
    told = f"{format_duration(grace)} is longer than the {format_duration(gap)} between two runs"
    return f"{told}: a miss is reported only after a later run was due"


def _capped_early(entry: DeclaredJob) -> str:
    gap, early = _gap(entry), entry.values["early"]
    if gap is None or "early" not in entry.own or early <= gap // 2:
        return ""
    return (
        f"{format_duration(early)} is more than half the gap between two runs; {format_duration(gap // 2)} will count"
    )


def _no_limit(entry: DeclaredJob) -> str:
    starts = ["min_runtime"] if entry.values.get("min_runtime") else []
    starts += ["trigger"] if "trigger" in entry.own else []
    starts += ["sources"] if any(source.kind in STARTING for source in entry.values.get("sources", ())) else []
    if not starts or entry.values.get("max_runtime"):
        return ""
    return f"with {starts[0]} the job has starts, but no max_runtime: a run that hangs is noticed only at the next run"


def _long_run(entry: DeclaredJob) -> str:
    gap, limit = _gap(entry), entry.values["max_runtime"]
    if gap is None or not limit or limit <= gap:
        return ""
    return f"{format_duration(limit)} is longer than the {format_duration(gap)} between two runs: runs may overlap"


def _nobody(entry: DeclaredJob) -> str:
    told = entry.values.get("notify") or ("notify" in entry.spots and "notify" not in entry.values)
    return "" if told or not entry.values.get("enabled", True) else "nobody is told: name a channel"


def _undated(entry: DeclaredJob) -> str:
    evidence = entry.values["evidence"]
    if evidence is None or "{date:" in evidence.key:
        return ""
    return "the key has no date: the next run's evidence replaces this run's; write {date:%Y-%m-%d} in it"


def _day_only(entry: DeclaredJob) -> str:
    gap, evidence = _gap(entry), entry.values["evidence"]
    if gap is None or evidence is None or "{date:" not in evidence.key or "%H" in evidence.key:
        return ""
    if gap >= DAY - 2 * 3_600_000:  # a day may lose an hour or two when the clock changes
        return ""
    return "there is more than one run a day, but the key names only the day; write {date:%Y-%m-%dT%H%M} in it"


def _anybodys(entry: DeclaredJob) -> str:
    kinds = [s.kind for s in entry.values["sources"] if all(not value.strip("*") for _, value in s.keys)]
    return f"every event of {kinds[0]} fits: name what is this job's own" if kinds else ""


def _needs_trigger(key: str) -> Callable[[DeclaredJob], str]:
    told = f"without a trigger {key} does nothing: Heartbeat does not start this job"
    return lambda entry: told if key in entry.own and "trigger" not in entry.own else ""


UNUSED_CHANNEL = "no job names this channel"
FILE_DOUBTS = (
    "A channel is never used.",
    "A time of a schedule lies in the past: `at(…)`, a year, an UNTIL.",
    "A secret is written in plain text: a Slack webhook's URL, a token, a signing secret.",
    "Schedules go by the clock, but no `timezone` is set: they are read in UTC.",
)
"""The doubts about more than one job; reported by `reader` and `channels`."""
DOUBTS = (
    Doubt(
        key="schedule",
        find=_unmeant,
        doc="A schedule says what is seldom meant: `*/90` (0 alone), day of month *and* weekday in Unix cron "
        "(either will do), a step that EventBridge refuses.",
    ),
    Doubt(key="grace", find=_long_grace, doc="`grace` is longer than the gap between two runs."),
    Doubt(key="early", find=_capped_early, doc="`early` is more than half that gap, and is cut to half."),
    Doubt(
        key="max_runtime",
        find=_no_limit,
        always=True,
        doc="The job has starts (`min_runtime`, `trigger` or `sources` says so), but no `max_runtime`.",
    ),
    Doubt(key="max_runtime", find=_long_run, doc="`max_runtime` is longer than the gap between two runs."),
    Doubt(key="notify", find=_nobody, always=True, doc="An enabled job alerts nobody."),
    Doubt(key="evidence", find=_undated, doc="The evidence key has no date."),
    Doubt(key="evidence", find=_day_only, doc="The evidence key names only the day, but there are several runs a day."),
    Doubt(key="overlap", find=_needs_trigger("overlap"), doc="`overlap` or `at_least_once` is set, but no `trigger`."),
    Doubt(key="at_least_once", find=_needs_trigger("at_least_once"), doc=""),
    Doubt(key="sources", find=_anybodys, doc="A source matches every event of its kind."),
)
