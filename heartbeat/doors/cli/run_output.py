"""What a run that went bad has said, and what to type next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.core.run_history import BAD
from heartbeat.doors.cli.screen import Cell, counted
from heartbeat.text.sanitize import safe
from heartbeat.text.times import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heartbeat.core.run_history import Record
    from heartbeat.doors.cli.screen import Screen
    from heartbeat.model import Snapshot

LINES = 15
"""The end of an output: an error is most often its last lines."""
ID_SHOWN = 8


def show_output(screen: Screen, found: Snapshot, made: Sequence[Record], now: int, *, seen: str) -> None:
    """The end of the output of the latest of these runs (newest first) that went bad, and the commands that help.

    seen: the command that shows it, which is not what to type next.
    """
    job = found.job
    wrong = [record for record in made if record.end in BAD]
    if not wrong:
        return
    bad = next((record for record in wrong if record.output), wrong[0])  # a miss has nothing to say
    lines = safe(bad.output).rstrip().splitlines()
    if lines:
        when = moment(bad.finished_at or bad.at, now, job.timezone)
        screen.say()
        screen.say(Cell(f"output of {bad.id[:ID_SHOWN] or 'the run'}, {bad.end} {when}", "bold"))
        if (before := len(lines) - LINES) > 0:
            screen.say(Cell(f"  {counted(before, 'line')} before these", "dim"))
        for line in lines[-LINES:]:
            screen.say(f"  {line}")
    screen.say()
    for command, words in _next(found, bad, cut=len(lines) > LINES):
        if command != f"{seen} {job.slug}":
            screen.say(Cell("next: ", "dim"), f"heartbeat {command}", Cell(f"   {words}", "dim"))


def _next(found: Snapshot, bad: Record, *, cut: bool) -> Iterator[tuple[str, str]]:
    job, incident = found.job, found.state.incident
    if cut:
        yield f"explain {job.slug} --json", "the whole output"
    yield f"explain {job.slug}", "why it is so"
    if job.trigger is not None:
        again = f"rerun {bad.id[:ID_SHOWN]} --job {job.slug}" if bad.id else f"run {job.slug}"
        yield again, "once more"
    if incident is not None and incident.acked_at is None:
        yield f"ack {job.slug}", "you look after it: no more reminders"
