"""The oracle has teeth: each of these breaks something on purpose, and some world must notice."""

import pytest
from msgspec.structs import replace

import heartbeat.core.addressing
import heartbeat.core.alerts
import heartbeat.core.blind
import heartbeat.core.definition
import heartbeat.core.judgment
import heartbeat.core.on_clock
import heartbeat.core.on_signal
import heartbeat.core.slots
import heartbeat.verbs.apply
import heartbeat.verbs.batching
import heartbeat.verbs.channel_state
import heartbeat.verbs.deliver
import heartbeat.verbs.operate
import heartbeat.verbs.record
import heartbeat.verbs.sweep
from heartbeat.core.judgment import Judgment
from heartbeat.core.transition import TRANSITIONS, Tell
from heartbeat.errors import ChannelFailed
from heartbeat.model import Event, Status, Verdict
from heartbeat.schedule import parse
from heartbeat.verbs.record import Recorded, Recorder
from simulation.play import ABSENT, CHANGING, play

WORLDS = 200


def deadline_an_extra_grace_late(patch):
    patch.setattr(heartbeat.core.slots, "deadline", lambda job, slot: slot + 2 * job.grace)


def deadline_a_moment_early(patch):
    patch.setattr(heartbeat.core.slots, "deadline", lambda job, slot: slot + job.grace - 1)


def lost_race_is_dropped(patch):
    def commit(self, _signals, decided, answers):
        self._store.commit([change for _, change in decided])
        answers.update({i: Recorded.STORED for i, _ in decided})
        return []

    patch.setattr(Recorder, "_commit", commit)


def recovery_is_told_twice(patch):
    tell = Judgment._tell

    def twice(self, event, at, incident):
        tell(self, event, at, incident)
        if event is Event.RECOVERED:
            self.alerts.append(replace(self.alerts[-1], id=f"{self.alerts[-1].id}/again"))

    patch.setattr(Judgment, "_tell", twice)


def early_is_ignored(patch):
    by_time = heartbeat.core.slots.by_time
    patch.setattr(heartbeat.core.slots, "by_time", lambda job, state, at: by_time(replace(job, early=0), state, at))


def first_miss_is_silent(patch):
    row = TRANSITIONS[Status.WAITING, Verdict.MISSED]
    patch.setitem(TRANSITIONS, (Status.WAITING, Verdict.MISSED), replace(row, tell=Tell.NOTHING))


def fixed_jobs_run_twice_in_the_fold(patch):
    def schedule_of(job):
        unix = all(len(text.split()) == 5 for text in job.schedule)
        return parse(job.schedule, job.timezone, "kubernetes" if unix else job.dialect)

    patch.setattr(heartbeat.core.slots, "schedule_of", schedule_of)


def doubled_signals_are_not_seen(patch):
    patch.setattr(heartbeat.verbs.record, "is_seen", lambda _snapshot, _signal: False)


def due_row_stays_behind(patch):
    change = Judgment.change

    def without_due(self, *, more=False):
        found = change(self, more=more)
        late = None if found.due is None else found.due + 3_600_000
        return replace(found, due=late)

    patch.setattr(Judgment, "change", without_due)


def miss_is_dated_when_we_looked(patch):
    miss = heartbeat.core.on_clock._miss
    patch.setattr(
        heartbeat.core.on_clock, "_miss", lambda case, slot, due: due <= case.now and miss(case, slot, case.now)
    )


def silences_are_ignored(patch):
    for module in (heartbeat.verbs.record, heartbeat.verbs.sweep):
        patch.setattr(module, "quiet_until", lambda _job, _silences, _now: None)


def hung_runs_are_never_noticed(patch):
    patch.setattr(heartbeat.core.on_clock, "_first_hung", lambda _case: None)


def outage_of_ours_is_everybodys_miss(patch):
    patch.setattr(heartbeat.core.blind.Blind, "hides", lambda _self, _start, _end: False)


def short_gaps_are_judged_at_once(patch):
    patch.setattr(heartbeat.core.on_clock, "judged_at", lambda limit, _blinds: limit.end)


def short_gaps_hide_nothing(patch):
    patch.setattr(heartbeat.core.blind.Limit, "is_quick", False)


def idempotency_key_changes(patch):
    count = iter(range(1_000_000))
    arrange = heartbeat.verbs.batching.arrange

    def other_keys(rows, siblings, group_above):
        return [replace(p, key=f"{p.key}/{next(count)}") for p in arrange(rows, siblings, group_above)]

    patch.setattr(heartbeat.verbs.batching, "arrange", other_keys)


def deliveries_in_any_order(patch):
    patch.setattr(heartbeat.verbs.batching, "elders", lambda _row, _siblings: [])
    arrange = heartbeat.verbs.batching.arrange
    patch.setattr(heartbeat.verbs.batching, "arrange", lambda *facts: arrange(*facts)[::-1])


def what_may_have_arrived_joins_another_message(patch):
    patch.setattr(heartbeat.verbs.batching, "tied", lambda _row: False)


def pauses_that_were_asked_for_are_forgotten(patch):
    patch.setattr(heartbeat.verbs.channel_state.Traffic, "paused", lambda self, _until: self)


def alerts_for_an_unknown_channel_die(patch):
    patch.setattr(heartbeat.verbs.deliver, "ChannelFailed", lambda text, **_: ChannelFailed(text, final=True))


def alert_after_is_off_by_one(patch):
    bad = Judgment._bad

    def sooner(self, *facts, **more):
        self.job = replace(self.job, alert_after=max(1, self.job.alert_after - 1))
        bad(self, *facts, **more)

    patch.setattr(Judgment, "_bad", sooner)


def lives_have_no_names(patch):
    """A job that comes back begins with the first version again: its next incident has the name of an old one."""
    patch.setattr(heartbeat.core.alerts, "incident_id", lambda slug, _life, version, line: f"{slug}/{version}.{line}")
    for module in (heartbeat.core.definition, heartbeat.core.judgment):
        patch.setattr(module, "incident_id", heartbeat.core.alerts.incident_id)
    patch.setattr(
        heartbeat.verbs.operate, "founding", lambda job, now, _left=None: heartbeat.core.definition.founding(job, now)
    )


def a_removal_forgets_what_people_said(patch):
    patch.setattr(
        heartbeat.verbs.operate, "founding", lambda job, now, _left=None: heartbeat.core.definition.founding(job, now)
    )


def a_removal_says_nothing(patch):
    patch.setattr(Judgment, "tell_closed", lambda _self: None)


def a_return_starts_with_the_slots_of_before(patch):
    returning = heartbeat.core.definition._returning

    def older(job, now, left):
        change = returning(job, now, left)
        return replace(change, state=replace(change.state, born=left.state.born, cursor=left.state.cursor))

    patch.setattr(heartbeat.core.definition, "_returning", older)


def an_edited_schedule_expects_what_lies_before_it(patch):
    patch.setattr(heartbeat.verbs.apply, "excuse", lambda _case, _until, _reason: None)


BROKEN = [thing for thing in list(vars().values()) if getattr(thing, "__code__", None) and thing.__module__ == __name__]


@pytest.mark.parametrize("break_it", BROKEN, ids=lambda break_it: break_it.__name__)
def test_some_world_notices(break_it, monkeypatch):
    break_it(monkeypatch)
    seeds = (kind + seed for seed in range(WORLDS) for kind in (0, CHANGING, ABSENT))
    found = next((problems for seed in seeds if (problems := play(seed)[1])), None)
    assert found, f"{WORLDS} worlds did not notice: {break_it.__name__}"
    assert "Traceback" not in found[0], f"this broke by itself: {found[0]}"
