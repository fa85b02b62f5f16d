"""A slot is started once: whoever fires, however often, and whatever happens in between."""

import threading

import pytest
from trigger_stage import BORN, MINUTE, NEVER, REFUSED, SILENT, TOOK_IT, Killed, Stage, at

from heartbeat.core.start_orders import Held, Order
from heartbeat.core.starting import run_for
from heartbeat.errors import StartFailed, UnknownJob
from heartbeat.model import Overlap, Phase
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.targets.protocol import TargetAnswer
from heartbeat.verbs.sweep import sweep
from heartbeat.verbs.trigger import Starter

RUN = run_for("job", at("09:00"), BORN)


def test_a_slot_is_started_once_however_often_it_fires(stage):
    s = stage()
    first = s.fire("09:00")
    assert (first.phase, first.held, first.text) == (Phase.STARTED, None, "202 Accepted")
    for when in ("09:00", "09:00:01", "09:05", "09:09"):
        again = s.fire(when)
        assert (again.phase, again.held) == (Phase.STARTED, Held.DONE)
    assert s.target.started == [RUN]
    assert s.lines() == ["started: 202 Accepted"]


def test_the_call_says_which_run_and_slot(stage):
    s = stage(timezone="Asia/Tokyo", schedule="0 18 * * *")
    s.fire("09:00")
    (call,) = s.target.calls
    assert (call.slug, call.run_id, call.slot, call.timezone) == ("job", RUN, at("09:00"), "Asia/Tokyo")
    assert (call.attempt, call.input) == (1, "")


def test_the_next_slot_is_another_run(stage):
    s = stage()
    s.fire("09:00")
    s.fire("06T09:00", slot="06T09:00")
    assert len(set(s.target.started)) == 2


def test_signals_of_the_run_meet_its_slot_though_they_come_late_and_unnamed(stage):
    s = stage(grace=20 * MINUTE, schedule="*/30 * * * *")
    s.fire("09:00")
    s.hear("start", "09:19", RUN)
    s.hear("success", "09:31", RUN)
    assert s.verdict() == ("on_time", "in_time")


class TestWhenItMayNotStart:
    @pytest.mark.parametrize(
        ("when", "held"), [("08:59:57", Held.TOO_EARLY), ("09:10", Held.TOO_LATE), ("12:00", Held.TOO_LATE)]
    )
    def test_the_wrong_time(self, stage, when, held):
        s = stage()
        assert s.fire(when).held is held
        assert (s.target.calls, s.phases) == ([], [])

    def test_a_clock_that_is_a_little_behind_is_not_too_early(self, stage):
        assert stage().fire("08:59:58").phase is Phase.STARTED

    def test_before_it_was_declared(self, stage):
        assert stage(born="09:00:30").fire("09:01").held is Held.CLOSED

    def test_an_older_slot_than_the_last(self, stage):
        s = stage(schedule="*/5 * * * *")
        s.fire("09:05", slot="09:05")
        assert s.fire("09:06", slot="09:00").held is Held.OVERTAKEN

    def test_a_paused_job(self, stage):
        s = stage()
        s.pause("08:00")
        assert s.fire("09:00").held is Held.PAUSED

    def test_a_disabled_job(self, stage):
        assert stage(enabled=False).fire("09:00").held is Held.DISABLED

    def test_a_job_without_a_trigger(self, stage):
        assert stage(trigger=None).fire("09:00").held is Held.NO_TRIGGER

    def test_no_slot_and_nobody_who_wishes_it(self, stage):
        assert stage().fire("09:00", slot=None, run_id="r").held is Held.NO_SLOT

    def test_an_unknown_job(self, stage):
        with pytest.raises(UnknownJob):
            stage().starter.start(Order(slug="nobody", slot=None, run_id="r"))


class TestByHand:
    def test_a_run_by_hand_needs_no_slot(self, stage):
        s = stage()
        started = s.fire("08:00", slot=None, run_id="by-hand", by="me", input='{"rows": 3}')
        assert (started.phase, s.target.calls[0].input, s.state.starts[0].by) == (Phase.STARTED, '{"rows": 3}', "me")

    def test_it_takes_no_slot_from_the_schedule(self, stage):
        s = stage()
        s.fire("08:59:59", run_id="by-hand", by="me")
        assert s.fire("09:00").phase is Phase.STARTED
        assert s.target.started == ["by-hand", RUN]

    def test_it_starts_a_paused_and_a_disabled_job(self, stage):
        s = stage()
        s.pause("08:00")
        assert s.fire("08:01", slot=None, run_id="by-hand", by="me").phase is Phase.STARTED
        assert stage(enabled=False).fire("08:01", slot=None, run_id="x", by="me").phase is Phase.STARTED

    def test_it_may_be_for_a_slot_long_past(self, stage):
        s = stage()
        s.sweep("09:11")
        s.fire("11:00", run_id="by-hand", by="me")
        s.hear("success", "11:05", "by-hand")
        assert s.verdict()[0] == "late"
        assert [event for event, _ in s.told()] == ["opened", "recovered"]


