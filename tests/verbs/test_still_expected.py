"""Starting and judging agree: what nobody would miss is not started, and what nobody started is not missed for it."""

import pytest
from msgspec.structs import replace
from trigger_stage import BORN, MINUTE, REFUSED, SILENT, TOOK_IT, Killed, Stage, at

from heartbeat.core.start_orders import Held, Order
from heartbeat.core.starting import run_for
from heartbeat.doors.server.scheduler import Scheduler
from heartbeat.model import Overlap, Phase, Trigger
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.telemetry import Log
from heartbeat.verbs.apply import define
from heartbeat.verbs.operate import pause_job, resume_job
from heartbeat.verbs.sweep import sweep
from heartbeat.verbs.trigger import Starter

HOUR = 60 * MINUTE


def run_of(slot):
    return run_for("job", at(slot), BORN)


def server(s):
    """A server on the stage's database, as it is after it has read the jobs."""
    made = Scheduler(s.store, s.starter, Log(lambda: 0.0), lambda: s.now)

    def step(when):
        s.now = at(when)
        made.step()
        assert made.join(10)

    step.read_again = made.read_again
    return step


@pytest.fixture
def kept(tmp_path):
    """A stage on a file, for servers with threads."""
    return lambda **options: Stage(store=SQLiteStore(tmp_path / "db"), **options)


class TestAnEditedSchedule:
    def test_to_a_minute_just_past_starts_nothing_and_nobody_misses_it(self, kept):
        s = kept()
        step = server(s)
        step("08:50:00")
        s.edit("08:50:30", schedule=("50 8 * * *",))
        step.read_again()
        step("08:50:31")
        assert s.fire("08:50:31", slot="08:50").held is Held.CLOSED
        s.alive("08:52", "09:20")
        assert (s.target.calls, s.told()) == ([], [])
        step.read_again()
        step("06T08:49")
        step("06T08:50")
        assert [call.slot for call in s.target.calls] == [at("06T08:50")]

    def test_by_another_process_the_old_slot_is_not_started(self, kept):
        s = kept()
        step = server(s)
        step("08:59:30")
        s.edit("08:59:40", schedule=("30 9 * * *",))
        step("09:00")
        assert s.target.calls == []
        assert s.fire("09:00:01").held is Held.NO_SLOT
        step("09:30:00")
        step("09:30:01")
        assert [call.slot for call in s.target.calls] == [at("09:30")]

    def test_what_waits_for_another_attempt_is_dropped(self, stage):
        s = stage(at_least_once=True)
        s.target.script = [REFUSED]
        s.fire("09:00")
        s.edit("09:00:02", schedule=("30 9 * * *",))
        assert s.sweep("09:00:05", "09:00:30") == []
        assert (s.phases, s.target.started, s.told()) == (["dropped"], [], [])
        assert s.fire("09:00:40").held is Held.DROPPED

    def test_a_repeat_of_a_call_that_may_have_arrived_is_dropped_too(self, stage):
        s = stage(at_least_once=True)
        s.target.script = [SILENT]
        s.fire("09:00")
        s.edit("09:00:02", schedule=("30 9 * * *",))
        s.sweep("09:00:05", "09:00:30")
        assert len(s.target.calls) == 1

    def test_a_claim_whose_holder_died_is_not_repeated(self, stage):
        s = stage()
        s.target.repeatable, s.target.script = 60 * MINUTE, [Killed()]
        with pytest.raises(Killed):
            s.fire("09:00")
        s.edit("09:00:30", schedule=("30 9 * * *",))
        assert [done.held for done in s.sweep("09:01:30")] == [Held.UNKNOWN]
        assert len(s.target.calls) == 1

    def test_a_change_of_something_else_changes_nothing(self, stage):
        s = stage()
        s.edit("08:59:59", description="another")
        assert s.fire("09:00").phase is Phase.STARTED


