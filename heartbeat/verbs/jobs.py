"""Jobs as the verbs find them: changed one at a time, gone through page by page, looked for by name."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from heartbeat.errors import TooBusy, UnknownJob
from heartbeat.model import Commit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from heartbeat.model import Change, Snapshot
    from heartbeat.store.protocol import Store

ATTEMPTS_MAX = 20
PAGE = 500
NAMES_PAGE = 5_000
NAMES_MAX = 10_000
"""Names searched for the nearest one."""


def snapshot_of(store: Store, slug: str) -> Snapshot:
    """The job of this name. Raises UnknownJob with the nearest name."""
    found = store.load([slug]).get(slug)
    if found is None:
        raise UnknownJob(slug, nearest(slug, names(store)))
    return found


def amend(store: Store, slug: str, decide: Callable[[Snapshot], Change]) -> Snapshot:
    """Read, decide, commit; again when the job moved meanwhile. Raises UnknownJob, TooBusy."""
    for _ in range(ATTEMPTS_MAX):
        found = snapshot_of(store, slug)
        if store.commit([decide(found)]) == [Commit.STORED]:
            return store.load([slug]).get(slug, found)
    raise TooBusy(f"{slug} kept changing; try again")


def everything(store: Store) -> Iterator[Snapshot]:
    """Every job, page by page, by slug."""
    after = ""
    while page := store.page(after, PAGE):
        yield from page
        after = page[-1].job.slug


def names(store: Store) -> Iterator[str]:
    """The name of every job, sorted."""
    after = ""
    while page := store.names(after, NAMES_PAGE):
        yield from page
        after = page[-1]


def nearest(slug: str, names: Iterator[str]) -> str | None:
    """The most similar name, or None."""
    from difflib import get_close_matches  # noqa: PLC0415 - for mistakes alone

    found = get_close_matches(slug, list(islice(names, NAMES_MAX)), n=1)
    return found[0] if found else None
