"""What people do to a job or to the service: pause, resume, acknowledge, silence, create.

Each reads, decides, commits once, and decides again when it lost a race.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from heartbeat.core.addressing import matches
from heartbeat.core.definition import founding
from heartbeat.core.judgment import Judgment
from heartbeat.core.on_clock import resume
from heartbeat.errors import NotNow
from heartbeat.model import Change, Silence, Snapshot, Status
from heartbeat.verbs import service_state
from heartbeat.verbs.jobs import amend, everything
from heartbeat.verbs.sweep import settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.model import Commit, Job
    from heartbeat.store.protocol import Store


def pause_job(store: Store, slug: str, now: int, *, until: int | None = None, reason: str = "") -> Snapshot:
    """Expect nothing of the job until `until` (None: until it is resumed).

    An open incident is closed without a word.
    """

    def decide(snapshot: Snapshot) -> Change:
        case = Judgment(snapshot, now, None)
        case.set(status=Status.PAUSED, since=now, incident=None, streak=0, paused_until=until, pause_reason=reason)
        return _noted(case, now, f"paused: {reason}" if reason else "paused")

    return amend(store, slug, decide)


def resume_job(store: Store, slug: str, now: int) -> Snapshot:
    """Expect the job again from now on; slots within the pause are excused. Raises NotNow if it is not paused."""

    def decide(snapshot: Snapshot) -> Change:
        if snapshot.state.status is not Status.PAUSED:
            raise NotNow(f"{slug} is not paused; it is {snapshot.state.status}")
        case = Judgment(snapshot, now, None)
        resume(case, now)
        return replace(case.change(), due=case.next_look())

    settle(store, slug, now)
    return amend(store, slug, decide)


def acknowledge(store: Store, slug: str, now: int, *, by: str) -> Snapshot:
    """Somebody is looking after the open incident: no more reminders. Raises NotNow if there is none."""

    def decide(snapshot: Snapshot) -> Change:
        incident = snapshot.state.incident
        if incident is None:
            raise NotNow(f"{slug} has no open incident to acknowledge; it is {snapshot.state.status}")
        case = Judgment(snapshot, now, None)
        case.set(incident=replace(incident, acked_at=now, acked_by=by))
        return _noted(case, now, f"acknowledged by {by}")

    return amend(store, slug, decide)


def _noted(case: Judgment, now: int, remark: str) -> Change:
    case.note(None, now, None, None)
    case.remark(remark)
    return case.change()


def found(store: Store, jobs: Sequence[Job], now: int) -> list[Commit]:
    """Make jobs, going on from what earlier ones of their names left. One answer each; STALE: the job is there."""
    left = store.left([job.slug for job in jobs])
    return store.commit([founding(job, now, left.get(job.slug)) for job in jobs])


def silence(store: Store, new: Silence) -> Silence:
    """Tell nobody about matching jobs from new.start to new.end."""
    service_state.edit_silences(store, lambda kept: _lasting([*kept, new], new.start))
    return new


def unsilence(store: Store, name: str, now: int) -> Silence:
    """End a silence now; what it held back is told by the next sweep. Raises NotNow if there is none of that id."""
    found = next((s for s in service_state.silences(store) if s.id == name), None)
    if found is None:
        raise NotNow(f"there is no silence {name!r}; `heartbeat silence --list` shows them")
    service_state.edit_silences(store, lambda kept: _lasting([s for s in kept if s.id != name], now))
    for snapshot in everything(store):
        if snapshot.state.incident is not None and matches(found, snapshot):
            store.commit([Change(slug=snapshot.job.slug, expected=snapshot.state.version, due=now)])
    return found


def _lasting(silences: list[Silence], now: int) -> list[Silence]:
    return [each for each in silences if each.end > now]