class TestAPause:
    def test_the_excused_slot_is_not_started_when_it_ends(self, kept):
        s = kept(grace=60 * MINUTE)
        step = server(s)
        s.pause("08:30", until="09:10")
        s.alive("08:31", "09:09")
        s.sweep("09:10:01")
        step.read_again()
        step("09:10:02")
        assert s.fire("09:10:03").held is Held.CLOSED
        s.alive("09:11", "10:30")
        assert (s.target.calls, s.verdict(), s.told()) == ([], ("excused", "job_paused"), [])

    def test_nor_when_no_sweep_has_ended_it_yet(self, stage):
        s = stage(grace=60 * MINUTE)
        s.pause("08:30", until="09:10")
        assert s.fire("09:10:03").held is Held.PAUSED

    def test_nor_when_a_person_ends_it(self, stage):
        s = stage(grace=60 * MINUTE)
        s.pause("08:30")
        resume_job(s.store, "job", at("09:10"))
        assert s.fire("09:10:03").held is Held.CLOSED

    def test_a_slot_after_its_end_is_started_though_no_sweep_has_ended_it(self, stage):
        s = stage(schedule="*/15 * * * *")
        s.pause("08:50", until="09:10")
        assert s.fire("09:15", slot="09:15").phase is Phase.STARTED

    def test_and_it_is_missed_however_late_the_sweep_looks(self, stage):
        s = stage(born="08:46", schedule="*/15 * * * *", grace=MINUTE)
        s.pause("08:50", until="09:14")
        s.alive("08:50", "09:10")
        s.sweep("09:13", "09:18")
        assert (s.verdict("09:00"), s.verdict("09:15")) == (("excused", "job_paused"), ("missed", "not_triggered"))
        assert s.told() == [("opened", "not_triggered")]

    def test_what_waits_for_another_attempt_is_dropped(self, stage):
        s = stage()
        s.target.script = [REFUSED]
        s.fire("09:00")
        s.pause("09:00:02")
        assert [done.held for done in s.sweep("09:00:05")] == [Held.DROPPED]
        assert s.lines()[-1] == "not started: the job is paused"
        resume_job(s.store, "job", at("09:01"))
        assert s.alive("09:02", "09:20") == []
        assert (s.target.started, s.told()) == ([], [])

    def test_a_run_that_waits_for_another_to_end_is_dropped(self, stage):
        s = stage(born="08:30", schedule="*/30 * * * *", overlap=Overlap.QUEUE, max_runtime=2 * HOUR)
        s.fire("09:00")
        s.hear("start", "09:01", run_of("09:00"))
        assert s.fire("09:30", slot="09:30").held is Held.QUEUED
        s.pause("09:31", until="09:40")
        s.sweep("09:40:01")
        s.hear("success", "09:45", run_of("09:00"))
        s.sweep("09:45:01")
        assert (s.target.started, s.phases, s.verdict("09:30")) == (
            [run_for("job", at("09:00"), BORN)],
            ["started", "dropped"],
            ("excused", "job_paused"),
        )

    def test_by_hand_it_is_started_all_the_same_and_tried_again(self, stage):
        s = stage()
        s.pause("08:00")
        s.target.script = [REFUSED]
        assert s.fire("08:01", slot=None, run_id="by-hand", by="me").phase is Phase.AGAIN
        assert [done.phase for done in s.sweep("08:01:05")] == [Phase.STARTED]


class TestADisabledJob:
    def test_the_slot_that_went_by_is_not_started_when_it_is_enabled(self, kept):
        s = kept(grace=60 * MINUTE)
        step = server(s)
        s.edit("08:30", enabled=False)
        step.read_again()
        step("09:00")
        s.edit("09:10", enabled=True)
        step.read_again()
        step("09:10:01")
        assert s.fire("09:10:02").held is Held.CLOSED
        s.alive("09:11", "10:30")
        assert (s.target.calls, s.told()) == ([], [])

    def test_what_waits_for_another_attempt_is_dropped(self, stage):
        s = stage()
        s.target.script = [REFUSED]
        s.fire("09:00")
        s.edit("09:00:02", enabled=False)
        assert [done.held for done in s.sweep("09:00:05")] == [Held.DROPPED]
        assert (s.target.started, s.told()) == ([], [])

    def test_a_run_by_hand_that_was_refused_for_now_is_tried_again(self, stage):
        s = stage(enabled=False)
        s.target.script = [REFUSED]
        s.fire("08:01", slot=None, run_id="by-hand", by="me")
        assert [done.phase for done in s.sweep("08:01:05")] == [Phase.STARTED]

    def test_what_waits_is_dropped_with_its_trigger(self, stage):
        s = stage()
        s.target.script = [REFUSED]
        s.fire("09:00")
        s.edit("09:00:02", trigger=None)
        assert [done.held for done in s.sweep("09:00:05")] == [Held.DROPPED]


