"""What waits: for a channel that is not known yet, refuses, or asks for a pause; and what a dead process held."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise

import pytest
from alert_samples import NOW, alert, recovered
from msgspec.structs import replace
from test_deliver import DOWN, Crash, Said, World, many

from heartbeat.core.addressing import delivery
from heartbeat.doors.server.delivery_owner import ProcessOwner
from heartbeat.errors import ChannelFailed
from heartbeat.model import DAY, HOUR, MINUTE, NEVER, SECOND, Change, Commit, Event, Outcome
from heartbeat.verbs import channel_state, service_state
from heartbeat.verbs.batching import ready
from heartbeat.verbs.channel_lane import CLAIM
from heartbeat.verbs.counts import Delivered
from heartbeat.verbs.deliver import deliver
from heartbeat.verbs.illness import illnesses

FORBIDDEN = ChannelFailed("403", refused=True)
BUSY = ChannelFailed("429", retry_after=10, unsent=True)
AWAY = ChannelFailed("connection refused", unsent=True)


class Process:
    """One of several on the same store, with channels of its own."""

    def __init__(self, world, *channels, owner=None):
        self.world, self.channels, self.owner = world, {channel.name: channel for channel in channels}, owner

    def deliver(self, **limits):
        world = self.world
        return deliver(world.store, self.channels, lambda: world.now, sleep=world.sleep, owner=self.owner, **limits)


class Lives:
    """An owner among others of whom it is known which are gone."""

    def __init__(self, name, gone):
        self.name, self._gone = name, gone

    def gone(self, name):
        return name in self._gone


# A channel that is not known here


def test_an_alert_waits_for_a_channel_that_the_server_learns_of_two_seconds_later():
    w = World(Said("pager"))
    w.put(alert())
    assert w.deliver().failed == 1
    w.now += 2 * SECOND
    w.channels["ops"] = ops = Said()
    assert w.deliver().sent == 1
    assert ops.sent == [(["daily-report/1/opened"], "daily-report/1/opened@ops", "", NOW + 2 * SECOND)]
    assert service_state.dead(w.store).count == 0
    assert illnesses(w.store) == ()


def test_of_two_processes_each_sends_what_it_knows_at_once_whatever_the_other_said_of_it():
    w = World()
    server, cron = Process(w, ops := Said()), Process(w, pager := Said("pager"))
    for n in range(20):
        w.put(alert(f"job{n}"), to="ops pager")
        cron.deliver()
        server.deliver()
        w.now += SECOND
        cron.deliver()
    assert sorted(ops.told) == sorted(pager.told) == sorted(f"job{n}/1/opened" for n in range(20))
    assert illnesses(w.store) == ()


def test_a_process_that_does_not_know_the_channel_looks_at_the_row_now_and_then_and_never_spins():
    w = World()
    cron = Process(w, Said("pager"))
    w.put(alert(), to="opps")
    looks = 0
    for second in range(3600):
        w.now = NOW + second * SECOND
        done = cron.deliver()
        looks += bool(done.failed)
        assert not done.more
    assert looks <= 13


def test_a_thousand_rows_for_an_unknown_channel_hold_up_no_other():
    w = World(ops := Said(group_above=0))
    w.put(*many(1000), to="opps")
    w.now += SECOND
    w.put(alert("mine"))
    first = w.deliver()
    assert (first.failed, first.more) == (1000, True)
    assert w.deliver() == Delivered(sent=1)
    assert ops.told == ["mine/1/opened"]
    w.now += 2 * SECOND
    w.put(alert("another"))
    assert w.deliver().sent == 1


def test_a_channel_that_nobody_knows_is_told_to_every_other_and_is_over_when_it_appears():
    w = World(pager := Said("pager"), screen := Said("screen"))
    w.put(alert(), to="opps")
    while w.now < NOW + 15 * MINUTE:
        w.deliver()
        w.now += SECOND
    (ill,) = illnesses(w.store)
    assert (ill.name, ill.text) == (
        "channel/opps",
        "alerts wait for 'opps', and there is no channel named 'opps' in the config",
    )
    assert pager.told == screen.told == [f"service/ill/channel/opps/{ill.since}/ill"]
    w.channels["opps"] = Said("opps")
    w.deliver()
    assert illnesses(w.store) == ()
    w.deliver()
    assert pager.told[1:] == [f"service/ill/channel/opps/{ill.since}/well"]


# A channel that refuses


def test_permissions_that_arrive_late_are_in_time():
    w = World(ops := Said(otherwise=FORBIDDEN), Said("pager"))
    w.put(alert())
    while w.now < NOW + 20 * HOUR:
        w.deliver()
        w.now += MINUTE
    assert 30 <= len(ops.sent) <= 60
    ops.otherwise = "receipt"
    w.until_quiet()
    assert w.rows()["daily-report/1/opened@ops"].outcome is Outcome.SENT


def test_a_channel_that_refuses_is_told_to_the_others_at_the_second_try_and_again_when_it_is_well():
    w = World(ops := Said(otherwise=FORBIDDEN), pager := Said("pager"), fallback=["ops"])
    w.put(*many(3))
    w.deliver()
    assert illnesses(w.store) == ()
    w.now += 2 * MINUTE
    w.deliver()
    (ill,) = illnesses(w.store)
    assert ill.text.startswith("the channel ops takes no messages (403); waiting for it: MISSED job0 (prod): expected")
    assert ill.text.endswith(", and 2 more")
    w.deliver()
    assert pager.told == [f"service/ill/channel/ops/{ill.since}/ill"]
    ops.otherwise = "receipt"
    w.until_quiet()
    assert illnesses(w.store) == ()
    assert pager.told[1:] == [f"service/ill/channel/ops/{ill.since}/well"]


def test_a_channel_whose_definition_changes_is_tried_at_once():
    w = World(ops := Said(otherwise=FORBIDDEN))
    w.put(*many(2))
    for _ in range(6):
        w.now += 10 * MINUTE
        w.deliver()
    assert w.deliver() == Delivered()
    w.channels["ops"] = mended = Said(definition="with another URL")
    w.now += SECOND
    assert w.deliver().sent == 2
    assert sorted(mended.told) == ["job0/1/opened", "job1/1/opened"]
    assert len(ops.sent) < 10


def test_two_servers_that_declare_a_channel_differently_do_not_chase_each_other():
    w = World()
    one = Process(w, a := Said(otherwise=FORBIDDEN, definition="a"))
    two = Process(w, b := Said(otherwise=FORBIDDEN, definition="b"))
    w.put(alert())
    while w.now < NOW + HOUR:
        one.deliver()
        two.deliver()
        w.now += SECOND
    assert len(a.sent) + len(b.sent) <= 14


def test_a_picky_channel_that_takes_the_others_is_not_ill():
    def picky():
        if "bad/1/opened" in ops.sent[-1][0]:
            raise DOWN
        return "receipt"

    w = World(ops := Said(otherwise=picky, group_above=0), Said("pager"))
    w.put(alert("bad"))
    for minute in range(60):
        w.put(alert(f"job{minute}"))
        w.deliver()
        w.now += MINUTE
    assert illnesses(w.store) == ()


def test_what_dies_is_told_by_every_other_channel_when_nobody_is_named():
    w = World(Said(otherwise=ChannelFailed("422", final=True)), a := Said("a"), b := Said("b"))
    w.put(alert())
    assert w.deliver() == Delivered(dead=1, more=True)
    w.deliver()
    (ill,) = illnesses(w.store)
    assert ill.text.startswith("the channel ops takes no messages (422); given up: MISSED daily-report (prod)")
    told = {"daily-report/1/opened@ops/undelivered", f"service/ill/channel/ops/{ill.since}/ill"}
    assert set(a.told) == set(b.told) == told


# A channel that asks for a pause


class Strict(Said):
    """A receiver that takes a message a second, and names a pause of ten; the world's clock is its own."""

    def watch(self, world):
        self.world, self.took, self.until, self.inside = world, -SECOND, 0, []
        self.otherwise = self.answer
        return self

    def answer(self):
        now = self.world.now
        if now < self.until:
            self.inside.append(now)
        if now < self.took + SECOND:
            self.until = now + 10 * SECOND
            raise BUSY
        self.took = now
        return "receipt"


