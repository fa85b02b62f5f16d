"""EventBridge: rules and schedules in YAML or JSON, whatever tool registers them.

Any mapping with an expression is one: in CloudFormation, SAM, Serverless, ecschedule (`scheduleExpression`), in what
`aws events list-rules` prints, and in home-made files of `cron: "0 9 * * ? *"` by name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.config.located import is_true
from heartbeat.importing.crontab import Unreadable
from heartbeat.importing.sources.document import TEMPLATE, LinedMap, documents, mappings
from heartbeat.importing.sources.entry import LeftOut, Origin, SourceEntry
from heartbeat.model import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heartbeat.importing.sources.entry import Found

_AWS_FIELDS = 6
_EXPRESSION = re.compile(r"(?:cron|rate|at)\(.*\)")
_NO_NAMES = frozenset({"Resources", "Properties", "Events", "events", "rules", "Rules", "Schedules", "schedule"})


def read_eventbridge(text: str) -> Iterator[Found]:
    """Every mapping with an expression."""
    for document in documents(text):
        yield from entries_in(document)


def entries_in(document: object) -> Iterator[Found]:
    """The same, of a document that is read already."""
    for path, found in mappings(document):
        name = found.text("name", "rulename") or _named_by(path)
        expression = found.text("scheduleexpression", "schedule", "cron", "rate", "at")
        if not expression:
            if isinstance(found.get("EventPattern") or found.get("eventPattern"), LinedMap | str):
                yield LeftOut(name=name, line=found.line, why="it runs when an event comes, at no time to be expected")
            continue
        try:
            yield _entry(found, name, expression)
        except Unreadable as why:
            yield LeftOut(name=name, line=found.line, why=str(why))


def _named_by(path: tuple[str, ...]) -> str:
    """The nearest key that is a name; for an event of a SAM function, the function's and its own."""
    names = [key for key in path if key not in _NO_NAMES]
    return " ".join(names[-2:]) if "Events" in path else names[-1] if names else ""


def _entry(found: LinedMap, name: str, expression: str) -> SourceEntry:
    if TEMPLATE in expression or "${" in expression:
        raise Unreadable("its expression is a template: print the file as it is when the template is carried out")
    late = _minutes(found)
    return SourceEntry(
        name=name if TEMPLATE not in name else "",
        times=(_whole(found, expression),),
        zone=_zone(found, expression),
        line=found.line,
        late=late,
        description=found.text("description"),
        enabled=_enabled(found),
        remarks=("its flexible window is in grace",) if late else (),
    )


def _whole(found: LinedMap, expression: str) -> str:
    """With the dialect's name around it; five fields stay Unix cron."""
    if _EXPRESSION.fullmatch(expression):
        return expression
    if len(expression.split()) == _AWS_FIELDS:
        return f"cron({expression})"
    return f"rate({expression})" if found.text("rate") else expression


def _zone(found: LinedMap, expression: str) -> str:
    """AWS reads its own form in UTC; bare fields in a home-made file are whatever its script takes them for."""
    named = found.text("scheduleexpressiontimezone", "timezone", "tz")
    return named or ("UTC" if _EXPRESSION.fullmatch(expression) else "")


def _enabled(found: LinedMap) -> bool:
    if found.text("state").upper().startswith("DISABLED"):
        return False
    on, off = found.text("isactive", "isenabled", "enabled", "active"), found.text("disabled")
    return is_true(on) is not False and is_true(off) is not True


def _minutes(found: LinedMap) -> int:
    window = found.get("FlexibleTimeWindow") or found.get("flexible_time_window")
    text = window.text("maximumwindowinminutes") if isinstance(window, LinedMap) else ""
    return int(text) * MINUTE if text.isdecimal() else 0


ORIGIN = Origin(
    read=read_eventbridge,
    zone="",
    zone_from="a file of your own; AWS's keys are UTC unless they name a zone",
    tells="these jobs are only declared: let AWS's events tell of them (docs/aws-events.md), or have each ping",
)
