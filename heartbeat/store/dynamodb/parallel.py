"""Many hands: independent requests at once, for a store where every request waits for the network."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from heartbeat.model import Change

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Hands:
    """count: how many requests may run at once; with 1, everything happens in the caller's thread."""

    def __init__(self, count: int) -> None:
        self.count = count

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - a single ping need not load it

        return ThreadPoolExecutor(self.count, thread_name_prefix="dynamodb")

    def close(self) -> None:
        """Let the threads go."""
        if "_pool" in self.__dict__:
            self._pool.shutdown()

    def each(self, do: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
        """What `do` answers for each, in order. If one raises, that is raised once all are done or begun."""
        given = list(items)
        return list(map(do, given)) if min(self.count, len(given)) <= 1 else list(self._pool.map(do, given))

    def each_change(self, do: Callable[[Change], bool], changes: Sequence[Change]) -> list[bool]:
        """Whether each is kept. Those of one job, delivery or document run one after another.

        Once a job's change is refused, so are those behind it.
        """
        groups: dict[str, list[int]] = defaultdict(list)
        for place, change in enumerate(changes):
            groups[_subject(change)].append(place)
        kept = [False] * len(changes)

        def group(places: list[int]) -> None:
            for place in places:
                kept[place] = do(changes[place])
                if changes[place].slug and not kept[place]:
                    return

        self.each(group, groups.values())
        return kept


def _subject(change: Change) -> str:
    if change.slug:
        return f"job {change.slug}"
    if change.documents:
        return f"document {change.documents[0].name}"
    return f"delivery {change.deliveries[0].id}" if change.deliveries else ""