class TestARemovedJob:
    def test_a_slot_of_before_is_not_started_when_it_comes_back(self, kept):
        s = kept(grace=60 * MINUTE)
        step = server(s)
        step("08:59")
        job = s.remove("08:59:30")
        step("09:00")
        s.declare("09:00:20", job)
        step.read_again()
        step("09:00:21")
        for run_id in ("", run_of("09:00")):
            assert s.fire("09:00:22", run_id=run_id).held is Held.CLOSED
        s.alive("09:01", "10:30")
        assert (s.target.calls, s.told()) == ([], [])

    def test_a_refused_start_of_before_is_forgotten(self, stage):
        s = stage()
        s.target.script = [REFUSED]
        s.fire("09:00")
        job = s.remove("09:00:02")
        s.declare("09:00:03", job)
        assert s.sweep("09:00:05", "09:00:30") == []
        assert s.fire("09:00:31").held is Held.CLOSED
        assert len(s.target.calls) == 1

    def test_an_order_that_names_no_run_is_for_the_life_of_now(self, kept):
        """Whoever read the job before it was removed and declared again wins no claim with the old life's name."""
        s = kept(schedule="*/5 * * * *")
        s.declare("09:03", s.remove("09:02"))
        started = s.fire("09:05", slot="09:05", run_id="")
        assert (started.phase, started.run_id) == (Phase.STARTED, run_for("job", at("09:05"), at("09:03")))


class TestASlotThatIsMet:
    def test_a_run_that_came_early_is_not_made_again(self, stage):
        s = stage()
        s.hear("success", "08:57", "mine")
        assert s.fire("09:00").held is Held.CLOSED

    def test_nor_what_waits_for_another_attempt(self, stage):
        s = stage()
        s.target.script = [REFUSED]
        s.fire("09:00")
        s.hear("success", "09:00:03", "by-hand")
        assert s.sweep("09:00:05", "09:00:30") == []
        assert (s.target.started, s.phases, s.verdict()) == ([], ["dropped"], ("on_time", "in_time"))

    def test_nor_what_has_checked_in_though_no_answer_came(self, stage):
        s = stage(at_least_once=True)
        s.target.script = [SILENT]
        assert s.fire("09:00").phase is Phase.AGAIN
        s.hear("start", "09:00:03", run_of("09:00"))
        assert [done.held for done in s.sweep("09:00:05")] == [Held.DONE]
        assert (len(s.target.calls), s.phases) == (1, ["started"])

    def test_nor_what_waits_for_another_run(self, stage):
        s = stage(born="08:30", schedule="*/30 * * * *", overlap=Overlap.QUEUE, max_runtime=2 * HOUR)
        s.fire("09:00")
        s.hear("start", "09:01", run_of("09:00"))
        s.fire("09:30", slot="09:30")
        s.hear("success", "09:35", "by-hand", named="2026-01-05T09:30")
        s.hear("success", "09:40", run_of("09:00"))
        s.sweep("09:40:01")
        assert (s.target.started, s.phases) == ([run_of("09:00")], ["started", "dropped"])