def seconds_until_told(w, ops, count):
    while sum(len(ids) for ids, *_ in ops.sent if ids) < count or w.store.outbox(NEVER - 1, 1):
        w.deliver()
        w.now += 100
        assert w.now < NOW + 5 * MINUTE
    return (w.now - NOW) / SECOND


@pytest.mark.parametrize("group_above", [5, 0])
def test_twenty_failures_in_eight_seconds_at_a_receiver_that_takes_one_a_second(group_above):
    w = World(ops := Strict(group_above=group_above))
    ops.watch(w)
    for n in range(20):
        w.put(alert(f"job{n}"))
        w.deliver()
        w.now += 400
    took = seconds_until_told(w, ops, 20)
    assert ops.inside == []
    assert took <= (15 if group_above else 40)
    told = [name for row in w.rows_of_all() for name in [row.alert.id] if row.outcome is Outcome.SENT]
    assert sorted(told) == sorted(f"job{n}/1/opened" for n in range(20))


def test_a_pause_that_was_asked_for_is_kept_by_another_process_too():
    w = World()
    one, two = Process(w, Said(script=[ChannelFailed("busy", retry_after=90)])), Process(w, other := Said())
    w.put(alert())
    one.deliver()
    w.now += SECOND
    w.put(alert("second"))
    assert two.deliver().sent == 0
    w.now = NOW + 89 * SECOND
    assert two.deliver().sent == 0
    w.now = NOW + 92 * SECOND
    assert two.deliver().sent == 2
    assert sorted(other.told) == ["daily-report/1/opened", "second/1/opened"]


