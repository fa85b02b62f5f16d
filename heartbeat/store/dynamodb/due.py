"""The search for what is due: along the wheel, or through all jobs after a gap too long to read span by span."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from heartbeat.model import HOUR, NEVER, Due, Mark
from heartbeat.store.dynamodb import items as lay
from heartbeat.store.dynamodb.call import BATCH_MAX, PUTS_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from heartbeat.store.dynamodb.call import Item, Patient
    from heartbeat.store.dynamodb.parallel import Hands
    from heartbeat.store.dynamodb.wheel import Wheel

    Found = tuple[str, Mark]
    """A job that may be due, and the mark once it has been looked at."""

T = TypeVar("T")
WHEEL_READ = 6 * HOUR
"""After a longer gap we do not read span by span but go through all jobs, which needs no wheel."""
LOOK_MAX = 5_000
"""Jobs looked at in one answer: work done by then is remembered, whatever happens to the rest."""
AFTER_JOB = "after-job#"
"""Prefix of a mark's key midway through all jobs; when that began, and the job, follow."""


class Search:
    """names: all jobs by name, after one; table, call, wheel, hands: the store's."""

    def __init__(
        self, table: str, call: Patient, wheel: Wheel, hands: Hands, names: Callable[[str, int], Iterator[str]]
    ) -> None:
        self._table, self._call, self._wheel, self._hands, self._names = table, call, wheel, hands, names

    def due(self, since: Mark, now: int, limit: int) -> Due:
        """See Store.due. Outdated rows are moved to when their jobs must be looked at."""
        began = _began(since, now)
        found = self._all(since, began) if now - since.at > WHEEL_READ else self._along(since, now)
        dues: dict[str, int] = {}
        looked, reached = 0, Mark(at=began)
        while wave := list(islice(found, min(BATCH_MAX * self._hands.count, LOOK_MAX - looked))):
            looked += len(wave)
            stop = self._look(wave, now, limit, dues)
            if stop is not None or looked >= LOOK_MAX:
                return _answer(dues, stop or wave[-1][1], more=True)
        return _answer(dues, reached, more=began < now)

    def _look(self, wave: list[Found], now: int, limit: int, dues: dict[str, int]) -> Mark | None:
        """Sort one wave: what is due goes into `dues`. Returns the mark of the job that filled it, if any."""
        known = self._dues([slug for slug, _ in wave if slug not in dues])
        later: dict[str, int] = {}
        full = None
        for slug, mark in wave:
            due = known.get(slug, NEVER)
            if due <= now:
                dues[slug] = due
            elif due < NEVER:
                later[slug] = due
            if len(dues) >= limit:
                full = mark
                break
        self._push(later)
        return full

    def _dues(self, slugs: list[str]) -> dict[str, int]:
        def read(some: list[str]) -> list[Item]:
            return self._call.batch(self._table, [lay.job_key(slug) for slug in some])

        found = self._hands.each(read, _cut(list(dict.fromkeys(slugs)), BATCH_MAX))
        items = [item for some in found for item in some if lay.read_number(item, "ver")]
        return {item["pk"]["S"].removeprefix("job#"): lay.read_number(item, "due") for item in items}

    def _push(self, dues: dict[str, int]) -> None:
        self._hands.each(self._wheel.put, map(dict, _cut(list(dues.items()), PUTS_MAX)))

    def _along(self, since: Mark, now: int) -> Iterator[Found]:
        return ((row.slug, row.behind()) for row in self._wheel.rows(since, now))

    def _all(self, since: Mark, began: int) -> Iterator[Found]:
        after = since.key.removeprefix(AFTER_JOB).partition("#")[2] if since.key.startswith(AFTER_JOB) else ""
        key = f"{AFTER_JOB}{began}#"
        return ((slug, Mark(at=since.at, key=key + slug)) for slug in self._names(after, BATCH_MAX))


def _began(since: Mark, now: int) -> int:
    """When this search began: rows written since then are still to be read."""
    if not since.key.startswith(AFTER_JOB):
        return now
    return int(since.key.removeprefix(AFTER_JOB).partition("#")[0])


def _answer(dues: dict[str, int], reached: Mark, *, more: bool) -> Due:
    return Due(slugs=tuple(sorted(dues, key=lambda slug: (dues[slug], slug))), reached=reached, more=more)


def _cut(items: list[T], size: int) -> list[list[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
