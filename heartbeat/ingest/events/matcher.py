"""Which jobs an event belongs to: those with a source whose every key it matches."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from heartbeat.ingest.events.heard import EventFacts
    from heartbeat.model import Job, Source

TELLING = (
    *("job", "family", "job_name", "function", "schedule", "rule"),
    *("state_machine", "dead_letters", "group", "started_by"),
)
"""Keys to look sources up by, most specific first; many jobs share the others."""


FORMS_MAX = 10_000
"""How many values with a `*` are kept as patterns."""


class Matcher:
    """All jobs' sources, indexed once. A look-up's cost depends on the matches, not on how many jobs there are."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._named: dict[tuple[str, str, str], list[tuple[str, Source]]] = {}
        self._open: dict[str, list[tuple[str, Source]]] = {}
        for job in jobs:
            for source in job.sources:
                self._keep(job.slug, source)

    def _keep(self, slug: str, source: Source) -> None:
        wanted = (slug, source)
        plain = {key: value for key, value in source.keys if "*" not in value}
        first = next((key for key in (*TELLING, *plain) if key in plain), None)
        if first is None:
            self._open.setdefault(source.kind, []).append(wanted)
        else:
            self._named.setdefault((source.kind, first, plain[first]), []).append(wanted)

    def find(self, told: EventFacts) -> Iterator[tuple[str, Source]]:
        """The jobs' slugs, each with the source that matches the event."""
        names = {(told.kind, key, name) for key, ways in told.facts.items() for name in ways}
        near = [wanted for name in sorted(names & self._named.keys()) for wanted in self._named[name]]
        for slug, source in (*near, *self._open.get(told.kind, ())):
            if _fits(source, told):
                yield slug, source


def _fits(source: Source, told: EventFacts) -> bool:
    return all(_is_one_of(value, told.facts.get(key, ())) for key, value in source.keys)


def _is_one_of(value: str, ways: tuple[str, ...]) -> bool:
    return any(map(form(value).fullmatch, ways)) if "*" in value else value in ways


@lru_cache(maxsize=FORMS_MAX)
def form(value: str) -> re.Pattern[str]:
    """What a source's value matches: itself, with `*` for anything."""
    return re.compile(fnmatch.translate(value.replace("[", "[[]").replace("?", "[?]")))
