"""The oracle has teeth: each of these breaks something on purpose, and some world must notice."""

import dataclasses

import pytest
from msgspec.structs import replace

import heartbeat.alerts
import heartbeat.apply
import heartbeat.blind
import heartbeat.case
import heartbeat.definition
import heartbeat.deliver
import heartbeat.judge
import heartbeat.manage
import heartbeat.outbox
import heartbeat.overdue
import heartbeat.parcels
import heartbeat.record
import heartbeat.slots
import heartbeat.sweep
import heartbeat.traffic
from heartbeat.case import Case
from heartbeat.errors import ChannelFailed
from heartbeat.model import Event, Status, Verdict
from heartbeat.record import Recorded, Recorder
from heartbeat.schedule import parse
from heartbeat.transition import TRANSITIONS, Tell
from simulation.play import ABSENT, CHANGING, play

WORLDS = 200


def deadline_an_extra_grace_late(patch):
    patch.setattr(heartbeat.slots, "deadline", lambda job, slot: slot + 2 * job.grace)


def deadline_a_moment_early(patch):
    patch.setattr(heartbeat.slots, "deadline", lambda job, slot: slot + job.grace - 1)


def lost_race_is_dropped(patch):
    def commit(self, _signals, decided, answers):
        self._store.commit([change for _, change in decided])
        answers.update({i: Recorded.STORED for i, _ in decided})
        return []

    patch.setattr(Recorder, "_commit", commit)


def recovery_is_told_twice(patch):
    tell = Case._tell

    def twice(self, event, at, incident):
        tell(self, event, at, incident)
        if event is Event.RECOVERED:
            self.alerts.append(replace(self.alerts[-1], id=f"{self.alerts[-1].id}/again"))

    patch.setattr(Case, "_tell", twice)


def early_is_ignored(patch):
    by_time = heartbeat.slots.by_time
    patch.setattr(heartbeat.slots, "by_time", lambda job, state, at: by_time(replace(job, early=0), state, at))


def first_miss_is_silent(patch):
    row = TRANSITIONS[Status.WAITING, Verdict.MISSED]
    patch.setitem(TRANSITIONS, (Status.WAITING, Verdict.MISSED), dataclasses.replace(row, tell=Tell.NOTHING))


def fixed_jobs_run_twice_in_the_fold(patch):
    def schedule_of(job):
        unix = all(len(text.split()) == 5 for text in job.schedule)
        return parse(job.schedule, job.timezone, "kubernetes" if unix else job.dialect)

    patch.setattr(heartbeat.slots, "schedule_of", schedule_of)


def doubled_signals_are_not_seen(patch):
    patch.setattr(heartbeat.record, "is_seen", lambda _snapshot, _signal: False)


def due_row_stays_behind(patch):
    change = Case.change

    def without_due(self, *, more=False):
        found = change(self, more=more)
        late = None if found.due is None else found.due + 3_600_000
        return replace(found, due=late)

    patch.setattr(Case, "change", without_due)


def miss_is_dated_when_we_looked(patch):
    miss = heartbeat.overdue._miss
    patch.setattr(heartbeat.overdue, "_miss", lambda case, slot, due: due <= case.now and miss(case, slot, case.now))


def silences_are_ignored(patch):
    for module in (heartbeat.record, heartbeat.sweep):
        patch.setattr(module, "quiet_until", lambda _job, _silences, _now: None)


def hung_runs_are_never_noticed(patch):
    patch.setattr(heartbeat.overdue, "_first_hung", lambda _case: None)


def outage_of_ours_is_everybodys_miss(patch):
    patch.setattr(heartbeat.blind.Blind, "hides", lambda _self, _start, _end: False)


def short_gaps_are_judged_at_once(patch):
    patch.setattr(heartbeat.overdue, "judged_at", lambda limit, _blinds: limit.end)


def short_gaps_hide_nothing(patch):
    patch.setattr(heartbeat.blind.Limit, "is_quick", False)


def idempotency_key_changes(patch):
    count = iter(range(1_000_000))
    arrange = heartbeat.parcels.arrange

    def other_keys(rows, siblings, group_above):
        return [dataclasses.replace(p, key=f"{p.key}/{next(count)}") for p in arrange(rows, siblings, group_above)]

    patch.setattr(heartbeat.parcels, "arrange", other_keys)


def deliveries_in_any_order(patch):
    patch.setattr(heartbeat.parcels, "elders", lambda _row, _siblings: [])
    arrange = heartbeat.parcels.arrange
    patch.setattr(heartbeat.parcels, "arrange", lambda *facts: arrange(*facts)[::-1])


def what_may_have_arrived_joins_another_message(patch):
    patch.setattr(heartbeat.parcels, "tied", lambda _row: False)


def pauses_that_were_asked_for_are_forgotten(patch):
    patch.setattr(heartbeat.traffic.Traffic, "paused", lambda self, _until: self)


def alerts_for_an_unknown_channel_die(patch):
    patch.setattr(heartbeat.deliver, "ChannelFailed", lambda text, **_: ChannelFailed(text, final=True))


def alert_after_is_off_by_one(patch):
    bad = Case._bad

    def sooner(self, *facts, **more):
        self.job = replace(self.job, alert_after=max(1, self.job.alert_after - 1))
        bad(self, *facts, **more)

    patch.setattr(Case, "_bad", sooner)


def lives_have_no_names(patch):
    """A job that comes back begins with the first version again: its next incident has the name of an old one."""
    patch.setattr(heartbeat.alerts, "incident_id", lambda slug, _life, version, line: f"{slug}/{version}.{line}")
    for module in (heartbeat.definition, heartbeat.case):
        patch.setattr(module, "incident_id", heartbeat.alerts.incident_id)
    patch.setattr(heartbeat.manage, "founding", lambda job, now, _left=None: heartbeat.definition.founding(job, now))


def a_removal_forgets_what_people_said(patch):
    patch.setattr(heartbeat.manage, "founding", lambda job, now, _left=None: heartbeat.definition.founding(job, now))


def a_removal_says_nothing(patch):
    patch.setattr(Case, "tell_closed", lambda _self: None)


def a_return_starts_with_the_slots_of_before(patch):
    returning = heartbeat.definition._returning

    def older(job, now, left):
        change = returning(job, now, left)
        return replace(change, state=replace(change.state, born=left.state.born, cursor=left.state.cursor))

    patch.setattr(heartbeat.definition, "_returning", older)


def an_edited_schedule_expects_what_lies_before_it(patch):
    patch.setattr(heartbeat.apply, "excuse", lambda _case, _until, _reason: None)


BROKEN = [thing for thing in list(vars().values()) if getattr(thing, "__code__", None) and thing.__module__ == __name__]


@pytest.mark.parametrize("break_it", BROKEN, ids=lambda break_it: break_it.__name__)
def test_some_world_notices(break_it, monkeypatch):
    break_it(monkeypatch)
    seeds = (kind + seed for seed in range(WORLDS) for kind in (0, CHANGING, ABSENT))
    found = next((problems for seed in seeds if (problems := play(seed)[1])), None)
    assert found, f"{WORLDS} worlds did not notice: {break_it.__name__}"
    assert "Traceback" not in found[0], f"this broke by itself: {found[0]}"
