"""A job's lives: how one begins, ends, and begins again under the same name. Pure.

Removed and declared again, a job is another life: what is made from it (incidents, deliveries, runs, claims, threads,
keys) carries the life, so that nothing old is ever taken for something new. What people said of it and what was known
of it outlast a removal of up to RETURN_MAX.
"""

from __future__ import annotations

from uuid import uuid4

from msgspec.structs import replace

from heartbeat.core.alerts import incident_id
from heartbeat.core.judgment import Judgment
from heartbeat.core.slots import schedule_of
from heartbeat.model import DAY, HOUR, Change, Incident, Job, Phase, Snapshot, Start, State, Status
from heartbeat.text.times import duration

RETURN_MAX = 7 * DAY
"""A job that comes back within this time is the one people knew; one that comes back later begins anew."""


def by_ping(slug: str) -> Job:
    """The job that `?create=1` makes: once a day, an hour's grace."""
    return Job(slug=slug, schedule=("every 1d",), grace=HOUR, source="ping")


def founding(job: Job, now: int, left: Snapshot | None = None) -> Change:
    """The change that makes a job, whose slots exist from now on. left: what an earlier job of its name left."""
    if left is not None and now - (left.state.removed_at or 0) <= RETURN_MAX:
        return _returning(job, now, left)
    state = State(version=1, born=now, cursor=now, since=now, life=now)
    if left is not None:
        version, life = left.state.version + 1, _next_life(left.state, now)
        state = replace(state, version=version, life=life, deaf_before=left.state.removed_at or 0)
    return _made(Snapshot(job=job, state=state, due=now, uuid=str(uuid4())), now)


def _returning(job: Job, now: int, left: Snapshot) -> Change:
    """The state goes on, its slots begin anew.

    Runs that were open stay known by their ids, so that their end is not taken for that of a new run. Nobody waits for
    it: it may have come while the job was gone.
    """
    old, life = left.state, _next_life(left.state, now)
    state = replace(
        old, version=old.version + 1, life=life, born=now, cursor=_expected_after(left, job, now), ahead=(), mends=(),
        mended_at=None,
        removed_at=None, streak=old.streak if old.mended_at is None else 0, starts=_begun(old.starts),
        runs=tuple(replace(run, slot=None, owns=False, expired=True) for run in old.runs if run.id),
        incident=_reopened(old.incident, incident_id(job.slug, life, old.version + 1, 0)),
    )  # fmt: skip
    if state.paused_until is not None and state.paused_until <= now:
        state = replace(state, status=Status.WAITING, since=now, paused_until=None, pause_reason="", streak=0)
    change = _made(Snapshot(job=job, state=state, due=now, uuid=left.uuid), now)
    case = Judgment(Snapshot(job=job, state=replace(state, version=old.version), due=now, uuid=left.uuid), now, None)
    case.note(None, now, None, None)
    case.remark(f"declared again {duration(now - (old.removed_at or now))} after it was removed: what was known holds")
    return replace(change, entries=tuple(case.entries))


def _expected_after(left: Snapshot, job: Job, now: int) -> int:
    """Slots are expected from now on, except one that was met early, just before the removal."""
    met = max(left.state.cursor, *(span.last for span in left.state.ahead), now)
    same = schedule_of(left.job) is schedule_of(job) and schedule_of(job).interval_ms is None
    return max(now, met) if same else now


def _made(snapshot: Snapshot, now: int) -> Change:
    due = Judgment(snapshot, now, None).next_look()
    made = Change(slug=snapshot.job.slug, expected=0, job=snapshot.job, state=snapshot.state, uuid=snapshot.uuid)
    return replace(made, due=due)


def _next_life(old: State, now: int) -> int:
    # Two lives in a millisecond, or a clock that was set back, must not have one name.
    return max(now, old.life + 1)


def _begun(starts: tuple[Start, ...]) -> tuple[Start, ...]:
    """The starts that may be under way; nobody waits for the others any more."""
    return tuple(start for start in starts if start.phase not in {Phase.AGAIN, Phase.QUEUED})


def _reopened(incident: Incident | None, name: str) -> Incident | None:
    """The incident that was open. One still to be told gets a new name, for its old one may have been told."""
    if incident is None or incident.told_at is not None:
        return incident
    return replace(incident, id=name, reminded_at=None, reminders=0)


def removed(snapshot: Snapshot, now: int, quiet: int | None) -> Change:
    """The change that takes a job away. One that is down is told to be closed; quiet: see `Judgment`."""
    case = Judgment(snapshot, now, quiet)
    incident = snapshot.state.incident
    if incident is not None and incident.told_at is not None and incident.ended_at is None and quiet is None:
        case.tell_closed()
        case.set(incident=replace(incident, told_at=None))  # should it come back, it is to be told anew
    case.note(None, now, None, None)
    case.remark("removed")
    change = case.change()
    state = None if change.state is None else replace(change.state, removed_at=now)
    return replace(change, state=state, remove=True, due=None, look=None)
