"""Stories of our own absences: what a gap of ours hides, and what it does not (`heartbeat/core/blind.py`)."""

from story_world import World

from heartbeat.core.blind import Blind, Ears, patience
from heartbeat.core.explain import explain
from heartbeat.verbs.service_state import clock
from heartbeat.verbs.sweep import sweep

SECOND = 1_000
QUIET = patience(SECOND)
"""As the server has it, which sweeps every second."""


class Server(World):
    """A server that sweeps every second while it is up."""

    def up(self, start, end, pings=(), every=15):
        """Up from start to end, pinged meanwhile by these jobs every so many seconds."""
        begin, until = self.ms(start), self.ms(end)
        for now in range(begin, until + 1, SECOND):
            if now // SECOND % every == 0:
                for slug in pings:
                    self.ping(now, slug=slug)
            self.look(now)

    def look(self, at):
        while sweep(self.store, self.ms(at), service=("ops",), ears=Ears(patience=QUIET)).more:
            pass

    def spoken(self):
        """Who was told of, when it went wrong, and the instant of telling."""
        found = sorted(self.store.outbox(1 << 52, 10_000), key=lambda d: (d.created_at, d.alert.at))
        return [(d.alert.slug, str(d.alert.event), self.clock(d.created_at)) for d in found]


QUICK = {"half": ("every 30s", "10s"), "minute": ("every 1m", "30s"), "cron": ("* * * * *", "30s")}


def quick(at="07:59"):
    w = Server("0 9 * * *", at=at)
    for slug, (schedule, grace) in QUICK.items():
        w.add(slug, schedule, at=at, grace=grace)
    return w


def test_a_short_outage_under_a_client_that_never_stopped_is_told_to_nobody():
    for begin in range(0, 61, 7):  # at every phase of the minute
        w = quick()
        w.up("07:59", f"08:10:{begin:02}" if begin < 60 else "08:11", pings=QUICK)
        back = w.ms("08:10") + (begin + 130) * SECOND
        w.up(back, "08:20", pings=QUICK)
        assert w.spoken() == [], f"away from 08:10:{begin}"


def test_outages_of_any_length_under_a_client_that_never_stopped():
    for seconds in (17, 23, 31, 45, 64, 88, 130, 200, 290):
        w = quick()
        w.up("07:59", "08:10:07", pings=QUICK)
        w.up(w.ms("08:10:07") + seconds * SECOND, "08:20", pings=QUICK)
        assert w.spoken() == [], f"away for {seconds} s"


def test_a_client_that_comes_only_once_a_slot_is_not_told_of_either():
    w = Server("0 9 * * *", at="07:59")
    w.add("minute", "* * * * *", at="07:59", grace="30s")
    w.up("07:59", "08:10:40", pings=["minute"], every=60)
    w.up("08:12:10", "08:20", pings=["minute"], every=60)
    assert w.spoken() == []
    assert w.verdicts("minute")["08:11"] == w.verdicts("minute")["08:12"] == "unknown"


def test_jobs_that_had_stopped_before_the_outage_are_told_by_our_return_and_their_grace():
    w = quick()
    w.up("07:59", "08:09", pings=QUICK)
    w.up("08:09:01", "08:10:25")  # they have stopped: "cron" waits until 08:10:30, "minute" until 08:10:30
    w.up("08:12:35", "08:13:05")
    assert sorted(w.spoken()) == [
        ("cron", "opened", "08:13:05"),
        ("half", "opened", "08:09:40"),
        ("minute", "opened", "08:13:05"),
    ]


def test_jobs_that_stop_within_the_outage_are_told_one_slot_later():
    w = quick()
    w.up("07:59", "08:10:05", pings=QUICK)
    w.up("08:12:15", "08:15")
    assert sorted(w.spoken()) == [
        ("cron", "opened", "08:13:30"),
        ("half", "opened", "08:12:40"),
        ("minute", "opened", "08:13:30"),
    ]


def test_a_daily_job_whose_whole_time_was_lost_in_a_short_outage_waits_for_its_clients_next_attempt():
    w = Server("0 9 * * *", at="08:00", grace="1m")
    w.up("08:00", "08:59:50")
    w.up("09:02", "09:02:20")
    w.ping("09:00:07", heard="09:02:21")  # its client tried again
    w.up("09:02:21", "09:10")
    assert (w.told(), w.verdicts()) == ([], {"09:00": "on_time"})


def test_a_daily_job_that_did_not_run_is_told_though_its_whole_time_was_lost():
    w = Server("0 9 * * *", at="08:00", grace="1m")
    w.up("08:00", "08:59:50")
    w.up("09:02", "09:03")
    because = explain(w.job(), [], [], [], w.ms("09:03")).because
    assert because == "nothing had come for the slot of 09:00 UTC by 09:01 UTC; it is given until 09:08 UTC"
    w.up("09:03:01", "09:10")
    assert w.spoken() == [("job", "opened", "09:08")]
    (alert,) = w.alerts()
    assert w.clock(alert.at) == "09:01"
    assert alert.hint == "Heartbeat itself was not listening from 08:59:50 to 09:02 UTC"


def test_a_slot_that_could_well_have_been_met_before_the_outage_is_told_by_our_return_and_its_grace():
    w = Server("0 9 * * *", at="08:00", grace="1m")
    w.up("08:00", "09:00:59")
    w.up("09:04", "09:05:30")
    assert w.spoken() == [("job", "opened", "09:05")]


def test_a_slot_still_open_after_a_long_outage_is_told_when_nothing_comes():
    w = Server("0 9 * * *", at="07:00", grace="10m")
    w.up("07:59", "08:00")
    w.up("09:06", "09:20")  # six of ten minutes are lost: nothing else would ever tell of it
    assert w.spoken() == [("", "blind", "09:06"), ("job", "opened", "09:12")]


def test_a_run_whose_end_was_due_in_a_short_outage_is_given_the_time_of_a_retry():
    w = Server("0 9 * * *", at="08:00", grace="10m", max_runtime="2m")
    w.up("08:59", "09:00")
    w.start("09:00:01", "r1")
    w.up("09:00:02", "09:01:50")
    w.up("09:03", "09:03:20")
    w.success("09:01:58", "r1", heard="09:03:21")
    w.up("09:03:21", "09:15")
    assert (w.told(), w.verdicts()) == ([], {"09:00": "on_time"})


def test_a_restart_says_nothing_of_itself_and_is_remembered():
    w = quick()
    w.up("07:59", "08:10", pings=QUICK)
    w.up("08:10:40", "08:12", pings=QUICK)
    assert w.spoken() == []
    (blind,) = clock(w.store, 0).blinds
    assert (w.clock(blind.start), w.clock(blind.end)) == ("08:10", "08:10:40")


def test_what_could_not_reach_us_though_we_swept_is_a_gap_too():
    w = quick()
    w.up("07:59", "08:10:05", pings=QUICK)
    for second in range(130):  # no front is attached, sweep by sweep
        now = w.ms("08:10:05") + second * SECOND
        sweep(w.store, now, ears=Ears(patience=QUIET, deaf=Blind(start=w.ms("08:10:05"), end=now)))
    w.up("08:12:15", "08:20", pings=QUICK)
    assert w.spoken() == []