def test_the_pace_of_a_channel_outlives_a_pass_and_holds_between_processes():
    w = World()
    channels = [Said(pace=1000), Said(pace=1000)]
    one, two = (Process(w, channel) for channel in channels)
    for n in range(6):
        w.put(alert(f"job{n}"))
        (one, two)[n % 2].deliver()
    sent = sorted(now for channel in channels for *_, now in channel.sent)
    assert [b - a for a, b in pairwise(sent)] == [1000] * 5


def test_nothing_is_written_for_a_channel_that_is_well_and_has_no_pace():
    w = World(Said())
    for n in range(5):
        w.put(alert(f"job{n}"))
        w.deliver()
    assert w.store.document("channel/ops").version == 0


# Put together anew


def test_what_was_refused_one_by_one_becomes_one_message():
    w = World(ops := Said(otherwise=AWAY))
    for n in range(9):
        w.put(alert(f"job{n}"))
        w.deliver()
        w.now += SECOND
    ops.otherwise = "receipt"
    ops.sent.clear()
    w.until_quiet()
    assert max(len(ids) for ids, *_ in ops.sent) >= 6
    assert sorted(name for ids, *_ in ops.sent for name in ids) == sorted(f"job{n}/1/opened" for n in range(9))


def test_what_may_have_arrived_is_repeated_under_its_key_and_joins_nothing():
    w = World(ops := Said(script=[DOWN, AWAY]))
    w.put(alert("first"))
    w.deliver()
    w.now += MINUTE
    w.deliver()  # refused for certain now, but the first try may have arrived
    w.put(*many(8))
    w.now += 5 * MINUTE
    w.deliver()
    assert [key for ids, key, *_ in ops.sent if "first/1/opened" in ids] == ["first/1/opened@ops"] * 3
    assert [len(ids) for ids, *_ in ops.sent[2:]] in ([8, 1], [1, 8])


def test_what_an_older_version_tried_may_have_arrived():
    w = World(ops := Said())
    rows = [replace(delivery(one, "ops", NOW), attempts=1, next_at=NOW) for one in many(8)]
    w.store.commit([Change(deliveries=(row,)) for row in rows])
    assert w.deliver().sent == 8
    assert sorted(ops.keys) == sorted(row.id for row in rows)


