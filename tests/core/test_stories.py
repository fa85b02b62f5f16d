"""Stories on a timeline: what happened, what people were told, what became of each slot."""

import pytest
from story_world import World

from heartbeat.config import read
from heartbeat.model import Evidence, Kind, Signal
from heartbeat.verbs.apply import apply


def test_late_sweep_dates_the_miss_when_grace_ran_out():
    w = World("every 60m", grace="5m")
    w.ping("08:00")
    w.sweep("11:30")
    w.ping("11:31")
    assert w.told() == ["09:05 down", "11:31 up"]
    assert w.verdicts() == {
        "08:00": "on_time",
        "09:00": "missed",
        "10:00": "missed",
        "11:00": "missed",
        "12:00": "on_time",
    }


def test_a_run_on_time_tells_nobody():
    w = World("0 9 * * *", grace="10m")
    w.ping("09:02")
    w.alive("07:01", "09:30")
    assert (w.status, w.told(), w.verdicts()) == ("up", [], {"09:00": "on_time"})


def test_a_miss_is_told_and_so_is_the_recovery():
    w = World("0 9 * * *", grace="10m")
    w.alive("07:00", "09:20")
    w.ping("09:25")
    assert w.told() == ["09:10 down", "09:25 up"]
    assert w.clock(w.alerts()[1].last_signal) == w.clock(w.alerts()[1].last_success) == "09:25"
    assert w.verdicts() == {"09:00": "late"}
    assert w.status == "up"


def test_a_job_never_heard_of_is_not_silent():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.alive("07:30", "08:10")
    assert w.told() == ["08:05 down"]
    assert w.status == "down"


def test_a_success_within_the_sweeps_delay_is_late_and_nobody_is_told():
    w = World("0 9 * * *", grace="10m")
    w.sweep("09:09")
    w.ping("09:10:20")
    w.sweep("09:11")
    assert (w.told(), w.verdicts()) == ([], {"09:00": "late"})


def test_a_miss_that_a_late_sweep_finds_is_told_with_its_recovery():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.ping("09:01")
    w.sweep("09:02")
    assert w.told() == ["08:05 down", "09:01 up"]
    assert w.status == "up"


def test_two_misses_are_one_incident():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.alive("07:30", "10:10")
    w.ping("10:20")
    assert w.told() == ["08:05 down", "10:20 up"]
    assert w.alerts()[-1].bad == 3
    assert w.verdicts() == {"08:00": "missed", "09:00": "missed", "10:00": "late"}


def test_an_early_run_belongs_to_the_slot_it_is_early_for():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.ping("07:56")
    w.ping("09:00:01")
    w.alive("07:30", "09:30")
    assert (w.told(), w.verdicts()) == ([], {"08:00": "on_time", "09:00": "on_time"})


def test_a_run_far_too_early_does_not_count():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.ping("07:54")
    w.alive("07:54", "08:10")
    assert w.told() == ["08:05 down"]


def test_a_start_in_time_holds_the_miss_back_until_its_limit():
    w = World("0 9 * * *", grace="10m", max_runtime="1h")
    w.start("09:05", "a")
    w.alive("07:00", "10:00")
    assert w.told() == []
    w.success("10:04", "a")
    w.alive("10:01", "10:06")
    assert (w.told(), w.verdicts()) == ([], {"09:00": "on_time"})


def test_a_run_that_hangs_is_told_when_its_limit_ran_out():
    w = World("0 9 * * *", grace="10m", max_runtime="1h")
    w.start("09:05", "a")
    w.alive("07:00", "10:10")
    w.success("10:30", "a")
    assert w.told() == ["10:05 down", "10:30 up"]
    assert w.verdicts() == {"09:00": "late"}


def test_a_run_that_ends_after_its_limit_is_late_though_a_fail_was_heard_last():
    w = World("0 9 * * *", grace="1h", max_runtime="2m")
    w.start("09:00", "a")
    w.start("09:01", "b")
    w.sweep("09:03")
    w.fail("09:01:30", "b", heard="09:03:30")
    w.success("09:04", "a")
    assert w.told() == ["09:02 down", "09:04 up"]
    assert w.verdicts() == {"09:00": "late"}


