"""Stories of a server whose clock is set back or forward (`verbs/clock_set.py`, `core/clock_set_back.py`)."""

import pytest
from story_world import World

from heartbeat.core.blind import Ears
from heartbeat.model import Kind, Phase, Start, Status, Trigger
from heartbeat.verbs.illness import illnesses
from heartbeat.verbs.service_state import clock
from heartbeat.verbs.sweep import sweep

HOUR = 3_600_000


class Machine(World):
    def swept(self, at, **ears):
        found = []
        while not found or found[-1].more:
            found.append(sweep(self.store, self.ms(at), service=("ops",), ears=Ears(**ears)))
        return found

    def ill(self):
        return [each.text for each in illnesses(self.store) if each.name == "clock"]

    def jobs(self):
        """Who was told of, and since when."""
        return [(alert.slug, self.clock(alert.at)) for alert in self.alerts() if alert.slug]


def machine():
    """Jobs that are pinged until 10:03, when the clock is set back to 09:03; one was never heard of."""
    w = Machine("every 1m", grace="30s", at="10:00")
    w.add("cron", "* * * * *", grace="30s", at="10:00")
    w.add("hourly", "0 * * * *", grace="5m", at="09:30")
    w.add("never", "every 5m", grace="30s", at="10:00")
    for minute in (0, 1, 2, 3):
        for slug in ("job", "cron"):
            w.ping(f"10:0{minute}:05", slug=slug)
        w.swept(f"10:0{minute}:10")
    w.ping("10:00:20", slug="hourly")
    return w


def test_what_stops_when_the_clock_is_set_back_is_told_by_the_new_clock():
    w = machine()
    assert w.swept("09:03:10")[0].moved == -HOUR
    w.alive("09:03:11", "09:09:30")
    assert sorted(w.jobs()) == [("cron", "09:04:30"), ("job", "09:04:40"), ("never", "09:08:40")]
    assert next(str(alert.event) for alert in w.alerts()) == "ill"
    said = "the clock of this machine was set back by 1 h; deadlines are taken from the new time; "
    assert w.ill() == [said + "is the time synchronised (NTP) and right now?"]


def test_what_goes_on_after_the_clock_is_set_back_is_told_to_nobody():
    w = machine()
    w.swept("09:03:10")
    for minute in range(4, 10):
        for slug in ("job", "cron", "never"):
            w.ping(f"09:0{minute}:05", slug=slug)
        w.swept(f"09:0{minute}:10")
    assert w.jobs() == []
    assert w.job("cron").state.last_success == w.ms("09:09:05")


def test_an_hourly_job_is_expected_at_the_hour_that_comes_again():
    w = machine()
    w.swept("09:03:10")
    w.alive("09:03:11", "10:05:30")
    assert ("hourly", "10:05") in w.jobs()


def test_a_daily_job_that_has_run_is_not_expected_again():
    w = Machine("30 9 * * *", grace="10m", at="09:00")
    w.alive("09:00", "09:31")
    w.ping("09:31:05")
    w.alive("09:32", "10:03")
    w.swept("09:03")
    w.alive("09:03", "10:30")
    assert w.jobs() == []


@pytest.mark.parametrize("kind", [Kind.FAIL, Kind.SUCCESS])
def test_a_signal_that_lies_ahead_hides_nothing_that_comes(kind):
    w = Machine("every 30m", grace="5m", at="09:00")
    w.fail("10:00") if kind is Kind.SUCCESS else w.ping("10:00")
    w.swept("10:00:05")
    w.swept("09:00:05")
    w.hear(kind, "09:10")
    assert w.status == ("up" if kind is Kind.SUCCESS else "down")


def test_the_clock_is_well_again_when_it_was_not_set_for_ten_minutes():
    w = machine()
    w.swept("09:03:10")
    w.swept("09:13:09")
    assert len(w.ill()) == 1
    w.swept("09:13:10")
    assert w.ill() == []
    assert [str(alert.event) for alert in w.alerts() if not alert.slug] == ["ill", "blind", "well"]
    assert clock(w.store, 0).back is None


def test_a_clock_set_back_while_nothing_ran_is_noticed_on_the_start():
    w = machine()
    later = Machine.__new__(Machine)
    later.__dict__.update(w.__dict__)  # another process: it knows what the store holds
    assert later.swept("09:30")[0].moved < 0
    later.alive("09:30:01", "09:32:30")
    assert sorted(later.jobs()) == [("cron", "09:31:30"), ("job", "09:31:30")]


def test_a_small_correction_is_not_worth_a_word():
    w = machine()
    w.swept("10:03:02")
    assert (w.ill(), w.jobs()) == ([], [])


def test_a_clock_set_forward_is_a_gap_and_said():
    w = machine()
    assert w.swept("11:03:11", ahead=HOUR)[0].moved == HOUR
    for minute in range(4, 10):
        for slug in ("job", "cron", "never"):
            w.ping(f"11:0{minute}:05", slug=slug)
        w.swept(f"11:0{minute}:10")
    assert w.jobs() == []
    assert [text.partition(";")[0] for text in w.ill()] == ["the clock of this machine was set forward by 1 h"]


def test_jobs_by_the_thousand_are_moved_page_by_page():
    w = machine()
    for number in range(1_200):
        w.add(f"many-{number:04}", "every 1m", grace="30s", at="10:02")
    first, *rest = w.swept("09:03:10")
    assert first.more
    assert len(rest) >= 2
    assert all(snapshot.state.born <= w.ms("09:03:10") for snapshot in w.store.page("", 10_000))
    assert clock(w.store, 0).back.after is None


def test_alerts_that_wait_are_sent_by_the_new_clock():
    w = Machine("every 30m", grace="5m", at="09:00")
    w.fail("10:00")
    (row,) = w.store.outbox(1 << 52, 10)
    assert row.next_at == w.ms("10:00")
    w.swept("10:00:05")
    w.swept("09:00:05")
    assert [row.alert.slug for row in w.store.outbox(w.ms("09:00:05"), 10)].count("job") == 1


def test_a_slot_that_was_started_is_not_started_again_and_its_claim_keeps_its_length():
    trigger = Trigger(kind="http", settings={"url": "http://127.0.0.1/"})
    w = Machine("*/10 * * * *", grace="5m", at="09:00", trigger=trigger)
    start = Start(run_id="r", slot=w.ms("10:00"), phase=Phase.CLAIMED, at=w.ms("10:00"), until=w.ms("10:02"))
    w.touch(starts=(start,), claimed_slot=w.ms("10:00"), cursor=w.ms("10:00"))
    w.swept("10:00:30")
    w.swept("09:00:30")
    state = w.job().state
    assert (state.cursor, state.claimed_slot) == (w.ms("10:00"), w.ms("10:00"))
    assert [(each.at, each.until) for each in state.starts] == [(w.ms("09:00:30"), w.ms("09:02"))]


def test_a_paused_job_stays_paused():
    w = Machine("every 1m", grace="30s", at="10:00")
    w.pause("10:01")
    w.swept("10:03")
    w.swept("09:03")
    w.alive("09:03", "09:10")
    assert (w.job().state.status, w.jobs()) == (Status.PAUSED, [])