class TestRefusals:
    def test_what_is_refused_for_now_is_tried_again_by_the_same_run(self, stage):
        s = stage()
        s.target.script = [REFUSED, REFUSED]
        first = s.fire("09:00")
        assert (first.phase, first.again) == (Phase.AGAIN, at("09:00:05"))
        assert s.fire("09:00:04").held is Held.LATER
        assert s.sweep("09:00:05")[0].again == at("09:00:15")
        assert [done.phase for done in s.sweep("09:00:20")] == [Phase.STARTED]
        assert (s.target.started, [call.attempt for call in s.target.calls]) == ([RUN], [1, 2, 3])
        assert s.lines()[-1] == "started, attempt 3: 202 Accepted"

    def test_the_pause_that_the_target_asks_for_is_kept(self, stage):
        s = stage()
        s.target.script = [StartFailed("429", again=True, retry_after=90)]
        assert s.fire("09:00").again == at("09:01:30")

    def test_attempts_end_with_the_grace_and_it_is_told_at_once(self, stage):
        s = stage(grace=2 * MINUTE)
        s.target.script = [REFUSED] * 20
        s.fire("09:00")
        for second in range(10, 600, 10):
            s.sweep(f"09:{second // 60:02}:{second % 60:02}")
        assert (s.phases, s.target.started) == (["failed"], [])
        assert 3 <= len(s.target.calls) <= 6
        assert s.told() == [("opened", "trigger_failed")]
        assert s.lines()[-1] == f"not started, attempt {len(s.target.calls)}: 503 busy"

    def test_a_refusal_for_good_is_told_at_once_with_the_answer(self, stage):
        s = stage()
        s.target.script = [NEVER]
        assert s.fire("09:00").phase is Phase.FAILED
        assert (s.told(), s.verdict()) == ([("opened", "trigger_failed")], ("failed", "trigger_failed"))
        assert s.lines() == ["not started: RESOURCE:CPU"]
        assert s.fire("09:01").held is Held.GIVEN_UP

    def test_a_target_that_cannot_be_made_is_told_and_tried_again(self, stage):
        from heartbeat.errors import BadSetting  # noqa: PLC0415 - only here

        def broken(_):
            raise BadSetting("TOKEN is not set")

        s = stage()
        s.starter = Starter(s.store, broken, lambda: s.now)
        assert s.fire("09:00").phase is Phase.AGAIN
        assert s.lines() == ["refused for now, to be tried again: TOKEN is not set"]

    def test_nobody_goes_on_with_it_until_it_is_too_late(self, stage):
        s = stage()
        s.target.script = [REFUSED]
        s.fire("09:00")
        assert [done.held for done in s.sweep("12:00")] == [Held.GIVEN_UP]
        assert (s.phases, len(s.target.calls)) == (["failed"], 1)