def test_what_failed_and_is_well_again_meanwhile_is_said_at_once():
    w = World(ops := Said(script=[AWAY]))
    w.put(alert())
    w.deliver()
    w.put(recovered())
    w.until_quiet()
    assert ops.told == ["daily-report/1/opened", "daily-report/1/opened daily-report/1/recovered"]


def test_in_a_backlog_too():
    w = World(ops := Said(script=[BUSY]))
    w.put(*many(8))
    w.deliver()
    w.put(recovered("job3"), recovered("job5"))
    w.now += 5 * SECOND
    w.deliver()
    w.until_quiet()
    assert len(ops.sent) == 2
    assert sorted(ops.sent[1][0]) == sorted(
        [*(f"job{n}/1/opened" for n in range(8)), "job3/1/recovered", "job5/1/recovered"]
    )
    order = ops.sent[1][0]
    assert order.index("job3/1/opened") < order.index("job3/1/recovered")


def test_a_recovery_whose_opening_may_have_arrived_waits_for_it():
    w = World(ops := Said(script=[DOWN]))
    w.put(alert())
    w.deliver()
    w.put(recovered())
    w.until_quiet()
    assert ops.told == ["daily-report/1/opened"] * 2 + ["daily-report/1/recovered"]


def test_a_message_of_both_that_may_have_arrived_is_repeated_whole():
    w = World(ops := Said(script=[DOWN]))
    w.put(alert(), recovered())
    w.deliver()
    w.put(*many(7))
    w.until_quiet()
    both = [sent[:2] for sent in ops.sent if "daily-report/1/opened" in sent[0]]
    assert [ids for ids, _ in both] == [["daily-report/1/opened", "daily-report/1/recovered"]] * 2
    assert len({key for _, key in both}) == 1


def test_a_group_is_put_off_and_dies_as_one():
    w = World(ops := Said(otherwise=DOWN))
    for n in range(8):  # their ages differ, and the number of their tries
        w.put(alert(f"job{n}"))
        w.now += 20 * MINUTE
    ops.otherwise = AWAY
    w.deliver()
    w.put(*many(8, event=Event.REMINDER)[8:])
    ops.otherwise = DOWN
    w.until_quiet()
    groups = {tuple(ids) for ids, *_ in ops.sent}
    assert len(groups) == 1
    assert service_state.dead(w.store).count == 8


