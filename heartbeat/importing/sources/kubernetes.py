"""Kubernetes: CronJobs in manifests, of any version, also in lists and in a Helm chart's output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.config.located import is_true
from heartbeat.importing.sources.document import TEMPLATE, LinedMap, documents, mappings
from heartbeat.importing.sources.entry import LeftOut, Origin, SourceEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.importing.sources.entry import Found

_PREFIXED = re.compile(r"(?:CRON_TZ|TZ)=(\S+)\s+(.+)")


def read_kubernetes(text: str) -> Iterator[Found]:
    """Every mapping of kind CronJob."""
    for document in documents(text):
        for _, found in mappings(document):
            if found.text("kind") == "CronJob":
                yield _entry(found)


def _entry(found: LinedMap) -> Found:
    spec, metadata = found.get("spec"), found.get("metadata")
    name = metadata.text("name") if isinstance(metadata, LinedMap) else ""
    name = "" if TEMPLATE in name else name
    schedule = spec.text("schedule") if isinstance(spec, LinedMap) else ""
    if not isinstance(spec, LinedMap) or not schedule:
        return LeftOut(name=name, line=found.line, why="it has no spec.schedule")
    if TEMPLATE in schedule:
        why = "its schedule is a template: read the output of `helm template`"
        return LeftOut(name=name, line=spec.lines["schedule"], why=why)
    prefixed = _PREFIXED.fullmatch(schedule)
    return SourceEntry(
        name=name,
        times=(prefixed[2] if prefixed else schedule,),
        zone=prefixed[1] if prefixed else spec.text("timezone"),
        line=found.line,
        dialect="kubernetes",
        enabled=is_true(spec.text("suspend")) is not True,
    )


ORIGIN = Origin(
    read=read_kubernetes,
    zone="UTC",
    zone_from="the usual zone of kube-controller-manager; say --timezone if yours has another",
    tells="put `heartbeat exec JOB --` before each command, or a ping behind it (docs/snippets.md)",
)
