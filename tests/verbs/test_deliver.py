from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field

import pytest
from alert_samples import NOW, alert, recovered
from msgspec.structs import replace
from simulation.inline import Inline

from heartbeat.channels.webhook.request import Webhook, WebhookSettings
from heartbeat.core.addressing import delivery
from heartbeat.errors import ChannelFailed
from heartbeat.model import DAY, HOUR, MINUTE, NEVER, SECOND, Change, Event, Outcome
from heartbeat.outbound.addresses import Guard
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs import batching, service_state
from heartbeat.verbs.channel_lane import CLAIM
from heartbeat.verbs.counts import Delivered
from heartbeat.verbs.deliver import deliver
from heartbeat.verbs.illness import illnesses

DOWN = ChannelFailed("down")
GONE = ChannelFailed("revoked", final=True)


class Crash(BaseException):
    """The process dies: nobody handles it."""


@dataclass
class Said:
    """A channel that keeps what it was told, and fails when it is told to."""

    name: str = "ops"
    group_above: int = 5
    pace: int = 0
    parallel: int = 1
    definition: str = "as first declared"
    script: list = field(default_factory=list)
    otherwise: object = "receipt"
    sent: list = field(default_factory=list)

    def send(self, alerts, *, key, now, receipt):
        self.sent.append(([one.id for one in alerts], key, receipt, now))
        answer = self.script.pop(0) if self.script else self.otherwise
        if callable(answer):
            return answer()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @property
    def told(self):
        """What was said, each message as the names of its alerts."""
        return [" ".join(ids) for ids, *_ in self.sent]

    @property
    def keys(self):
        return [key for _, key, *_ in self.sent]


class World:
    """A store, a clock that moves only when told to, and channels."""

    def __init__(self, *channels, fallback=()):
        self.store = SQLiteStore(":memory:")
        self.now = NOW
        self.channels = {channel.name: channel for channel in channels}
        self.fallback = fallback
        self.slept, self.incidents = [], []

    def put(self, *alerts, to="ops"):
        rows = [delivery(one, name, self.now) for one in alerts for name in to.split()]
        self.incidents += [one.incident for one in alerts]
        self.store.commit([Change(deliveries=(row,)) for row in rows])

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += int(seconds * SECOND)

    def deliver(self, **limits):
        return deliver(self.store, self.channels, lambda: self.now, fallback=self.fallback, sleep=self.sleep, **limits)

    def until_quiet(self, hours=48):
        """Deliver whenever something is due, until nothing waits any more."""
        end = self.now + hours * HOUR
        for _ in range(2000):
            waiting = self.store.outbox(NEVER - 1, 1)
            if not waiting or waiting[0].next_at > end:
                return
            self.now = max(self.now, waiting[0].next_at)
            self.deliver()
        raise AssertionError("never quiet")

    def rows_of_all(self):
        incidents = dict.fromkeys(self.incidents)
        return [row for incident in incidents for row in self.store.deliveries(incident)]

    def rows(self, incident="daily-report/1"):
        return {row.id: row for row in self.store.deliveries(incident)}


def many(count, **changes):
    return [alert(f"job{n}", **changes) for n in range(count)]


# One alert


def test_what_waits_is_sent_once_and_marked():
    w = World(ops := Said())
    w.put(alert())
    assert w.deliver() == Delivered(sent=1)
    assert w.deliver() == Delivered()
    assert ops.sent == [(["daily-report/1/opened"], "daily-report/1/opened@ops", "", NOW)]
    row = w.rows()["daily-report/1/opened@ops"]
    assert (row.outcome, row.receipt, row.next_at, row.attempts) == (Outcome.SENT, "receipt", NEVER, 1)


def test_each_channel_is_told():
    w = World(ops := Said(), pager := Said("pager"))
    w.put(alert(), to="ops pager")
    assert w.deliver().sent == 2
    assert ops.told == pager.told == ["daily-report/1/opened"]


