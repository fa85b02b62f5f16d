"""Which jobs an event belongs to: those of whose sources it fits every key."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from heartbeat.ingest.events.heard import Told
    from heartbeat.model import Job, Source

TELLING = ("family", "job_name", "function", "schedule", "rule", "state_machine", "dead_letters", "group", "started_by")
"""Keys by which sources are looked up first, the most telling first; the others are shared by many jobs."""


class Matcher:
    """The sources of all jobs, made ready once. Asking costs what fits, not how many jobs there are."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._named: dict[tuple[str, str, str], list[_Wanted]] = {}
        self._open: dict[str, list[_Wanted]] = {}
        for job in jobs:
            for source in job.sources:
                self._keep(job.slug, source)

    def _keep(self, slug: str, source: Source) -> None:
        wanted = _Wanted(slug=slug, source=source, forms=tuple((key, form(value)) for key, value in source.keys))
        plain = {key: value for key, value in source.keys if "*" not in value}
        first = next((key for key in (*TELLING, *plain) if key in plain), None)
        if first is None:
            self._open.setdefault(source.kind, []).append(wanted)
        else:
            self._named.setdefault((source.kind, first, plain[first]), []).append(wanted)

    def find(self, told: Told) -> Iterator[tuple[str, Source]]:
        """The jobs' slugs, each with the source that the event fits."""
        names = {(told.kind, key, name) for key, ways in told.facts.items() for name in ways}
        near = [wanted for name in sorted(names & self._named.keys()) for wanted in self._named[name]]
        for wanted in (*near, *self._open.get(told.kind, ())):
            if wanted.fits(told):
                yield wanted.slug, wanted.source


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    slug: str
    source: Source
    forms: tuple[tuple[str, re.Pattern[str]], ...]

    def fits(self, told: Told) -> bool:
        return all(any(map(form.fullmatch, told.facts.get(key, ()))) for key, form in self.forms)


def form(value: str) -> re.Pattern[str]:
    """What a source's value fits: itself, with `*` for anything."""
    return re.compile(fnmatch.translate(value.replace("[", "[[]").replace("?", "[?]")))