class TestWhatCannotBeKnown:
    def test_no_answer_is_said_and_not_repeated(self, stage):
        s = stage()
        s.target.script = [SILENT]
        assert s.fire("09:00").phase is Phase.UNKNOWN
        assert s.fire("09:01").held is Held.UNKNOWN
        assert s.sweep("09:02", "09:05", "09:09") == []
        assert s.target.started == [RUN]
        assert s.lines() == ["perhaps started: no answer within 10 s"]

    def test_its_signals_still_join_it(self, stage):
        s = stage()
        s.target.script = [SILENT]
        s.fire("09:00")
        s.hear("success", "09:04", RUN)
        s.sweep("09:11")
        assert (s.verdict()[0], s.told()) == ("on_time", [])

    def test_it_is_repeated_where_that_can_do_no_harm(self, stage):
        for options, repeatable in (({"at_least_once": True}, 0), ({}, 60 * MINUTE)):
            s = stage(**options)
            s.target.repeatable, s.target.script = repeatable, [SILENT]
            assert s.fire("09:00").phase is Phase.AGAIN
            s.sweep("09:00:06")
            assert (s.phases, len(s.target.calls)) == (["started"], 2)
            assert set(s.target.started) == {RUN}

    def test_death_between_claim_and_call_is_said_and_not_repeated(self, stage):
        """Nobody can tell it from death after the call."""
        s = stage()
        s.target.script = [lambda *_: (_ for _ in ()).throw(Killed())]
        with pytest.raises(Killed):
            s.fire("09:00")
        assert s.fire("09:00:30").held is Held.BUSY
        assert [done.held for done in s.sweep("09:01:30")] == [Held.UNKNOWN]
        assert (s.phases, s.target.started, len(s.target.calls)) == (["unknown"], [], 1)
        assert s.lines()[-1].startswith("perhaps started: whoever started it ended")

    def test_death_is_repeated_where_that_can_do_no_harm(self, stage):
        s = stage()
        s.target.repeatable, s.target.script = 60 * MINUTE, [Killed()]
        with pytest.raises(Killed):
            s.fire("09:00")
        assert [done.phase for done in s.sweep("09:01:30")] == [Phase.STARTED]
        assert (s.target.started, len(s.target.calls)) == ([RUN], 2)

    def test_what_the_target_has_forgotten_by_now_is_not_repeated(self, stage):
        s = stage()
        s.target.repeatable, s.target.script = 4 * MINUTE, [Killed()]
        with pytest.raises(Killed):
            s.fire("09:00")
        assert [done.held for done in s.sweep("09:04:01")] == [Held.UNKNOWN]

    def test_death_after_the_call_was_answered(self, stage, monkeypatch):
        """The answer is lost with us: it is said that nobody knows."""
        s = stage()
        monkeypatch.setattr(s.starter, "_tell", lambda *_: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            s.fire("09:00")
        monkeypatch.undo()
        s.sweep("09:01:30")
        assert (s.phases, s.target.started) == (["unknown"], [RUN])


class TestRaces:
    @pytest.mark.parametrize("repeatable", [0, 60 * MINUTE])
    def test_two_who_fire_at_once_start_it_once(self, tmp_path, repeatable):
        s = Stage(store=SQLiteStore(tmp_path / "db"))
        s.target.repeatable, s.now = repeatable, at("09:00")
        gate, held = threading.Barrier(8), []

        def fire():
            store = SQLiteStore(tmp_path / "db")
            starter = Starter(store, lambda _: s.target, lambda: s.now)
            gate.wait()
            held.append(starter.start(Order(slug="job", slot=at("09:00"), run_id=RUN)).held)
            store.close()

        threads = [threading.Thread(target=fire) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert held.count(None) == 1
        assert set(held) <= {None, Held.BUSY, Held.DONE}
        assert [call.run_id for call in s.target.calls] == [RUN]

    def test_a_signal_that_comes_during_the_call_is_not_lost(self, stage):
        s = stage()
        s.target.script = [lambda *_: s.hear("start", "09:00:01", RUN) or TOOK_IT]
        s.fire("09:00")
        assert (s.phases, [run.id for run in s.state.runs]) == (["started"], [RUN])

    def test_a_run_that_ends_during_the_call(self, stage):
        s = stage()
        s.target.script = [lambda *_: s.hear("success", "09:00:01", RUN) or TOOK_IT]
        s.fire("09:00")
        s.sweep("09:11")
        assert (s.verdict()[0], s.told()) == ("on_time", [])


class TestWhatBecameOfIt:
    def test_nobody_fired(self, stage):
        s = stage()
        s.sweep("09:11")
        assert s.told() == [("opened", "not_triggered")]
        assert s.verdict() == ("missed", "not_triggered")

    def test_it_never_checked_in(self, stage):
        s = stage()
        s.fire("09:00")
        s.sweep("09:11")
        assert s.told() == [("opened", "never_checked_in")]

    def test_it_never_finished(self, stage):
        s = stage(max_runtime=30 * MINUTE)
        s.fire("09:00")
        s.hear("start", "09:01", RUN)
        s.alive("09:02", "09:34")
        assert s.told() == [("opened", "max_runtime_ran_out")]

    def test_it_failed_with_an_exit_status(self, stage):
        s = stage()
        s.fire("09:00")
        s.hear("fail", "09:05", RUN, exit_status=3)
        assert s.told() == [("opened", "exit_status")]

    def test_it_finished_late(self, stage):
        s = stage()
        s.fire("09:00")
        s.sweep("09:11")
        s.hear("success", "09:30", RUN)
        assert (s.verdict()[0], s.told()[-1][0]) == ("late", "recovered")

    @pytest.mark.parametrize(("ok", "verdict"), [(True, "on_time"), (False, "failed")])
    def test_an_answer_that_is_the_end_of_the_run(self, stage, ok, verdict):
        def work(_, sent):
            sent()
            s.now = at("09:03")
            return TargetAnswer(text="200 OK", ok=ok, output="3 rows")

        s = stage()
        s.target.script = [work]
        s.fire("09:00")
        assert (s.verdict()[0], s.state.runs) == (verdict, ())
        assert s.lines() == ["", "started: 200 OK", "3 rows"]


class TestOverlap:
    def fire_twice(self, s):
        s.fire("09:00")
        s.hear("start", "09:01", RUN)
        return s.fire("09:30", slot="09:30")

    def two(self, stage, overlap):
        return stage(born="08:45", schedule="*/30 * * * *", overlap=overlap, max_runtime=6 * 60 * MINUTE)

    def test_allow(self, stage):
        assert self.fire_twice(self.two(stage, Overlap.ALLOW)).phase is Phase.STARTED

    def test_skip_excuses_the_slot(self, stage):
        s = self.two(stage, Overlap.SKIP)
        skipped = self.fire_twice(s)
        assert (skipped.phase, skipped.held) == (Phase.SKIPPED, Held.SKIPPED)
        s.alive("09:31", "09:47")
        assert (s.verdict("09:30"), s.told()) == (("excused", "still_running"), [])
        assert s.target.started == [RUN]

    def test_queue_starts_when_the_other_has_ended(self, stage):
        s = self.two(stage, Overlap.QUEUE)
        assert self.fire_twice(s).held is Held.QUEUED
        assert [done.held for done in s.sweep("09:31", "09:32")] == [Held.QUEUED, Held.QUEUED]
        s.hear("success", "09:33", RUN)
        assert [done.phase for done in s.sweep("09:33:01")] == [Phase.STARTED]
        assert len(s.target.started) == 2

    def test_while_whoever_starts_it_says_that_it_waits_nobody_is_told(self, stage):
        s = self.two(stage, Overlap.QUEUE)
        self.fire_twice(s)
        for minute in range(31, 59):
            s.sweep(f"09:{minute}")
        assert s.told() == []

    def test_a_queued_slot_that_nobody_asks_for_is_told_as_that_and_not_lost(self, stage):
        s = self.two(stage, Overlap.QUEUE)
        self.fire_twice(s)
        for minute in range(31, 45):
            s.now = at(f"09:{minute}")
            sweep(s.store, s.now)
        assert s.told() == [("opened", "still_running")]
        s.hear("success", "09:50", RUN)
        s.sweep("09:50:01")
        s.hear("success", "09:55", run_for("job", at("09:30"), BORN))
        assert (s.verdict("09:30")[0], s.told()[-1][0]) == ("late", "recovered")

    def test_only_so_many_wait(self, stage):
        s = self.two(stage, Overlap.QUEUE)
        self.fire_twice(s)
        slots = [at("10:00") + n * 30 * MINUTE for n in range(10)]
        held = []
        for slot in slots:
            s.now = slot
            held.append(s.starter.start(Order(slug="job", slot=slot, run_id=run_for("job", slot, BORN))).held)
        assert held == [Held.QUEUED] * 7 + [Held.SKIPPED] * 3

    def test_a_start_that_never_checked_in_is_no_run_under_way_after_its_grace(self, stage):
        s = self.two(stage, Overlap.SKIP)
        s.fire("09:00")
        assert s.fire("09:30", slot="09:30").phase is Phase.STARTED

    def test_by_hand_too(self, stage):
        s = self.two(stage, Overlap.SKIP)
        s.fire("09:00")
        s.hear("start", "09:01", RUN)
        assert s.fire("09:05", slot=None, run_id="by-hand", by="me").held is Held.SKIPPED


def test_a_hundred_starts_leave_sixteen(stage):
    s = stage(schedule="*/5 * * * *")
    for n in range(100):
        s.now = at("09:00") + n * 5 * MINUTE
        s.starter.start(Order(slug="job", slot=s.now, run_id=run_for("job", s.now, BORN)))
    assert (len(s.target.started), len(s.state.starts)) == (100, 16)
