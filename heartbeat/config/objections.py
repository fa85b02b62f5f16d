"""What a file may not do before a person has agreed to it: pure, and worded for that person.

A file that is emptied or cut off by mistake would remove jobs, and nobody would miss their runs any more. Two files
without a `name` take each other for themselves, and two that name the same job take it from each other again and again.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from heartbeat.config.declared import BUILD, CONFIRM_LENGTH
from heartbeat.config.findings import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from heartbeat.config.declared import Config, ConfigFile
    from heartbeat.config.difference import Plan
    from heartbeat.model import Job

FOREIGN_NAMES = frozenset({"ping", "api", "sentry", "doctor"})
"""Owners other than files: what they made, a file may take over."""
NOBODY = "nobody"
"""The owner of jobs that have none."""
FEW = 5
"""Jobs that a file may remove without further ado, as long as it has others."""
NAMES_SHOWN = 5
REMOVALS, ADOPT = "--allow-removals", "--adopt"


class Objection(Struct, frozen=True, kw_only=True):
    """What the file would do, to which jobs, and the option of `apply` that agrees to it."""

    text: str
    jobs: str
    option: str


def objections(config: Config, plan: Plan, places: Mapping[str, str]) -> tuple[Objection, ...]:
    """What somebody has to agree to. places: for each owner whose file has no `name`, where that file lay."""
    if config.confirmed:
        return ()
    return (*_removals(config, plan), *_second_source(config, plan, places), *_taken(config, plan))


def refusal(config: Config, found: Sequence[Objection], given: str, *, brief: bool = False) -> str:
    """The objections as sentences, with the remedies. given: how the file was named; brief: without names of jobs."""
    lines = [_sentence(each, given, brief=brief) for each in found]
    confirm = f'or write `confirm: "{config.digest[:CONFIRM_LENGTH]}"` into it, which holds for this content alone'
    return "\n".join([*lines[:-1], f"{lines[-1]}, {confirm}"])


def _sentence(found: Objection, given: str, *, brief: bool) -> str:
    jobs = "" if brief else f" ({found.jobs})"
    remedy = f"if that is meant: `heartbeat apply {given} {found.option}`"
    return f"{given} is not applied: it would {found.text}{jobs}; {remedy}"


def _removals(config: Config, plan: Plan) -> Iterator[Objection]:
    going, wanted = Counter(job.source for job in plan.removed), Counter(job.source for job in config.jobs)
    kept = Counter(job.source for job in plan.unchanged)
    kept.update(changed.old.source for changed in plan.changed)
    for owner, count in sorted(going.items()):
        there = count + kept[owner]
        if not wanted[owner] or (count > FEW and 2 * count > there):
            names = _names(job.slug for job in plan.removed if job.source == owner)
            all_ = "the only job" if there == 1 else f"all {there} jobs"
            what = all_ if count == there else f"{count} of the {there} jobs"
            yield Objection(text=f"remove {what} of {printable(owner)}", jobs=names, option=REMOVALS)


def _second_source(config: Config, plan: Plan, places: Mapping[str, str]) -> Iterator[Objection]:
    for origin in config.origins:
        before = places.get(origin.owner, "")
        if origin.named or not before or not origin.path or origin.path in {before, BUILD}:
            continue
        touched = [*_touched(origin, plan)]
        if touched:
            text = (
                f"change or remove {_jobs(touched)} of a file of the same name in another folder; two files without "
                f"a `name` are one to us: give this one a `name:`, unless it is the same one, moved"
            )
            jobs = f"{printable(before)}: {_names(touched)}"
            yield Objection(text=text, jobs=jobs, option=ADOPT)


def _touched(origin: ConfigFile, plan: Plan) -> Iterator[str]:
    jobs: list[Job] = [changed.old for changed in plan.changed] + list(plan.removed)
    return (job.slug for job in jobs if job.source == origin.owner)


def _taken(config: Config, plan: Plan) -> Iterator[Objection]:
    taken: dict[str, list[str]] = {}
    for changed in plan.changed:
        owner = changed.adopted_from
        if owner and owner not in FOREIGN_NAMES | {NOBODY} | config.owners:
            taken.setdefault(owner, []).append(changed.new.slug)
    for owner, slugs in sorted(taken.items()):
        yield Objection(text=f"take over {_jobs(slugs)} of {printable(owner)}", jobs=_names(slugs), option=ADOPT)


def _names(slugs: Iterable[str]) -> str:
    names = [printable(slug) for slug in slugs]
    return ", ".join(names[:NAMES_SHOWN]) + (", …" if names[NAMES_SHOWN:] else "")


def _jobs(slugs: Sequence[str]) -> str:
    return "1 job" if len(slugs) == 1 else f"{len(slugs)} jobs"
