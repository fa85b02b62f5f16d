"""A job is removed and declared again: by the real verbs, on every store."""

import pytest
from msgspec.structs import replace
from store_samples import T0

from heartbeat.config import Config
from heartbeat.core.definition import RETURN_MAX
from heartbeat.core.start_orders import Order
from heartbeat.core.starting import run_for
from heartbeat.model import DAY, HOUR, MINUTE, NEVER, SECOND, Change, Event, Job, Kind, Signal, Silence, Status, Trigger
from heartbeat.targets.protocol import TargetAnswer
from heartbeat.verbs import service_state
from heartbeat.verbs.apply import apply
from heartbeat.verbs.deliver import deliver
from heartbeat.verbs.operate import acknowledge, pause_job, silence
from heartbeat.verbs.record import Recorded, Recorder
from heartbeat.verbs.sweep import sweep
from heartbeat.verbs.trigger import Starter

KEEP = Job(slug="keep", schedule=("every 1d",), notify=("ops",), source="file")
TICK = Job(slug="tick", schedule=("every 2s",), grace=SECOND, early=0, notify=("ops",), source="file")
SETTLE = Job(
    slug="settle", schedule=("0 * * * *",), trigger=Trigger(kind="http", settings={}), source="file", max_runtime=HOUR
)


class Channel:
    """Takes everything; remembers keys and what the alerts were about."""

    name, definition = "ops", "1"
    group_above, pace, parallel = 0, 0, 1

    def __init__(self):
        self.keys, self.told = [], []

    def send(self, alerts, *, key, now, receipt):  # noqa: ARG002 - the protocol's words
        self.keys.append(key)
        self.told += [(str(alert.event), alert.slug) for alert in alerts]
        return '{"ts": "1"}'


class Target:
    timeout, repeatable = SECOND, 0

    def __init__(self):
        self.calls = []

    def start(self, call, _sent):
        self.calls.append(call.run_id)
        return TargetAnswer(text="202")


class Town:
    """One store and everything that works on it. Times are milliseconds after T0."""

    def __init__(self, store):
        self.store, self.now, self.ops, self.target = store, T0, Channel(), Target()
        self.sweep(0)

    def apply(self, at, *jobs, owner="file"):
        self.now = T0 + at
        jobs = tuple(replace(job, source=owner) for job in jobs)
        config = Config(name=owner, jobs=jobs, channels={}, service=("ops",), fallback=(), digest="", warnings=())
        return apply(self.store, config, self.now)

    def sweep(self, at):
        """One that follows others: they looked all along, and found nothing."""
        self.now = T0 + at
        told, book = 0, service_state.clock(self.store, self.now)
        self.store.commit([Change(documents=(replace(book, alive=max(book.alive, self.now - SECOND)).document(),))])
        for _ in range(20):
            done = sweep(self.store, self.now, service=("ops",))
            told += done.told
            if not done.more:
                return told
        raise AssertionError("the sweeps found no end")

    def hear(self, kind, at, slug="tick", **more):
        self.now = T0 + at
        signal = Signal(slug=slug, kind=kind, at=self.now, received=self.now, **more)
        return Recorder(self.store).record([signal])[0]

    def deliver(self):
        return deliver(self.store, {"ops": self.ops}, lambda: self.now, parallel=1)

    def start(self, at):
        self.now = T0 + at
        starter = Starter(self.store, lambda _: self.target, lambda: self.now)
        return starter.start(Order(slug="settle", slot=self.now))

    def job(self, slug="tick"):
        return self.store.load([slug])[slug]

    def alerts(self):
        rows = sorted(self.store.outbox(NEVER - 1, 999), key=lambda row: (row.created_at, row.alert.at))
        return [(str(row.alert.event), row.alert.at - T0) for row in rows if row.alert.slug == "tick"]


@pytest.fixture
def town(store):
    return Town(store)


