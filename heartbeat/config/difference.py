"""The difference between a file and the stored jobs: pure, and worded for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from heartbeat.config.findings import printable
from heartbeat.model import Bound, Evidence, Job, Source, Trigger
from heartbeat.redact import masked
from heartbeat.schedule import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.config.declared import Config

DURATIONS = frozenset({"grace", "early", "max_runtime", "min_runtime", "remind_every"})
_GREEN, _YELLOW, _RED, _PLAIN = "\033[32m", "\033[33m", "\033[31m", "\033[0m"


class Difference(Struct, frozen=True, kw_only=True):
    """One field, before and after, in words."""

    field: str
    old: str
    new: str


class Changed(Struct, frozen=True, kw_only=True):
    """A stored job that differs. adopted_from: the owner we take it over from, "" when it was ours."""

    old: Job
    new: Job
    differences: tuple[Difference, ...]
    adopted_from: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """What `apply` would do. removed: only what this file once declared."""

    added: tuple[Job, ...]
    changed: tuple[Changed, ...]
    removed: tuple[Job, ...]
    unchanged: tuple[Job, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.added or self.changed or self.removed)


def plan(config: Config, current: Mapping[str, Job]) -> Plan:
    """What must change in the stored jobs (by slug) to match the file."""
    wanted = {job.slug: job for job in config.jobs}
    both = [(current[slug], job) for slug, job in wanted.items() if slug in current]
    changed = {new.slug: _changed(old, new) for old, new in both if old != new}
    gone = [slug for slug, job in current.items() if slug not in wanted and job.source in config.owners]
    return Plan(
        added=tuple(job for slug, job in wanted.items() if slug not in current),
        changed=tuple(changed.values()),
        removed=tuple(current[slug] for slug in sorted(gone)),
        unchanged=tuple(new for _, new in both if new.slug not in changed),
    )


def _changed(old: Job, new: Job) -> Changed:
    names = [name for name in Job.__struct_fields__ if name != "source"]
    pairs = [(name, getattr(old, name), getattr(new, name)) for name in names]
    return Changed(
        old=old,
        new=new,
        differences=tuple(
            Difference(field=name, old=in_words(name, before), new=in_words(name, after))
            for name, before, after in pairs
            if before != after
        ),
        adopted_from="" if old.source == new.source else old.source or "nobody",
    )


def in_words(field: str, value: object) -> str:
    """A field's value as a person would write it; `unset` when there is nothing."""
    if value in (None, "", ()):  # not a set: a trigger holds maps, which have no hash
        return "unset"
    if field in DURATIONS and isinstance(value, int):
        return format_duration(value)
    if isinstance(value, tuple):
        return ", ".join(in_words(field, each) for each in value)
    return printable(_WORDS.get(type(value), str)(value))


def _evidence(value: object) -> str:
    parts = [(name, getattr(value, name)) for name in Evidence.__struct_fields__]
    return ", ".join(f"{name} {part}" for name, part in parts if part)


def _bound(value: object) -> str:
    ends = (("min", getattr(value, "low", None)), ("max", getattr(value, "high", None)))
    return " ".join([str(getattr(value, "metric", "")), *(f"{name} {end:g}" for name, end in ends if end is not None)])


def _source(value: object) -> str:
    pairs = getattr(value, "keys", ())
    log = getattr(value, "log", None)
    told = [f"{name} {each}" for name, each in pairs] + ([f"log {log.group} {log.prefix}"] if log else [])
    return " ".join([str(getattr(value, "kind", "")), *told])


def _trigger(value: object) -> str:
    settings = getattr(value, "settings", {})
    return " ".join(
        [str(getattr(value, "kind", "")), *(f"{name} {masked(name, each)}" for name, each in settings.items())]
    )


_WORDS: dict[type, Callable[[object], str]] = {
    Evidence: _evidence,
    Bound: _bound,
    Source: _source,
    Trigger: _trigger,
    bool: lambda value: "true" if value else "false",
}


def summary(job: Job) -> str:
    """A job in one line."""
    told = f"tells {', '.join(job.notify)}" if job.notify else "tells nobody"
    off = "" if job.enabled else "; not enabled"
    return f"{in_words('schedule', job.schedule)} ({job.timezone}), grace {format_duration(job.grace)}, {told}{off}"


def render(plan: Plan, *, color: bool) -> str:
    """The plan as a diff, one job a line (`+` new, `~` changed, `-` removed), and the count below.

    Where several files declare the jobs, each says which.
    """
    several = len({job.source for job in (*plan.added, *plan.removed, *plan.unchanged, *_new(plan))}) > 1
    lines = [_line("+", _GREEN, f"{_named(job, several)}: {summary(job)}", color=color) for job in plan.added]
    for changed in plan.changed:
        taken = f" (adopted from {printable(changed.adopted_from)})" if changed.adopted_from else ""
        lines.append(_line("~", _YELLOW, _named(changed.new, several) + taken, color=color))
        lines += [f"    {each.field}: {each.old} → {each.new}" for each in changed.differences]
    lines += [_line("-", _RED, _named(job, several), color=color) for job in plan.removed]
    return "\n".join([*lines, count(plan)]) + "\n"


def _new(plan: Plan) -> tuple[Job, ...]:
    return tuple(changed.new for changed in plan.changed)


def _named(job: Job, several: bool) -> str:
    return printable(f"{job.slug} [{job.source}]" if several else job.slug)


def _line(mark: str, paint: str, text: str, *, color: bool) -> str:
    return f"{paint}{mark} {text}{_PLAIN}" if color else f"{mark} {text}"


def count(plan: Plan) -> str:
    """How much is to be done, in words."""
    parts = ((plan.added, "to add"), (plan.changed, "to change"), (plan.removed, "to remove"))
    told = [f"{len(jobs)} {words}" for jobs, words in parts if jobs]
    return ", ".join([*(told or ["nothing to do"]), f"{len(plan.unchanged)} unchanged"])
