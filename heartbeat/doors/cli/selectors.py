"""Which jobs a person means: a name, a name with * and ?, tag:NAME, or all."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from heartbeat.errors import UnknownJob
from heartbeat.verbs.jobs import everything, nearest, snapshot_of

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Collection, Sequence

    from heartbeat.model import Job, Snapshot
    from heartbeat.store.protocol import Store

TAG = "tag:"
ALL = "all"


def add_jobs(parser: ArgumentParser) -> None:
    """JOB…."""
    parser.add_argument("jobs", nargs="+", metavar="JOB", help="its name; or several, with * and ?, tag:NAME, or all")


def is_name(selectors: Sequence[str]) -> bool:
    """Whether this is the name of one job, and not a word for several."""
    return len(selectors) == 1 and selectors[0] != ALL and not set(selectors[0]) & set("*?[:")


def meant(selector: str, names: Collection[str]) -> str:
    """The selector that this means: `all` is every job, unless one is called so."""
    return "*" if selector == ALL and ALL not in names else selector


def fits(selector: str, job: Job) -> bool:
    """Whether a selector names this job."""
    return selector[len(TAG) :] in job.tags if selector.startswith(TAG) else fnmatchcase(job.slug, selector)


def select(jobs: Sequence[Snapshot], selectors: Sequence[str]) -> list[Snapshot]:
    """The jobs that these name. Raises UnknownJob for one that names none."""
    names = {found.job.slug for found in jobs}
    wanted = [meant(selector, names) for selector in selectors]
    for selector in wanted:
        if not any(fits(selector, found.job) for found in jobs):
            raise UnknownJob(selector, nearest(selector, iter(names)))
    return [found for found in jobs if any(fits(selector, found.job) for selector in wanted)]


def load(store: Store, selectors: Sequence[str]) -> list[Snapshot]:
    """The same, from the store; for one name, all others stay unread."""
    if is_name(selectors):
        return [snapshot_of(store, selectors[0])]
    return select(list(everything(store)), selectors)