class TestAtTheMomentOfTheCall:
    """Somebody changes the job between the reading and the claim: the commit is refused, and all is asked anew."""

    def meanwhile(self, s, monkeypatch, change):
        commit, once = s.store.commit, [change]

        def changed_before(changes):
            if once:
                once.pop()()
            return commit(changes)

        monkeypatch.setattr(s.store, "commit", changed_before)

    @pytest.mark.parametrize(
        ("change", "held"),
        [
            (lambda s: define(s.store, replace(s.snapshot.job, schedule=("30 9 * * *",)), s.now), Held.CLOSED),
            (lambda s: define(s.store, replace(s.snapshot.job, enabled=False), s.now), Held.DISABLED),
            (lambda s: pause_job(s.store, "job", s.now), Held.PAUSED),
            (lambda s: s.hear("success", "09:00", "mine"), Held.CLOSED),
        ],
    )
    def test_what_changed_holds(self, stage, monkeypatch, change, held):
        s = stage()
        self.meanwhile(s, monkeypatch, lambda: change(s))
        assert s.fire("09:00").held is held
        assert s.target.calls == []

    def test_the_target_is_that_of_the_new_definition(self, stage, monkeypatch):
        s, asked = stage(), []
        s.starter = Starter(s.store, lambda trigger: asked.append(trigger.settings) or s.target, lambda: s.now)
        new = Trigger(kind="http", settings={"url": "https://new.example.org"})
        self.meanwhile(s, monkeypatch, lambda: define(s.store, replace(s.snapshot.job, trigger=new), s.now))
        assert s.fire("09:00").phase is Phase.STARTED
        assert asked == [{}, {"url": "https://new.example.org"}]

    def test_two_servers_on_one_database_with_different_memories(self, kept):
        s = kept()
        one, other = server(s), server(s)
        one("08:59:30")
        other("08:59:30")
        s.edit("08:59:40", schedule=("*/30 * * * *",))
        other.read_again()
        for when in ("09:00", "09:00:01", "09:30", "09:30:01"):
            one(when)
            other(when)
        assert [call.slot for call in s.target.calls] == [at("09:00"), at("09:30")]


class TestALongQueue:
    """Hourly runs of 170 minutes."""

    LENGTH = 170 * MINUTE

    def day(self, stage, hours, **options):
        """Whoever starts comes every minute: (slot, when its run began) of each run."""
        s = stage(born="08:30", schedule="0 * * * *", overlap=Overlap.QUEUE, max_runtime=3 * HOUR, **options)
        begun, ends = [], []

        def begin(call, _):
            begun.append((call.slot, s.now))
            ends.append((s.now + self.LENGTH, call.run_id))

        for now in range(at("09:00"), at("09:00") + hours * HOUR, MINUTE):
            s.now = now
            for end, run_id in [end for end in ends if end[0] == now]:
                ends.remove((end, run_id))
                self.say(s, "success", now, run_id)
            s.target.script = [lambda call, sent: begin(call, sent) or TOOK_IT]
            before = len(begun)
            if now % HOUR == 0:
                s.starter.start(Order(slug="job", slot=now))
            for order in sweep(s.store, now, service=("ops",)).starts:
                s.starter.start(order)
            for slot, _ in begun[before:]:
                self.say(s, "start", now, run_for("job", slot, at("08:30")))
        return s, begun

    def say(self, s, kind, now, run_id):
        s.hear(kind, f"{now // HOUR % 24:02}:{now // MINUTE % 60:02}", run_id)

    def test_they_start_one_after_another_in_their_order_and_none_is_lost(self, stage):
        s, begun = self.day(stage, 11)
        assert begun == [
            (at("09:00"), at("09:00")),
            (at("10:00"), at("11:50")),
            (at("11:00"), at("14:40")),
            (at("12:00"), at("17:30")),
        ]
        assert [s.verdict(slot) for slot in ("09:00", "10:00", "11:00")] == [("on_time", "in_time")] * 3
        assert s.told() == []

    def test_what_is_beyond_the_queue_never_runs_and_is_told_at_once(self, stage):
        s, begun = self.day(stage, 14)
        assert s.verdict("20:00") == ("None", "None")
        assert s.verdict("22:00") == ("failed", "trigger_failed")
        assert s.told() == [("opened", "trigger_failed")]
        assert "skipped: 8 runs wait already for the one before them to end (overlap: queue)" in s.lines()
        assert at("22:00") not in [slot for slot, _ in begun]

    def test_a_run_that_the_queue_began_has_its_grace_from_then_and_its_runtime(self, stage):
        s = stage(born="08:30", schedule="*/30 * * * *", overlap=Overlap.QUEUE, max_runtime=HOUR)
        s.fire("09:00")
        s.hear("start", "09:01", run_of("09:00"))
        s.fire("09:30", slot="09:30")
        s.alive("09:31", "09:51")
        s.hear("success", "09:52", run_of("09:00"))
        s.sweep("09:52:01")
        s.alive("09:53", "10:01")
        assert (s.phases[-1], s.told()) == ("started", [])
        s.alive("10:01", "10:05")
        assert (s.verdict("09:30"), s.told()) == (("missed", "never_checked_in"), [("opened", "never_checked_in")])
        assert s.state.incident.opened_at == at("10:02:01")

    def test_a_slot_behind_one_that_waits_is_missed_at_its_own_time(self, stage):
        s = stage(born="08:30", schedule="*/30 * * * *", overlap=Overlap.QUEUE, max_runtime=2 * HOUR)
        s.fire("09:00")
        s.hear("start", "09:01", run_of("09:00"))
        s.fire("09:30", slot="09:30")
        s.alive("09:31", "10:07")
        s.sweep("10:10")
        assert (s.verdict("10:00"), s.told()) == (("missed", "not_triggered"), [("opened", "not_triggered")])
        s.hear("success", "10:12", run_of("09:00"))
        s.sweep("10:12:01")
        s.hear("success", "10:20", run_of("09:30"))
        assert (s.target.started, s.verdict("09:30")) == ([run_of("09:00"), run_of("09:30")], ("on_time", "in_time"))

    def test_pings_that_do_not_name_their_run_are_those_of_the_run_that_began(self, stage):
        s = stage(born="08:30", schedule="*/30 * * * *", overlap=Overlap.QUEUE, max_runtime=HOUR)
        s.fire("09:00")
        s.hear("start", "09:01", "")
        s.fire("09:30", slot="09:30")
        s.alive("09:31", "09:57")
        s.hear("success", "09:57", "")
        s.sweep("09:57:01")
        s.hear("start", "09:58", "")
        s.hear("success", "10:20", "")
        assert s.verdict("09:00") == s.verdict("09:30") == ("on_time", "in_time")

    def test_a_failed_start_lets_the_next_one_go(self, stage):
        s = stage(born="08:30", schedule="*/30 * * * *", overlap=Overlap.QUEUE, max_runtime=2 * HOUR)
        s.fire("09:00")
        s.hear("start", "09:01", run_of("09:00"))
        s.fire("09:30", slot="09:30")
        s.fire("10:00", slot="10:00")
        s.hear("success", "10:05", run_of("09:00"))
        s.target.script = [REFUSED]
        s.sweep("10:05:01")
        assert sorted(s.phases) == ["again", "queued", "started"]
        s.sweep("10:05:06")
        s.hear("success", "10:10", run_of("09:30"))
        s.sweep("10:10:01")
        assert s.target.started == [run_of("09:00"), run_of("09:30"), run_of("10:00")]


