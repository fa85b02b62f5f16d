"""The one table through which every status change goes: (status, verdict) -> next status, what to tell, why.

A verdict that does not count yet (`alert_after` is not reached, newer knowledge exists) never gets here.
docs/states.md is made from this table.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from heartbeat.model import Entry, Ruled, Status, Verdict


class Tell(StrEnum):
    """What people are told of a transition."""

    NOTHING = "nothing"
    OPENED = "opened"
    RECOVERED = "recovered"


class Transition(Struct, frozen=True):
    """The outcome of one verdict in one status."""

    next: Status
    tell: Tell
    why: str


_W, _U, _D, _P = Status.WAITING, Status.UP, Status.DOWN, Status.PAUSED
_NOTHING, _OPENED, _RECOVERED = Tell.NOTHING, Tell.OPENED, Tell.RECOVERED
_PAUSED_STAYS = Transition(_P, _NOTHING, "a paused job stays paused until somebody resumes it")

TRANSITIONS: dict[tuple[Status, Verdict], Transition] = {
    (_W, Verdict.ON_TIME): Transition(_U, _NOTHING, "heard of for the first time"),
    (_W, Verdict.LATE): Transition(_U, _NOTHING, "heard of for the first time"),
    (_W, Verdict.MISSED): Transition(_D, _OPENED, "never heard of, and a slot went by"),
    (_W, Verdict.FAILED): Transition(_D, _OPENED, "its first run failed"),
    (_W, Verdict.TIMED_OUT): Transition(_D, _OPENED, "its first run never finished"),
    (_W, Verdict.EXCUSED): Transition(_W, _NOTHING, "nothing was expected"),
    (_W, Verdict.UNKNOWN): Transition(_W, _NOTHING, "we were not listening"),
    (_U, Verdict.ON_TIME): Transition(_U, _NOTHING, "ran as it should"),
    (_U, Verdict.LATE): Transition(_U, _NOTHING, "ran late, before anybody was told"),
    (_U, Verdict.MISSED): Transition(_D, _OPENED, "a slot went by without a run"),
    (_U, Verdict.FAILED): Transition(_D, _OPENED, "a run failed"),
    (_U, Verdict.TIMED_OUT): Transition(_D, _OPENED, "a run did not finish in time"),
    (_U, Verdict.EXCUSED): Transition(_U, _NOTHING, "nothing was expected"),
    (_U, Verdict.UNKNOWN): Transition(_U, _NOTHING, "we were not listening"),
    (_D, Verdict.ON_TIME): Transition(_U, _RECOVERED, "ran again"),
    (_D, Verdict.LATE): Transition(_U, _RECOVERED, "ran after all"),
    (_D, Verdict.MISSED): Transition(_D, _NOTHING, "still down; counted"),
    (_D, Verdict.FAILED): Transition(_D, _NOTHING, "still down; counted"),
    (_D, Verdict.TIMED_OUT): Transition(_D, _NOTHING, "still down; counted"),
    (_D, Verdict.EXCUSED): Transition(_D, _NOTHING, "nothing was expected"),
    (_D, Verdict.UNKNOWN): Transition(_D, _NOTHING, "we were not listening"),
} | {(_P, verdict): _PAUSED_STAYS for verdict in Verdict}


def keep_row(entry: Entry, row: Ruled | None) -> Entry:
    """The line of history with this row. Of several rows in one look, it keeps the last that changed the status."""
    known = None if entry.row is None else kept_row(entry)
    if row is None or (known is not None and changes(known) and not changes(row)):
        return entry
    return replace(entry, row=row[0] if row[1] is entry.verdict else row)


def kept_row(entry: Entry) -> Ruled | None:
    """The row that this line of history brought about; None: none, or it is too old to say."""
    if not isinstance(entry.row, Status):
        return entry.row
    return None if entry.verdict is None else (entry.row, entry.verdict)


def changes(row: Ruled) -> bool:
    """Whether this row changes the status."""
    return TRANSITIONS[row].next is not row[0]


def page() -> str:
    """docs/states.md: the table as a diagram and as a list, so that neither can say what the code does not do."""
    diagram = ["```mermaid", "stateDiagram-v2", "    [*] --> waiting: applied", *_arrows()]
    return "\n".join([_INTRO, *diagram, _OUTRO, *_rows(), ""])


_INTRO = """# Status: waiting, up, down, paused

Made from the table in `heartbeat/core/transition.py` by `python -m heartbeat.core.transition > docs/states.md`; a test
compares the two.

Every slot gets a verdict, and every verdict that counts goes through this table. A verdict does not count while the
job's `alert_after` is not reached, when something newer is known already, or when a later slot had succeeded before its
deadline; it is recorded all the same. People pause and resume jobs; no verdict does.
"""
_OUTRO = """    up --> paused: pause
    down --> paused: pause
    waiting --> paused: pause
    paused --> waiting: resume
```

| status | verdict | next | told | why |
| --- | --- | --- | --- | --- |"""


def _arrows() -> list[str]:
    moves: dict[tuple[Status, Status, Tell], list[str]] = {}
    for (status, verdict), row in TRANSITIONS.items():
        if row.next is not status:
            moves.setdefault((status, row.next, row.tell), []).append(verdict)
    return [
        f"    {before} --> {after}: {', '.join(verdicts)}" + (f" / tell {tell}" if tell is not _NOTHING else "")
        for (before, after, tell), verdicts in moves.items()
    ]


def _rows() -> list[str]:
    return [
        f"| {status} | {verdict} | {row.next} | {'' if row.tell is _NOTHING else row.tell} | {row.why} |"
        for (status, verdict), row in TRANSITIONS.items()
    ]


if __name__ == "__main__":
    import sys

    sys.stdout.write(page())