def test_what_is_not_due_waits():
    w = World(ops := Said())
    row = replace(delivery(alert(), "ops", NOW), next_at=NOW + 1, under=("as first declared",))
    w.store.commit([Change(deliveries=(row,))])
    w.deliver()
    assert ops.told == []


# Crashes


def test_a_crash_between_send_and_mark_sends_again_under_the_same_key():
    w = World(ops := Said(script=[Crash()]))
    w.put(alert())
    with pytest.raises(Crash):
        w.deliver()
    assert w.deliver() == Delivered()
    w.now += CLAIM
    assert w.deliver() == Delivered(sent=1)
    assert ops.keys == ["daily-report/1/opened@ops"] * 2


def test_a_group_that_crashed_is_sent_again_as_the_same_group():
    w = World(ops := Said(script=[Crash()]))
    w.put(*many(8))
    with pytest.raises(Crash):
        w.deliver()
    w.now += CLAIM
    w.put(*(alert(f"new{n}") for n in range(7)))
    assert w.deliver() == Delivered(sent=15)
    first, new, again = ops.sent
    assert first[:2] == again[:2]
    assert len(new[0]) == 7
    assert new[1] != first[1]


def test_a_part_of_a_group_never_passes_for_the_whole():
    w = World(ops := Said(script=[Crash()]))
    w.put(*many(8))
    with pytest.raises(Crash):
        w.deliver()
    w.now += CLAIM
    assert w.deliver(limit=5) == Delivered(sent=8)
    assert len({*ops.keys}) == 1


def test_two_at_once_send_once():
    w = World(ops := Said(otherwise=lambda: inner.append(w.deliver()) or "receipt"))
    inner = []
    w.put(alert())
    assert w.deliver() == Delivered(sent=1)
    assert inner == [Delivered()]
    assert len(ops.sent) == 1


def test_who_was_slower_than_its_claim_changes_nothing():
    def slow():
        w.now += CLAIM
        return "late" if len(ops.sent) > 1 else inner.append(w.deliver()) or "receipt"

    w = World(ops := Said(otherwise=slow))
    inner = []
    w.put(alert())
    assert w.deliver() == Delivered()
    assert inner == [Delivered(sent=1)]
    assert w.rows()["daily-report/1/opened@ops"].receipt == "late"


# Failures


def test_a_channel_that_is_down_for_an_hour_is_told_afterwards():
    w = World(ops := Said(otherwise=DOWN))
    w.put(alert())
    while w.now < NOW + HOUR:
        done = w.deliver()
        assert done.failed == 1
        assert w.now < done.next_at <= w.now + 10 * MINUTE * 1.25
        w.now = done.next_at
    waits = [b[3] - a[3] for a, b in zip(ops.sent, ops.sent[1:], strict=False)]
    assert [7_500 << n <= wait <= 12_500 << n for n, wait in enumerate(waits[:6])] == [True] * 6
    assert 10 <= len(ops.sent) <= 15
    ops.otherwise = "receipt"
    assert w.deliver().sent == 1
    assert len(set(ops.keys)) == 1


def test_a_storm_while_the_channel_is_down_becomes_one_message_and_is_tried_but_now_and_then():
    w = World(ops := Said(otherwise=DOWN))
    for n in range(60):
        w.put(alert(f"job{n}"))
        w.deliver()
        w.now += MINUTE
    assert len(ops.sent) < 200
    ops.otherwise = "receipt"
    ops.sent.clear()
    w.until_quiet()
    assert sorted(name for ids, *_ in ops.sent for name in ids) == sorted(f"job{n}/1/opened" for n in range(60))


def test_retry_after_is_kept_and_for_all_that_waits():
    w = World(ops := Said(group_above=0, script=[ChannelFailed("busy", retry_after=90)]))
    w.put(*many(3))
    done = w.deliver()
    assert (done.sent, done.failed, len(ops.sent)) == (0, 1, 1)
    assert NOW + 90 * SECOND <= done.next_at <= NOW + 91 * SECOND
    w.now = done.next_at - 1
    assert w.deliver() == Delivered()
    w.now = NOW + 92 * SECOND
    assert w.deliver() == Delivered(sent=3)
    assert [row.attempts for n in range(3) for row in w.rows(f"job{n}/1").values()] == [2, 1, 1]