def test_a_job_that_comes_back_is_told_of_again(town):
    """Deliveries of the first life are kept; the second one's must not have their names."""
    town.apply(0, KEEP, TICK)
    town.sweep(4 * SECOND)
    assert town.alerts() == [("opened", 3_000)]
    town.apply(5 * SECOND, KEEP)
    town.apply(5 * SECOND + RETURN_MAX + 1, KEEP, TICK)
    back = 5 * SECOND + RETURN_MAX + 1
    assert town.sweep(back + 4 * SECOND) >= 1
    assert town.sweep(back + 5 * SECOND) == 0
    told = [alert for alert in town.alerts() if alert[1] > back]
    assert told == [("opened", back + 3_000)]
    assert town.hear(Kind.FAIL, back + 6 * SECOND) is Recorded.STORED
    assert town.job().state.status is Status.DOWN


@pytest.mark.parametrize("pause", [0, 1, MINUTE, RETURN_MAX, RETURN_MAX + 1, 30 * DAY])
def test_whenever_it_comes_back(town, pause):
    town.apply(0, KEEP, TICK)
    town.sweep(4 * SECOND)
    town.apply(5 * SECOND, KEEP)
    back = 5 * SECOND + pause
    town.apply(back, KEEP, TICK)
    for second in range(1, 6):
        town.sweep(back + second * SECOND)
    assert [event for event, at in town.alerts() if at > back or event == "closed"].count("closed") == 1
    assert town.job().state.incident.told_at is not None
    assert town.hear(Kind.SUCCESS, back + 6 * SECOND) is Recorded.STORED
    assert town.job().state.status is Status.UP
    assert town.alerts()[-1] == ("recovered", back + 6 * SECOND)


class TestIdentities:
    """Every name that is made from a job: of two lives that went the same way, none is the same."""

    def live(self, town, begin):
        """One life of two jobs, always the same; every name that came of it."""
        town.apply(begin, KEEP, TICK, SETTLE)
        town.sweep(begin + 4 * SECOND)  # a miss
        town.hear(Kind.SUCCESS, begin + 5 * SECOND)  # a recovery
        town.hear(Kind.FAIL, begin + 6 * SECOND)
        self.start = town.start(begin + HOUR)
        names = {row.id for row in town.store.outbox(NEVER - 1, 999) if row.alert.slug == "tick"}
        threads = {row.alert.incident for row in town.store.outbox(NEVER - 1, 999) if row.alert.slug == "tick"}
        keys = len(town.ops.keys)
        town.deliver()
        found = {
            "deliveries": names,
            "incidents and threads": threads,
            "idempotency keys of alerts": set(town.ops.keys[keys:]),
            "runs, claims, FIFO ids and tokens": {self.start.run_id, *town.target.calls[-1:]},
            "lives": {town.job().state.life},
        }
        versions = [town.job().state.version]
        town.apply(begin + HOUR + MINUTE, KEEP)
        town.deliver()
        return found, versions

    @pytest.mark.parametrize("gap", [2 * HOUR, 30 * DAY])
    def test_none_is_the_same(self, town, gap):
        lives = [self.live(town, life * gap) for life in range(3)]
        for name in lives[0][0]:
            sets = [found[name] for found, _ in lives]
            assert all(sets), name
            assert len(set().union(*sets)) == sum(map(len, sets)), name
        versions = [version for _, found in lives for version in found]
        assert versions == sorted(set(versions))  # what somebody remembers of an old life never fits the new one

    def test_two_lives_in_one_millisecond(self, town):
        town.apply(0, KEEP, TICK)
        lives = [town.job().state.life]
        for _ in range(3):
            town.apply(0, KEEP)
            town.apply(0, KEEP, TICK)
            lives.append(town.job().state.life)
        assert len(set(lives)) == 4

    def test_a_clock_that_was_set_back(self, town):
        town.apply(HOUR, KEEP, TICK)
        first = town.job().state.life
        town.apply(HOUR, KEEP)
        town.apply(0, KEEP, TICK)
        assert town.job().state.life > first

    def test_the_same_slot_in_two_lives_is_two_runs(self):
        runs = {run_for("settle", T0, life) for life in (0, T0, T0 + 1)}
        assert len(runs) == 3

    def test_a_recorder_that_remembers_the_old_life_decides_anew(self, town):
        """A process that looked away while the job was removed and made again."""
        town.apply(0, KEEP, TICK)
        recorder = Recorder(town.store)

        def ping(at):
            signal = Signal(slug="tick", kind=Kind.SUCCESS, at=T0 + at, received=T0 + at)
            return recorder.record([signal])[0]

        ping(SECOND)
        town.apply(2 * SECOND, KEEP)
        town.apply(40 * DAY, KEEP, TICK)
        town.hear(Kind.SUCCESS, 40 * DAY + 500)  # the new life has come as far as the old one had
        assert ping(40 * DAY + SECOND) is Recorded.STORED
        assert town.job().state.born == T0 + 40 * DAY
        assert town.job().state.signals == 2