def test_a_hung_run_is_not_hidden_by_a_later_good_one():
    w = World("0 * * * *", grace="10m", max_runtime="90m", at="08:30")
    w.start("09:00", "a")
    w.start("10:00", "b")
    w.success("10:10", "b")
    w.alive("08:30", "10:40")
    assert w.told() == ["10:30 down"]
    assert w.verdicts() == {"09:00": "timed_out", "10:00": "on_time"}


def test_a_hung_run_found_late_was_mended_by_the_first_success_after_its_limit():
    w = World("*/10 * * * *", grace="9m", early="1m", max_runtime="3m", at="08:55")
    w.alive("08:55", "09:02")
    w.start("09:00", "a")
    for minute in range(10, 60, 10):  # nobody looks meanwhile, and more successes come than are remembered otherwise
        w.start(f"09:{minute}", f"b{minute}")
        w.success(f"09:{minute}:30", f"b{minute}")
    w.start("10:00", "c")
    w.success("10:00:30", "c")
    w.sweep("10:01", "10:02")
    assert w.told() == ["10:01 blind", "09:03 down", "09:10:30 up"]


def test_slots_met_ahead_count_from_the_first_success_among_them():
    w = World("*/10 * * * *", grace="12m", early="1m", at="08:55")
    w.alive("08:55", "09:11")
    w.ping("09:12:20", named="2026-01-05T09:20")
    w.ping("09:12:40")
    w.sweep("09:13")
    assert w.told() == ["09:12 down", "09:12:20 up"]


def test_without_run_ids_a_run_that_exits_early_is_found():
    w = World("0 * * * *", grace="10m", at="08:30")
    w.start("09:00")
    w.start("10:00")
    w.success("10:05")
    w.alive("08:30", "10:20")
    assert w.told() == ["10:10 down"]
    assert w.verdicts() == {"09:00": "timed_out", "10:00": "on_time"}


def test_a_fail_is_told_at_once_and_a_retry_recovers():
    w = World("0 9 * * *", grace="10m")
    w.fail("09:03", exit_status=3)
    w.ping("09:06")
    w.alive("08:55", "09:30")
    assert w.told() == ["09:03 down", "09:06 up"]
    assert w.verdicts() == {"09:00": "on_time"}
    assert w.alerts()[0].exit_status == 3


def test_alert_after_counts_slots_in_a_row():
    w = World("0 * * * *", grace="5m", alert_after=3, at="07:30")
    w.alive("07:30", "09:30")
    w.ping("09:40")
    w.alive("09:31", "12:04")
    assert w.told() == []
    w.alive("12:05", "13:10")
    assert w.told() == ["12:05 down"]


@pytest.mark.parametrize("looked", [(), ("09:05:30",)], ids=["nobody looked before", "looked before"])
def test_two_in_a_row_are_two_though_the_first_is_made_good_before_anybody_looks(looked):
    w = World("0 * * * *", grace="5m", alert_after=2, at="07:30")
    w.fail("08:01")
    w.sweep("09:04", *looked)
    w.ping("09:06", named="2026-01-05T08:00")
    w.alive("09:07", "09:30")
    assert (w.told(), w.verdicts()) == (["09:05 down"], {"08:00": "late", "09:00": "missed"})
    w.ping("10:01")
    assert w.told() == ["09:05 down", "10:01 up"]


def test_a_slot_made_good_is_not_in_a_row_with_one_that_only_later_proves_bad():
    w = World("0 * * * *", grace="5m", alert_after=2, at="07:30")
    w.fail("08:01")
    w.sweep("09:04")
    w.ping("09:06", named="2026-01-05T08:00")
    w.start("09:03", "r1", heard="09:06:30")  # the 09:00 run was under way by then
    w.fail("09:20", "r1")
    w.alive("09:07", "10:04")
    assert (w.status, w.told()) == ("up", [])
    assert w.verdicts() == {"08:00": "late", "09:00": "failed"}


def test_a_run_without_a_slot_that_hung_is_in_a_row_with_the_miss_after_it():
    w = World("every 60m", grace="5m", max_runtime="30m", alert_after=2)
    w.ping("08:00")
    w.start("07:59", "r1", heard="08:01")
    w.alive("08:02", "09:06")
    assert w.told() == ["09:05 down"]