def test_nobody_puts_us_off_for_ever():
    w = World(Said(otherwise=ChannelFailed("busy", retry_after=1e9)))
    w.put(alert())
    assert w.deliver().next_at <= NOW + HOUR + SECOND


def test_a_message_that_always_fails_holds_up_no_other():
    def picky():
        if ops.sent[-1][0] == ["bad/1/opened"]:
            raise DOWN
        return "receipt"

    w = World(ops := Said(otherwise=picky))
    w.put(alert("bad"))
    w.deliver()
    w.now += MINUTE
    w.put(*many(4))
    assert w.deliver().sent == 4
    assert ops.told[-1] == "bad/1/opened"


def test_a_bug_in_a_channel_is_a_failure_like_any_other():
    w = World(Said(script=[KeyError("s3cret")]))
    w.put(alert())
    assert w.deliver().failed == 1
    assert w.rows()["daily-report/1/opened@ops"].error == "a bug in the channel: KeyError"


def test_after_a_day_it_is_dead_and_the_fallback_is_told_once():
    w = World(ops := Said(otherwise=DOWN), pager := Said("pager"), fallback=["ops", "pager"])
    w.put(alert())
    w.until_quiet()
    dead = w.rows()["daily-report/1/opened@ops"]
    assert (dead.outcome, dead.error) == (Outcome.DEAD, "down")
    assert DAY <= ops.sent[-1][3] - NOW <= DAY + 15 * MINUTE
    assert 140 < len(ops.sent) < 200
    (ill,) = illnesses(w.store)
    assert ill.text.startswith("the channel ops takes no messages (down); given up: MISSED daily-report (prod)")
    assert pager.told == [f"service/ill/channel/ops/{ill.since}/ill", "daily-report/1/opened@ops/undelivered"]
    told = w.rows()["daily-report/1/opened@ops/undelivered@pager"].alert
    assert told.event is Event.UNDELIVERED
    assert told.text.startswith("channel ops did not take this message (down): MISSED daily-report (prod): expected")


def test_a_final_error_is_the_end_at_once():
    w = World(ops := Said(otherwise=GONE), pager := Said("pager"), fallback=["pager"])
    w.put(alert())
    assert w.deliver() == Delivered(dead=1, more=True)
    assert w.deliver() == Delivered(sent=2)
    assert [ids[0].rpartition("/")[2] for ids, *_ in pager.sent] == ["undelivered", "ill"]
    assert len(ops.sent) == 1


def test_what_dies_together_is_told_together():
    w = World(Said(otherwise=GONE), pager := Said("pager"), fallback=["pager"])
    w.put(*many(24))
    assert w.deliver().dead == 24
    w.deliver()
    assert [len(ids) for ids, *_ in pager.sent] == [24, 1]


def test_nothing_is_said_about_what_was_itself_about_the_undelivered():
    w = World(Said(otherwise=GONE), Said("pager", otherwise=GONE), fallback=["ops", "pager"])
    w.put(alert())
    w.until_quiet()
    assert {row.outcome for row in w.rows().values()} == {Outcome.DEAD}
    assert len(w.rows()) == 2


def test_after_a_day_of_our_own_absence_one_failure_is_not_the_end():
    w = World(ops := Said(script=[DOWN]))
    w.put(alert())
    w.now += 3 * DAY
    assert w.deliver().failed == 1
    w.until_quiet()
    assert w.rows()["daily-report/1/opened@ops"].outcome is Outcome.SENT
    assert len(ops.sent) == 2


