"""Senders whose clock is wrong: what a ping says of it, what is corrected, and what people are told."""

import pytest
from story_world import World

from heartbeat.core.explain import explain
from heartbeat.ingest.ping import Ping, read, target
from heartbeat.model import HOUR, MINUTE, SECOND
from heartbeat.verbs.service_state import silences

NOW = 1_795_000_000_000
SLOW = 40 * MINUTE


def heard(query, received=NOW):
    ping = read(target(b"/ping/k/job"), query.encode(), received=received)
    assert isinstance(ping, Ping)
    return ping.signal


def seconds(ms):
    return f"{ms / 1000:.3f}"


@pytest.mark.parametrize("skew", [SLOW, -SLOW, 16 * SECOND, 40 * 365 * 24 * HOUR])
def test_the_time_of_a_sender_whose_clock_is_wrong_is_corrected(skew):
    here = NOW - 5 * MINUTE
    signal = heard(f"at={seconds(here - skew)}&sent={seconds(NOW - skew)}")
    assert (signal.at, signal.skew) == (here, skew)


@pytest.mark.parametrize("skew", [0, 14 * SECOND, -14 * SECOND])
def test_what_a_request_may_take_is_taken_for_no_skew(skew):
    signal = heard(f"at={seconds(NOW - MINUTE)}&sent={seconds(NOW - skew)}")
    assert (signal.at, signal.skew) == (NOW - MINUTE, 0)


def test_nothing_happens_later_than_it_is_received():
    signal = heard(f"at={seconds(NOW - SLOW + MINUTE)}&sent={seconds(NOW - SLOW)}")
    assert (signal.at, signal.skew) == (NOW, SLOW)


@pytest.mark.parametrize("sent", ["", "soon", "-5", "nan", "1e400", "9" * 400, "2026-11-22T09:00"])
def test_a_sending_time_that_cannot_be_read_says_nothing(sent):
    signal = heard(f"at={seconds(NOW - MINUTE)}&sent={sent}")
    assert (signal.at, signal.skew) == (NOW - MINUTE, None)


def test_without_a_sending_time_a_stamp_is_taken_at_its_word():
    assert (heard(f"at={seconds(NOW - SLOW)}").at, heard("").skew) == (NOW - SLOW, None)


def test_the_sending_time_may_be_iso_8601_too():
    assert heard("at=2026-11-18T10:00:00Z&sent=2026-11-18T10:26:40%2B01:00").skew == NOW - 1_794_993_000_000 - 1_000_000


class Sender(World):
    """Pings by the URL that a client calls. skew: by how much its clock is slow."""

    def call(self, at, skew, *, says=True):
        now = self.ms(at)
        sent = f"&sent={seconds(now - skew)}" if says else ""
        signal = heard(f"at={seconds(now - skew)}{sent}", now)
        assert self.recorder.record([signal])

    def explained(self, at):
        history = self.store.history("job", 100)
        return explain(self.job(), history, [], silences(self.store), self.ms(at))


def hours(says):
    w = Sender("0 * * * *", grace="10m", at="07:30")
    for hour in range(8, 12):
        w.alive(f"{hour:02}:00", f"{hour:02}:01")
        w.call(f"{hour:02}:02", SLOW, says=says)
        w.alive(f"{hour:02}:03", f"{hour:02}:59")
    return w


def test_a_client_whose_clock_is_forty_minutes_slow_is_not_called_missed():
    w = hours(says=True)
    assert w.told() == []
    assert set(w.verdicts().values()) == {"on_time"}
    assert w.explained("12:00").hint == (
        "the clock where it runs is 40 min slow (by ours); the times it sends are corrected"
    )


def test_the_alert_says_that_the_clock_is_wrong():
    w = hours(says=True)
    w.alive("12:00", "12:11")
    (alert,) = w.alerts()
    assert alert.hint == "the clock where it runs is 40 min slow (by ours); the times it sends are corrected"


def test_a_clock_that_is_right_again_is_not_spoken_of():
    w = hours(says=True)
    w.call("12:01", 0)
    assert (w.job().state.skew, w.explained("12:02").hint) == (0, "")


def test_a_client_that_does_not_say_when_it_sent_is_remarked_on():
    w = hours(says=False)
    assert w.told()[0] == "08:10 down"
    remark = "it says that it happened 40 min before it came: it was delayed, or the clock there is slow"
    assert remark in {entry.remark for entry in w.store.history("job", 100)}


def test_a_wrong_clock_costs_no_more_writes():
    w = Sender("0 * * * *", grace="10m", at="07:30")
    w.call("08:01", SLOW)
    w.call("09:01", SLOW)
    assert w.job().state.version == 3
    assert len(w.store.history("job", 100)) == 2
