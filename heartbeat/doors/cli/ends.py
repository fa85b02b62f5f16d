"""The end of a run, and what else there is to say about it, as table cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.core.run_history import BAD, RunEnd
from heartbeat.doors.cli.screen import Cell

if TYPE_CHECKING:
    from heartbeat.core.run_history import Record

ID_SHOWN = 8
STYLES = {RunEnd.DONE: "green", RunEnd.LATE: "yellow", RunEnd.RUNNING: "cyan"}


def ended(record: Record) -> Cell:
    """How it ended, or how far it has got."""
    return Cell(record.end, "red" if record.end in BAD else STYLES.get(record.end, "dim"))


def remarks(record: Record) -> str:
    """Who started it by hand, how often the target was called and what it answered, and the exit status."""
    status = f"exit status {record.exit_status}" if record.exit_status else ""
    attempts = f"{record.attempts} attempts" if record.attempts > 1 else ""
    by = f"by {record.by}" if record.by else ""
    return ", ".join(filter(None, [by, attempts, status, record.answer]))