def test_a_group_of_which_another_process_got_a_part_is_let_go_by_both():
    class Half:
        """A store that keeps every second claim of a batch: another process was faster with the others."""

        def __init__(self, store):
            self._store, self.armed = store, True

        def __getattr__(self, name):
            return getattr(self._store, name)

        def commit(self, changes):
            if self.armed and len(changes) == 8:
                self.armed = False
                kept = self._store.commit(changes[::2])
                return [kept[n // 2] if n % 2 == 0 else Commit.STALE for n in range(8)]
            return self._store.commit(changes)

    w = World(ops := Said())
    w.put(*many(8))
    w.store = Half(w.store)
    assert w.deliver() == Delivered(more=True, next_at=NOW)
    assert ops.sent == []
    assert w.deliver() == Delivered(sent=8)
    assert [len(ids) for ids, *_ in ops.sent] == [8]


def test_a_delivery_that_nobody_can_claim_is_an_illness_and_holds_up_no_other():
    class Refusing:
        """A store that takes no new version of one delivery, for ever."""

        def __init__(self, store):
            self._store = store

        def __getattr__(self, name):
            return getattr(self._store, name)

        def commit(self, changes):
            odd = [any(row.alert.slug == "odd" and row.version > 1 for row in each.deliveries) for each in changes]
            kept = iter(self._store.commit([each for each, bad in zip(changes, odd, strict=True) if not bad]))
            return [Commit.STALE if bad else next(kept) for bad in odd]

    w = World(ops := Said())
    w.put(alert("odd"))
    w.store = Refusing(w.store)
    for second in range(90):
        w.put(alert(f"job{second}"))
        done = w.deliver()
        assert not done.more
        w.now += SECOND
    assert [(ill.name, ill.since) for ill in illnesses(w.store)] == [("deliver/stuck", NOW + MINUTE)]
    assert ops.told[-1] == "job89/1/opened"
    assert f"service/ill/deliver/stuck/{NOW + MINUTE}/ill" in ops.told


# Who was sending has died


def test_what_a_dead_process_was_sending_is_sent_at_once_under_the_same_key():
    w = World()
    w.put(*many(7))
    first = Process(w, ops := Said(script=[Crash()]), owner=Lives("a", {}))
    with pytest.raises(Crash):
        first.deliver()
    w.now += SECOND
    w.put(*(alert(f"new{n}") for n in range(7)))
    second = Process(w, ops, owner=Lives("b", {"a"}))
    assert second.deliver().sent == 14
    assert ops.sent[0][:2] == next(sent[:2] for sent in ops.sent[1:] if sent[1] == ops.sent[0][1])


def test_what_a_living_process_is_sending_is_left_to_it_until_its_claim_runs_out():
    w = World()
    w.put(alert())
    with pytest.raises(Crash):
        Process(w, ops := Said(script=[Crash()]), owner=Lives("a", {})).deliver()
    other = Process(w, ops, owner=Lives("b", {}))
    w.now += CLAIM - 1
    assert other.deliver() == Delivered()
    w.now += 1
    assert other.deliver().sent == 1
    assert ops.keys == ["daily-report/1/opened@ops"] * 2


def test_an_owner_knows_itself_and_what_is_no_owner(tmp_path):
    with closing(ProcessOwner(tmp_path / "heartbeat.db")) as me:
        assert not me.gone(me.name)
        assert not me.gone("")
        assert not me.gone("-")
        assert not me.gone("f" * 40)
        assert me.gone("123")


def test_whoever_reaches_a_database_by_a_link_is_known_to_the_others(tmp_path):
    """The locks lie in one file, beside the database itself."""
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "heartbeat.db"
    link.symlink_to(tmp_path / "heartbeat.db")
    with closing(ProcessOwner(link)):
        assert [file.name for file in (tmp_path / "links").iterdir()] == ["heartbeat.db"]
        assert (tmp_path / "heartbeat.db-owners").exists()


def test_a_row_is_ready_by_its_time_its_holder_or_its_channel():
    row = replace(delivery(alert(), "ops", NOW), next_at=NOW + DAY, under=("a",))
    held = replace(row, holder="h", under=())
    nobody, everybody = (lambda _: False), (lambda _: True)
    assert ready(replace(row, next_at=NOW), "a", NOW, nobody)
    assert not ready(row, "a", NOW, everybody)
    assert not ready(row, None, NOW, everybody)
    assert ready(row, "b", NOW, nobody)
    assert not ready(held, "b", NOW, nobody)
    assert ready(held, "b", NOW, everybody)


def test_what_is_known_of_a_channel_is_kept_when_two_write_at_once():
    store = World().store
    old = channel_state.read(store, "ops")
    channel_state.update(store, old, lambda known: known.paused(NOW + MINUTE))
    after = channel_state.update(store, old, lambda known: known.of("a"))
    assert (after.version, after.definition, after.until) == (2, "a", 0)
    assert channel_state.read(store, "ops") == after


def test_an_illness_of_a_channel_that_is_declared_no_more_is_over_once_nothing_waits_for_it():
    w = World(Said(otherwise=FORBIDDEN), Said("pager"))
    w.put(alert())
    w.deliver()
    w.now += 2 * MINUTE
    w.deliver()
    channel_state.forget(w.store, ["pager"], w.now, ["pager"])
    assert [ill.name for ill in illnesses(w.store)] == ["channel/ops"]
    w.until_quiet()
    channel_state.forget(w.store, ["ops", "pager"], w.now, ["pager"])
    assert [ill.name for ill in illnesses(w.store)] == ["channel/ops"]
    channel_state.forget(w.store, ["pager"], w.now, ["pager"])
    assert illnesses(w.store) == ()