def test_a_slot_made_good_is_not_in_a_row_across_one_that_we_did_not_listen_to():
    w = World("0 * * * *", grace="5m", alert_after=2, at="07:30")
    w.fail("08:01")
    w.sweep("08:59")
    w.ping("09:06", named="2026-01-05T08:00", heard="09:59")
    w.alive("10:00", "10:30")
    assert w.told() == ["10:00 blind"]
    assert w.verdicts() == {"08:00": "late", "09:00": "unknown", "10:00": "missed"}
    w.alive("10:31", "11:06")
    assert w.told() == ["10:00 blind", "11:05 down"]


def test_a_delayed_fail_cannot_undo_a_newer_success():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.ping("08:03")
    w.fail("08:01", heard="08:20")
    assert (w.status, w.told()) == ("up", [])


def test_a_delayed_success_cannot_undo_a_newer_miss():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.alive("07:30", "09:10")
    w.ping("08:02", heard="09:20")
    assert (w.status, w.told()) == ("down", ["08:05 down"])
    assert w.verdicts() == {"08:00": "late", "09:00": "missed"}


def test_backfill_by_name_mends_the_slot_it_names():
    w = World("0 9 * * *", grace="10m", at="01-03 12:00")
    w.alive("01-03 12:00", "01-04 09:15", minutes=4)
    w.ping("01-04 10:00", named="2026-01-04")
    assert w.told() == ["01-04 09:10 down", "01-04 10:00 up"]
    assert w.verdicts() == {"01-04 09:00": "late"}


def test_a_second_success_changes_nothing():
    w = World("0 9 * * *", grace="10m")
    w.alive("08:50", "09:11")
    w.ping("09:12")
    w.ping("09:13")
    assert w.verdicts() == {"09:00": "late"}
    assert w.told() == ["09:10 down", "09:12 up"]


def test_a_silence_holds_back_and_tells_at_its_end_what_still_lasts():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.silence("07:40", "10:30")
    w.alive("07:30", "10:29")
    assert (w.status, w.told()) == ("down", [])
    w.alive("10:30", "10:31")
    assert w.told() == ["08:05 down"]


def test_what_began_and_ended_in_a_silence_is_never_told():
    w = World("0 9 * * *", grace="5m")
    w.silence("08:00", "10:30")
    w.alive("07:50", "09:20")
    w.ping("09:21")
    w.alive("09:22", "11:00")
    assert (w.status, w.told()) == ("up", [])


def test_a_recovery_in_a_silence_is_told_at_its_end():
    w = World("0 9 * * *", grace="5m")
    w.alive("08:50", "09:06")
    w.silence("09:10", "10:00")
    w.ping("09:20")
    w.alive("09:07", "09:59")
    assert w.told() == ["09:05 down"]
    w.alive("10:00", "10:01")
    assert w.told() == ["09:05 down", "09:20 up"]


def test_a_paused_job_is_excused():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.pause("07:40")
    w.alive("07:40", "09:20")
    w.resume("09:20")
    w.alive("09:20", "10:04")
    assert (w.status, w.told()) == ("waiting", [])
    assert w.verdicts() == {"08:00": "excused", "09:00": "excused"}
    w.alive("10:05", "10:06")
    assert w.told() == ["10:05 down"]


def test_a_pause_ends_by_itself():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.pause("07:40", until="09:30")
    w.alive("07:40", "10:10")
    assert w.told() == ["10:05 down"]


def test_reminders_come_while_it_lasts():
    w = World("0 9 * * *", grace="5m", remind_every="1h")
    w.alive("08:50", "11:10")
    w.ping("11:20")
    assert w.told() == ["09:05 down", "10:05 still down", "11:05 still down", "11:20 up"]


def test_after_our_own_outage_we_say_that_we_were_blind():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.alive("07:30", "07:58")
    w.sweep("11:59")
    assert w.told() == ["11:59 blind"]
    assert w.alerts()[0].jobs == ("job",)
    assert set(w.verdicts().values()) == {"unknown"}
    w.alive("12:00", "12:06")
    assert w.told() == ["11:59 blind", "12:05 down"]


def test_five_hundred_missed_slots_are_one_incident():
    w = World("* * * * *", grace="30s", at="01-04 12:00")
    w.alive("01-04 12:00", "01-04 20:20", minutes=4)
    assert w.told() == ["01-04 12:01:30 down"]
    w.ping("01-04 20:21")
    assert w.alerts()[-1].bad == 499