class TestWhatPeopleSaid:
    def test_a_pause_outlasts_a_removal(self, town):
        town.apply(0, KEEP, TICK)
        pause_job(town.store, "tick", T0 + SECOND, until=T0 + DAY, reason="moving")
        town.apply(MINUTE, KEEP)
        town.apply(HOUR, KEEP, TICK)
        state = town.job().state
        assert (state.status, state.paused_until, state.pause_reason) == (Status.PAUSED, T0 + DAY, "moving")
        town.sweep(2 * HOUR)
        assert town.alerts() == []

    def test_a_pause_that_ran_out_meanwhile_is_over(self, town):
        town.apply(0, KEEP, TICK)
        pause_job(town.store, "tick", T0 + SECOND, until=T0 + MINUTE)
        town.apply(10 * SECOND, KEEP)
        town.apply(HOUR, KEEP, TICK)
        town.sweep(HOUR + 4 * SECOND)
        assert town.alerts() == [("opened", HOUR + 3_000)]

    def test_an_acknowledgement_outlasts_it_with_the_incident(self, town):
        town.apply(0, KEEP, replace(TICK, remind_every=MINUTE))
        town.sweep(4 * SECOND)
        acknowledge(town.store, "tick", T0 + 5 * SECOND, by="ann")
        town.apply(MINUTE, KEEP)
        town.apply(HOUR, KEEP, replace(TICK, remind_every=MINUTE))
        incident = town.job().state.incident
        assert (incident.acked_by, incident.opened_at, incident.bad >= 1) == ("ann", T0 + 3_000, True)
        for minute in range(5):
            town.sweep(HOUR + minute * MINUTE)
        assert [event for event, _ in town.alerts()] == ["opened", "closed", "opened"]

    def test_history_and_last_success_outlast_it(self, town):
        town.apply(0, KEEP, TICK)
        town.hear(Kind.SUCCESS, SECOND)
        town.apply(2 * SECOND, KEEP)
        town.apply(HOUR, KEEP, TICK)
        remarks = [entry.remark for entry in town.store.history("tick", 9)]
        assert remarks == ["declared again 59 min after it was removed: what was known holds", "removed", ""]
        assert town.job().state.last_success == T0 + SECOND
        assert town.job().state.status is Status.UP

    def test_its_uuid_outlasts_it(self, town):
        town.apply(0, KEEP, TICK)
        uuid = town.job().uuid
        town.apply(SECOND, KEEP)
        assert town.store.slug_of(uuid) is None
        town.apply(HOUR, KEEP, TICK)
        assert (town.job().uuid, town.store.slug_of(uuid)) == (uuid, "tick")

    def test_after_a_week_it_begins_anew(self, town):
        town.apply(0, KEEP, TICK)
        pause_job(town.store, "tick", T0 + SECOND)
        uuid = town.job().uuid
        town.apply(2 * SECOND, KEEP)
        town.apply(2 * SECOND + RETURN_MAX + 1, KEEP, TICK)
        assert town.job().state.status is Status.WAITING
        assert town.job().uuid != uuid

    def test_the_end_of_a_run_of_before_is_recorded_and_meets_no_slot_of_now(self, town):
        town.apply(0, KEEP, TICK)
        town.hear(Kind.START, SECOND, run_id="r1")
        town.apply(2 * SECOND, KEEP)
        town.apply(HOUR, KEEP, TICK)
        assert town.hear(Kind.SUCCESS, HOUR, run_id="r1") is Recorded.STORED
        assert town.job().state.runs == ()
        town.sweep(HOUR + 4 * SECOND)
        assert town.alerts()[-1] == ("opened", HOUR + 3_000)

    def test_a_silence_by_name_outlasts_a_short_removal_only(self, town):
        for begin, pause, told in ((0, HOUR, []), (DAY, RETURN_MAX + 1, ["opened"])):
            town.apply(begin, KEEP, TICK)
            town.hear(Kind.SUCCESS, begin + 1)
            said = Silence(id=f"s{begin}", selector="tick", start=T0 + begin, end=T0 + begin + 90 * DAY)
            silence(town.store, said)
            town.apply(begin + SECOND, KEEP)
            town.apply(begin + SECOND + pause, KEEP, TICK)
            town.sweep(begin + SECOND + pause + 4 * SECOND)
            assert [event for event, at in town.alerts() if at > begin] == told

    def test_a_silence_by_pattern_holds_whoever_has_the_name(self, town):
        town.apply(0, KEEP, TICK)
        silence(town.store, Silence(id="s", selector="t*", start=T0, end=T0 + 90 * DAY))
        town.apply(SECOND, KEEP)
        town.apply(RETURN_MAX + HOUR, KEEP, TICK)
        town.sweep(RETURN_MAX + 2 * HOUR)
        assert town.alerts() == []


