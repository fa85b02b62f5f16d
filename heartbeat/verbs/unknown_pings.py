"""Pings for jobs that do not exist: counted, shown, and answered with the nearest name."""

from __future__ import annotations

from bisect import bisect_left
from difflib import get_close_matches
from heapq import nlargest
from itertools import takewhile
from typing import TYPE_CHECKING, Any, cast

from heartbeat.telemetry import Happened
from heartbeat.verbs import documents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from heartbeat.store.protocol import Store
    from heartbeat.telemetry import Log

STRAYS = "strays"
STRAYS_MAX = 1_000
NEIGHBOURS = 12
"""Names tried on each side, in alphabetical order and in that of the reversed names, however many jobs there are."""
SORTED_MAX = 50_000
"""Names sorted at once: pings wait meanwhile."""
COMPARED_MAX = 4
"""How many of these are compared letter by letter, which is slow: a ping waits for it."""


class Strays:
    """Counts on the event loop; `flush` writes the counts from a background thread."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._names: list[str] = []
        self._backwards: list[list[str]] = []
        self.waiting: dict[str, list[int]] = {}
        """Counts that are not written yet: slug -> count, first, last."""
        self._nearest: dict[str, str] = {}

    def learn(self, names: Iterable[str]) -> None:
        """These are the jobs that exist."""
        every = sorted(names)
        pieces = (every[start : start + SORTED_MAX] for start in range(0, len(every), SORTED_MAX))
        self._backwards = [sorted(name[::-1] for name in piece) for piece in pieces]
        self._names = every
        self._nearest = {}

    def count(self, slug: str, now: int) -> str:
        """Count a stray; answers the nearest name, "" if none is near or too many came to go on looking."""
        known = self._nearest.get(slug)
        if known is None and len(self._nearest) < STRAYS_MAX:
            known = self._nearest[slug] = self.nearest(slug)
            self._log.tell(Happened.STRAY, job=slug, nearest=known)
        entry = self.waiting.get(slug)
        if entry is not None:
            entry[0], entry[2] = entry[0] + 1, now
        elif len(self.waiting) < STRAYS_MAX:
            self.waiting[slug] = [1, now, now]
        return known or ""

    def nearest(self, slug: str) -> str:
        """The name most like this one. A typo leaves the beginning or the end of the name as it was."""
        near = _around(self._names, slug)
        near += [name[::-1] for piece in self._backwards for name in _around(piece, slug[::-1])]
        alike = nlargest(COMPARED_MAX, dict.fromkeys(near), key=lambda name: _shared(name, slug))
        return next(iter(get_close_matches(slug, alike, n=1, cutoff=0.6)), "")

    def flush(self, store: Store) -> None:
        """Add the counts to the `strays` document. After a lost race, or if the store is away, they wait."""
        counts, self.waiting = self.waiting, {}
        stored = not counts
        try:
            stored = stored or self._add(store, counts)
        finally:
            if not stored:
                self.waiting = _merged(counts, self.waiting)

    def _add(self, store: Store, counts: dict[str, list[int]]) -> bool:
        before = store.document(STRAYS)
        kept = {
            slug: [entry["count"], entry["first"], entry["last"]]
            for slug, entry in cast("dict[str, dict[str, Any]]", before.value or {}).items()
        }
        latest = sorted(_merged(kept, counts).items(), key=lambda item: item[1][2], reverse=True)[:STRAYS_MAX]
        value = {slug: {"count": n, "first": first, "last": last} for slug, (n, first, last) in latest}
        return documents.keep(store, before, value) is not None


def _around(names: list[str], name: str) -> list[str]:
    place = bisect_left(names, name)
    return names[max(0, place - NEIGHBOURS) : place + NEIGHBOURS]


def _shared(one: str, other: str) -> int:
    """Letters that two names have in common at the beginning and at the end."""
    pairs = (zip(one, other, strict=False), zip(one[::-1], other[::-1], strict=False))
    return sum(1 for each in pairs for _ in takewhile(lambda pair: pair[0] == pair[1], each))


def _merged(older: dict[str, list[int]], newer: dict[str, list[int]]) -> dict[str, list[int]]:
    merged = {slug: list(entry) for slug, entry in older.items()}
    for slug, (count, first, last) in newer.items():
        entry = merged.setdefault(slug, [0, first, last])
        entry[0], entry[1], entry[2] = entry[0] + count, min(entry[1], first), max(entry[2], last)
    return merged