def test_the_alert_says_that_the_time_zone_is_probably_wrong():
    w = World("0 9 * * *", zone="Asia/Tokyo", grace="10m", at="2026-01-01T00:00+09:00")
    for day in (1, 2, 3):
        w.alive(f"01-0{day} 00:00", f"01-0{day} 17:59", minutes=5)
        w.ping(f"01-0{day} 18:02")
        w.alive(f"01-0{day} 18:02", f"01-0{day} 23:59", minutes=5)
    w.alive("01-04 00:00", "01-04 09:11", minutes=5)
    w.sweep("01-04 09:11")
    assert w.alerts()[-1].hint == "your heartbeats look like UTC; the job is declared Asia/Tokyo"


def test_a_new_schedule_expects_its_slots_from_then_on():
    w = World("0 9 * * *", grace="10m", at="07:00")
    w.redefine("09:05", schedule=("0 12 * * *",))
    w.alive("09:05", "12:11")
    assert w.told() == ["12:10 down"]
    assert w.verdicts() == {"09:00": "excused", "12:00": "missed"}


def test_in_spring_the_hour_that_does_not_exist_is_expected_at_the_jump():
    w = World("30 2 * * *", zone="Europe/Berlin", grace="10m", at="2026-03-28T12:00+01:00")
    w.ping("2026-03-29T03:00:05+02:00")
    w.alive("2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00", minutes=5)
    assert (w.status, w.told()) == ("up", [])
    assert list(w.verdicts()) == ["03-29 03:00"]


def test_a_new_definition_after_our_own_outage_does_not_cry_wolf():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.alive("07:30", "07:58")
    config = read("jobs: {job: {schedule: '0 * * * *', grace: 7m, notify: [ops]}}\nchannels: {ops: {console: {}}}\n")
    apply(w.store, config, w.ms("11:59"))
    w.sweep("11:59")
    assert w.told() == ["11:59 blind"]
    assert set(w.verdicts().values()) == {"unknown"}


def test_a_new_definition_judges_what_went_by_under_the_old_one():
    w = World("0 * * * *", grace="5m", at="07:30")
    w.alive("07:30", "08:04")
    config = read("jobs: {job: {schedule: '30 * * * *', grace: 5m, notify: [ops]}}\nchannels: {ops: {console: {}}}\n")
    apply(w.store, config, w.ms("08:06"))
    assert w.told() == ["08:05 down"]
    assert w.job().job.schedule == ("30 * * * *",)
    assert apply(w.store, config, w.ms("08:07")).empty


def test_evidence_that_comes_late_mends_the_slot_before_it_counts_towards_an_alert():
    files = {}

    def look(snapshot, slots, now):
        found = [(slot, files[slot]) for slot in slots if files.get(slot, now + 1) <= now]
        return [
            Signal(slug=snapshot.job.slug, kind=Kind.SUCCESS, at=at, received=now, named=w.named(slot), id=str(slot))
            for slot, at in found
        ]

    w = World("0 9 * * *", grace="10m", alert_after=2, look=look, evidence=Evidence(key="{date:%Y-%m-%d}"))
    files[w.ms("09:00")] = w.ms("09:14")
    w.alive("08:50", "01-06 09:15", minutes=4)
    assert (w.told(), w.verdicts()) == ([], {"09:00": "late", "01-06 09:00": "missed"})
    w.alive("01-06 09:16", "01-07 09:15", minutes=4)
    assert w.told() == ["01-07 09:10 down"]


def test_a_rerun_after_an_edit_ends_the_incident_though_it_meets_no_slot():
    w = World("0 9 * * *", grace="10m", at="08:00")
    w.alive("08:00", "09:30")
    w.redefine("09:30", schedule=("0 18 * * *",))
    w.ping("09:40")
    assert w.told() == ["09:10 down", "09:40 up"]
    assert w.verdicts() == {"09:00": "missed"}
    w.alive("09:30", "18:10")
    assert w.told()[2:] == ["18:10 down"]


def test_a_run_under_way_at_an_edit_still_ends_for_its_own_slot():
    w = World("0 9 * * *", grace="10m", at="08:00", max_runtime="2h")
    w.alive("08:00", "09:00")
    w.start("09:01", "r1")
    w.redefine("09:30", schedule=("0 18 * * *",))
    w.success("10:20", "r1")
    assert w.verdicts() == {"09:00": "on_time"}
    assert w.status == "up"
