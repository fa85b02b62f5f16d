"""A job as a row in the table of `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.core import slots
from heartbeat.core.addressing import quiet_until
from heartbeat.core.explain import JobStanding, open_slot, running, standing
from heartbeat.doors.cli.screen import Cell, Column
from heartbeat.text.times import ago, and_ago, duration, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from heartbeat.model import Silence, Snapshot

COLUMNS = (
    Column("job", least=16, middle=True),
    Column("status"),
    Column("since", rank=3),
    Column("last success", rank=2),
    Column("next expected", rank=4),
    Column("schedule", rank=1),
    Column("remarks", rank=5, least=16),
)
STYLES = {
    JobStanding.DOWN: "bold red",
    JobStanding.OVERDUE: "red",
    JobStanding.LATE: "yellow",
    JobStanding.RUNNING: "cyan",
    JobStanding.WAITING: "dim",
    JobStanding.UP: "green",
    JobStanding.PAUSED: "magenta",
    JobStanding.DISABLED: "dim",
}


def row(snapshot: Snapshot, silences: Iterable[Silence], now: int) -> list[str | Cell]:
    """The cells for COLUMNS."""
    job, state, stands = snapshot.job, snapshot.state, standing(snapshot, now)
    remarks = ", ".join(_remarks(snapshot, stands, quiet_until(snapshot, silences, now), now))
    return [
        Cell(job.slug, "bold" if stands is JobStanding.DOWN else ""),
        Cell(stands, STYLES[stands]),
        duration(now - state.since),
        "never" if state.last_success is None else ago(state.last_success, now),
        "" if stands in {JobStanding.PAUSED, JobStanding.DISABLED} else and_ago(open_slot(snapshot), now, job.timezone),
        slots.schedule_of(job).describe(),
        "; ".join(filter(None, (remarks, job.description))),
    ]


def _remarks(snapshot: Snapshot, stands: JobStanding, quiet: int | None, now: int) -> Iterator[str]:
    job, state, incident = snapshot.job, snapshot.state, snapshot.state.incident
    if incident is not None:
        yield incident.verdict.replace("_", " ") + (f", {incident.bad} in a row" if incident.bad > 1 else "")
        if incident.acked_at is not None:
            yield f"acknowledged by {incident.acked_by}"
    elif state.streak:
        yield f"{state.streak} bad in a row of {job.alert_after}"
    if stands is JobStanding.PAUSED:
        yield f"until {moment(state.paused_until, now, job.timezone)}" if state.paused_until else "until resumed"
        if state.pause_reason:
            yield state.pause_reason
    if stands is not JobStanding.RUNNING and running(snapshot):
        yield "a run is open"
    if quiet is not None:
        yield f"silenced until {moment(quiet, now, job.timezone)}"