def test_what_is_for_a_channel_that_never_comes_is_told_to_the_others_after_a_day():
    w = World(pager := Said("pager"))
    w.put(alert(), to="opps")
    assert w.deliver().failed == 1
    assert w.rows()["daily-report/1/opened@opps"].error == "no channel named 'opps' in the config"
    w.until_quiet()
    assert NOW + DAY <= pager.sent[1][3] <= NOW + DAY + 15 * MINUTE
    assert [ids[0].rpartition("/")[2] for ids, *_ in pager.sent] == ["ill", "undelivered", "well"]
    assert illnesses(w.store) == ()
    assert service_state.dead(w.store).count == 1


# Order


def test_what_opened_is_told_before_what_recovered():
    w = World(ops := Said(group_above=0))
    w.put(recovered(), alert(event=Event.REMINDER), alert())
    assert w.deliver().sent == 3
    assert ops.told == ["daily-report/1/opened", "daily-report/1/reminder", "daily-report/1/recovered"]
    assert [receipt for _, _, receipt, _ in ops.sent] == ["", "receipt", "receipt"]


def test_a_recovery_waits_for_the_opening_to_be_told():
    w = World(ops := Said(script=[DOWN]))
    w.put(alert())
    w.deliver()
    w.put(recovered())
    w.now += SECOND
    done = w.deliver()
    assert (done.sent, done.failed, done.more) == (0, 0, False)
    w.until_quiet()
    assert ops.told == ["daily-report/1/opened"] * 2 + ["daily-report/1/recovered"]


def test_a_recovery_whose_opening_somebody_else_is_sending_waits():
    w = World(ops := Said(script=[Crash()]))
    w.put(alert())
    with pytest.raises(Crash):
        w.deliver()
    w.put(recovered())
    assert w.deliver() == Delivered(next_at=NOW + 15 * SECOND)
    w.until_quiet()
    assert ops.told == ["daily-report/1/opened"] * 2 + ["daily-report/1/recovered"]


def test_a_recovery_whose_opening_died_stands_alone():
    w = World(ops := Said(script=[GONE]))
    w.put(alert())
    w.deliver()
    w.put(recovered())
    assert w.deliver().sent == 1
    assert ops.sent[-1][2] == ""


def test_the_order_of_one_channel_is_not_the_other_s():
    w = World(ops := Said(otherwise=DOWN), pager := Said("pager"))
    w.put(alert(), recovered(), to="ops pager")
    assert w.deliver().sent == 2
    assert (len(ops.told), pager.told) == (1, ["daily-report/1/opened daily-report/1/recovered"])


def test_what_the_fallback_is_told_of_another_channel_holds_up_nothing():
    w = World(Said(otherwise=GONE), pager := Said("pager", script=["receipt", DOWN]), fallback=["pager"])
    w.put(alert(), to="ops pager")
    w.deliver()
    w.deliver()
    w.put(recovered(), to="pager")
    w.now += SECOND
    assert w.deliver().sent == 1
    assert pager.told[1:] == ["daily-report/1/opened@ops/undelivered", "daily-report/1/recovered"]


# Together


@pytest.mark.parametrize(("waiting", "messages"), [(5, [1] * 5), (6, [6])])
def test_more_than_five_are_one_message(waiting, messages):
    w = World(ops := Said())
    w.put(*many(waiting))
    assert w.deliver().sent == waiting
    assert [len(ids) for ids, *_ in ops.sent] == messages


def test_never_when_it_is_zero():
    w = World(ops := Said(group_above=0))
    w.put(*many(150))
    assert w.deliver() == Delivered(sent=150)
    assert len(ops.sent) == 150


def test_openings_and_recoveries_are_told_apart():
    w = World(ops := Said())
    w.put(*many(6), *(recovered(f"other{n}") for n in range(7)))
    w.deliver()
    assert sorted(len(ids) for ids, *_ in ops.sent) == [6, 7]


