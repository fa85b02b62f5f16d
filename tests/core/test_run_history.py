"""The record of each run: a different word for each end, and everything that is known of it."""

import pytest
from trigger_stage import BORN, MINUTE, NEVER, REFUSED, SILENT, at

from heartbeat.core.run_history import RunEnd, records
from heartbeat.core.starting import run_for
from heartbeat.model import Bound, Overlap, Reason

RUN = run_for("job", at("09:00"), BORN)


def all_of(s):
    return records(s.snapshot, s.store.history("job", 1_000))


def one(s):
    (record,) = all_of(s)
    return record


class TestEachEndHasItsWord:
    def test_not_triggered(self, stage):
        s = stage()
        s.sweep("09:11")
        assert (one(s).end, one(s).slot, one(s).id) == (RunEnd.NOT_TRIGGERED, at("09:00"), "")

    def test_trigger_failed(self, stage):
        s = stage()
        s.target.script = [NEVER]
        s.fire("09:00")
        assert (one(s).end, one(s).answer, one(s).id) == (RunEnd.TRIGGER_FAILED, "RESOURCE:CPU", RUN)

    def test_never_checked_in(self, stage):
        s = stage()
        s.fire("09:00")
        assert one(s).end is RunEnd.TRIGGERED
        s.sweep("09:11")
        assert (one(s).end, one(s).answer, one(s).triggered_at) == (
            RunEnd.NEVER_CHECKED_IN,
            "202 Accepted",
            at("09:00"),
        )

    def test_perhaps_started(self, stage):
        s = stage()
        s.target.script = [SILENT]
        s.fire("09:00")
        assert one(s).end is RunEnd.UNKNOWN

    def test_never_finished(self, stage):
        s = stage(max_runtime=30 * MINUTE)
        s.fire("09:00")
        s.hear("start", "09:01", RUN)
        assert one(s).end is RunEnd.RUNNING
        s.alive("09:02", "09:34")
        assert (one(s).end, one(s).reason) == (RunEnd.NEVER_FINISHED, Reason.MAX_RUNTIME_RAN_OUT)

    def test_failed(self, stage):
        s = stage()
        s.fire("09:00")
        s.hear("start", "09:01", RUN)
        s.hear("fail", "09:03", RUN, exit_status=3, body="no disk")
        record = one(s)
        assert (record.end, record.exit_status, record.output) == (RunEnd.FAILED, 3, "no disk")
        assert (record.started_at, record.finished_at, record.duration) == (at("09:01"), at("09:03"), 2 * MINUTE)

    def test_finished_late(self, stage):
        s = stage()
        s.fire("09:00")
        s.sweep("09:11")
        s.hear("success", "09:30", RUN, duration=90_000)
        assert (one(s).end, one(s).duration) == (RunEnd.LATE, 90_000)

    def test_finished_after_it_was_given_up(self, stage):
        s = stage(max_runtime=10 * MINUTE)
        s.fire("09:00")
        s.hear("start", "09:01", RUN)
        s.alive("09:02", "09:14")
        s.hear("success", "09:20", RUN)
        assert one(s).end is RunEnd.LATE

    def test_an_assertion_failed(self, stage):
        s = stage(bounds=(Bound(metric="rows", low=1),))
        s.fire("09:00")
        s.hear("success", "09:02", RUN, metrics=(("rows", 0.0),))
        assert one(s).end is RunEnd.ASSERTION

    def test_done(self, stage):
        s = stage()
        s.fire("09:00")
        s.hear("success", "09:02", RUN)
        assert (one(s).end, one(s).attempts, one(s).by) == (RunEnd.DONE, 1, "")

    def test_refused_for_now(self, stage):
        s = stage()
        s.target.script = [REFUSED]
        s.fire("09:00")
        assert one(s).end is RunEnd.AGAIN

    def test_skipped_and_waiting(self, stage):
        for overlap, end in ((Overlap.SKIP, RunEnd.SKIPPED), (Overlap.QUEUE, RunEnd.WAITING)):
            s = stage(born="08:45", schedule="*/30 * * * *", overlap=overlap, max_runtime=6 * 60 * MINUTE)
            s.fire("09:00")
            s.hear("start", "09:01", RUN)
            s.fire("09:30", slot="09:30")
            assert [record.end for record in all_of(s)] == [end, RunEnd.RUNNING]

    def test_paused(self, stage):
        s = stage()
        s.pause("08:00")
        s.sweep("09:11")
        assert one(s).end is RunEnd.EXCUSED


def test_a_job_without_a_trigger_has_runs_too(stage):
    s = stage(trigger=None)
    s.hear("start", "09:01", "r1")
    s.hear("success", "09:03", "r1")
    s.hear("success", "06T09:02", "")
    s.sweep("07T09:11")
    ends = [(record.slot, record.end) for record in all_of(s)]
    assert ends[1:] == [(at("06T09:00"), RunEnd.DONE), (at("09:00"), RunEnd.DONE)]


def test_nothing_heard(stage):
    s = stage(trigger=None)
    s.sweep("09:11")
    assert one(s).end is RunEnd.MISSED


def test_a_run_by_hand_has_its_own_record(stage):
    s = stage()
    s.fire("09:00")
    s.hear("success", "09:02", RUN)
    s.fire("10:00", slot=None, run_id="by-hand", by="me")
    s.hear("success", "10:05", "by-hand")
    assert [(r.id, r.slot, r.by, r.end) for r in all_of(s)] == [
        ("by-hand", None, "me", RunEnd.DONE),
        (RUN, at("09:00"), "", RunEnd.DONE),
    ]


@pytest.mark.parametrize("script", [[], [NEVER], [SILENT]])
def test_a_start_that_the_job_has_forgotten_still_has_its_word(stage, script):
    s = stage(schedule="*/5 * * * *")
    s.target.script = list(script)
    s.fire("09:00")
    before = next(record for record in all_of(s) if record.id == RUN)
    for n in range(1, 20):
        s.now = at("09:00") + n * 5 * MINUTE
        slot = s.now
        from heartbeat.core.start_orders import Order  # noqa: PLC0415 - only here

        s.starter.start(Order(slug="job", slot=slot, run_id=run_for("job", slot, BORN)))
    after = next(record for record in all_of(s) if record.id == RUN)
    assert (after.end, after.answer) == (before.end, before.answer)
    assert len(all_of(s)) == 20


def test_an_execution_from_the_console_is_a_run_by_hand(stage):
    s = stage()
    s.fire("09:00")
    s.hear("start", "09:01", RUN, source="step_functions")
    s.hear("success", "09:05", RUN, source="step_functions")
    s.hear("start", "10:01", "console", source="step_functions")
    s.hear("success", "10:05", "pinged")
    assert {record.id: record.by for record in all_of(s)} == {RUN: "", "console": "hand", "pinged": ""}


def test_an_execution_of_a_job_without_a_trigger_is_nobodys(stage):
    s = stage(trigger=None)
    s.hear("success", "09:05", "theirs", source="step_functions")
    assert one(s).by == ""