class TestRemovedWhileDown:
    def test_one_message_says_so(self, town):
        town.apply(0, KEEP, TICK)
        town.sweep(4 * SECOND)
        town.apply(MINUTE, KEEP)
        town.deliver()
        assert town.ops.told == [("opened", "tick"), ("closed", "tick")]
        assert Event("closed") is Event.CLOSED

    def test_nobody_is_told_twice_within_a_silence(self, town):
        town.apply(0, KEEP, TICK)
        town.sweep(4 * SECOND)
        silence(town.store, Silence(id="s", selector="tick", start=T0 + 5 * SECOND, end=T0 + DAY))
        town.apply(MINUTE, KEEP)
        assert [event for event, _ in town.alerts()] == ["opened"]

    def test_a_job_that_was_well_goes_without_a_word(self, town):
        town.apply(0, KEEP, TICK)
        town.hear(Kind.SUCCESS, SECOND)
        town.apply(2 * SECOND, KEEP)
        assert town.alerts() == []

    def test_it_is_told_again_when_it_comes_back_down(self, town):
        town.apply(0, KEEP, replace(TICK, schedule=("every 1h",)))
        town.hear(Kind.FAIL, SECOND)
        town.apply(MINUTE, KEEP)
        town.apply(2 * MINUTE, KEEP, replace(TICK, schedule=("every 1h",)))
        town.sweep(2 * MINUTE + SECOND)
        assert [event for event, _ in town.alerts()] == ["opened", "closed", "opened"]
        town.hear(Kind.SUCCESS, 3 * MINUTE)
        assert [event for event, _ in town.alerts()][-1] == "recovered"


def test_what_was_left_is_forgotten_a_week_after_the_history(backend):
    town = Town(backend.store)
    town.apply(0, KEEP, TICK)
    town.apply(HOUR, KEEP)
    assert set(town.store.left(["tick", "keep", "nobody"])) == {"tick"}
    town.hear(Kind.SUCCESS, 30 * DAY, "keep")
    for _ in range(3):
        town.store.purge(T0 + HOUR + 7 * DAY, 999)
    assert set(town.store.left(["tick"])) == {"tick"}
    for _ in range(3):
        town.store.purge(T0 + HOUR + 7 * DAY + 1, 999)
    assert backend.expires or town.store.left(["tick"]) == {}