class TestALateStart:
    """A server that was away takes up the slot late: the run is not to blame."""

    def test_it_has_its_grace_from_then(self, stage):
        s = stage()
        s.fire("09:08")
        s.sweep("09:11", "09:14", "09:17")
        assert s.told() == []
        s.hear("success", "09:17:30", run_of("09:00"))
        assert s.verdict() == ("on_time", "in_time")

    def test_and_is_missed_after_it(self, stage):
        s = stage()
        s.fire("09:08")
        s.sweep("09:17", "09:18")
        assert (s.told(), s.state.incident.opened_at) == ([("opened", "never_checked_in")], at("09:18"))

    def test_a_refusal_is_tried_again_from_then_on(self, stage):
        s = stage(grace=HOUR)
        s.target.script = [REFUSED]
        assert s.fire("09:40").phase is Phase.AGAIN
        assert [done.phase for done in s.sweep("09:40:05")] == [Phase.STARTED]

    def test_by_hand_for_a_slot_long_past_it_is_tried_again_too(self, stage):
        s = stage()
        s.target.script = [REFUSED]
        assert s.fire("11:00", run_id="by-hand", by="me").phase is Phase.AGAIN
        assert [done.phase for done in s.sweep("11:00:05")] == [Phase.STARTED]

    def test_within_a_minute_it_is_not_late(self, stage):
        s = stage()
        s.fire("09:00:59")
        s.sweep("09:10")
        assert s.state.incident.opened_at == at("09:10")