def test_a_group_keeps_one_receipt_and_its_recoveries_find_it():
    w = World(ops := Said())
    w.put(*many(8))
    w.deliver()
    w.put(*(recovered(f"job{n}") for n in range(6)), recovered("job7"))
    w.deliver()
    assert [(len(ids), receipt) for ids, _, receipt, _ in ops.sent] == [(8, ""), (7, "receipt")]


def test_recoveries_with_roots_of_their_own_go_each_to_its_root():
    w = World(ops := Said(otherwise=lambda: f"root{len(ops.sent)}"))
    for n in range(8):
        w.put(alert(f"job{n}"))
        w.deliver()
    w.put(*(recovered(f"job{n}") for n in range(8)))
    w.deliver()
    assert [(len(ids), receipt) for ids, _, receipt, _ in ops.sent[8:]] == [(1, f"root{n}") for n in range(1, 9)]


def test_a_group_that_failed_stays_together():
    w = World(ops := Said(script=[DOWN]))
    w.put(*many(8))
    w.deliver()
    w.until_quiet()
    assert [len(ids) for ids, *_ in ops.sent] == [8, 8]
    assert len(set(ops.keys)) == 1


def arranged(count):
    """How many rows are put in order while so many alerts are told one by one."""
    w, found = World(ops := Said(group_above=0)), []
    w.put(*many(count))
    sys.setprofile(lambda frame, what, _: what == "call" and found.append(frame.f_code is batching.elders.__code__))
    try:
        w.deliver(threads=Inline)
    finally:
        sys.setprofile(None)
    assert len(ops.sent) == count
    return sum(found)


@pytest.mark.parametrize("count", [300, 900])
def test_what_waits_is_arranged_once_however_much_it_is(count):
    assert arranged(count) == count


# Time


def test_a_channel_that_hangs_holds_up_no_other():
    over, told = threading.Event(), threading.Event()
    w = World(
        Said(otherwise=lambda: over.wait(5) and "receipt"), Said("pager", otherwise=lambda: told.set() or "receipt")
    )
    w.put(*many(3), to="ops pager")
    done = []
    thread = threading.Thread(target=lambda: done.append(w.deliver()))
    thread.start()
    assert told.wait(5)
    for _ in range(500):
        if sum(row.outcome is Outcome.SENT for n in range(3) for row in w.rows(f"job{n}/1").values()) == 3:
            break
        told.wait(0.01)
        over.wait(0.01)
    else:
        raise AssertionError("the pager's messages are not marked while the other channel hangs")
    over.set()
    thread.join()
    assert done == [Delivered(sent=6)]


def test_a_pace_is_kept():
    w = World(ops := Said(pace=1000, group_above=0))
    w.put(*many(4))
    w.deliver()
    assert [now - NOW for *_, now in ops.sent] == [0, 1000, 2000, 3000]


def test_a_pass_ends_in_time_and_says_that_there_is_more():
    w = World(ops := Said(pace=1000, group_above=0))
    w.put(*many(70))
    done = w.deliver()
    assert (done.sent, done.more) == (45, True)
    assert w.now - NOW <= 46 * SECOND
    assert w.deliver() == Delivered(sent=25)
    assert len(set(ops.told)) == 70


def test_a_full_read_says_that_there_is_more():
    w = World(Said())
    w.put(*many(7))
    assert w.deliver(limit=5) == Delivered(sent=5, more=True)
    assert w.deliver(limit=5) == Delivered(sent=2)


def test_a_webhook_end_to_end(receiver):
    hook = Webhook("ops", WebhookSettings(url=receiver.url), guard=Guard(allow_private=True), group_above=0)
    w = World(hook)
    receiver.script = [(503, {"Retry-After": "60"}, b"")]
    w.put(*many(40))
    w.until_quiet()
    keys = [asked.headers["idempotency-key"] for asked in receiver.asked]
    assert sorted(set(keys)) == sorted(f"job{n}/1/opened@ops" for n in range(40))
    assert all(row.outcome is Outcome.SENT for n in range(40) for row in w.rows(f"job{n}/1").values())
