"""The checker's rounds, on a store that needs no AWS."""

import json

import pytest
from msgspec.structs import replace

from heartbeat.channels.lazy import Mailboxes
from heartbeat.config import read
from heartbeat.core.definition import founding
from heartbeat.doors.http.watchdog import Watchdog
from heartbeat.doors.lambdas.checker_work import Rounds
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.errors import ChannelFailed
from heartbeat.model import HOUR, MINUTE, Change, Commit, Document, Kind, Signal
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs import channel_state
from heartbeat.verbs.apply import apply
from heartbeat.verbs.illness import illnesses
from heartbeat.verbs.record import Recorder
from heartbeat.verbs.sweep import nothing_to_see

NOW = 1_795_003_200_000
TEXT = """
name: team
channels: {ops: {console: {}}, pager: {console: {}}}
defaults: {notify: [ops]}
service: {notify: [ops]}
jobs:
  report: {schedule: every 1h, grace: 10m}
  backup: {schedule: every 1h, grace: 10m}
"""


class Shelf:
    """A channel that keeps what it is given, or refuses it."""

    group_above, pace, parallel, definition = 0, 0, 1, "shelf"

    def __init__(self, name):
        self.name, self.told, self.problem = name, [], None

    def send(self, alerts, **_about):
        if self.problem:
            raise ChannelFailed(self.problem)
        self.told += [(alert.event, alert.slug) for alert in alerts]
        return ""


class Time:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


class World:
    """A checker and what is around it."""

    def __init__(self, journal):
        self.store, self.time = SQLiteStore(":memory:"), Time()
        self.shelves = {"ops": Shelf("ops"), "pager": Shelf("pager")}
        self.left = 120_000
        self.journal = journal
        self.rounds = self.checker(TEXT)

    def checker(self, text):
        """A new instance of the function, as a deployment makes it."""
        return Rounds(
            store=self.store,
            config=read(text),
            channels=self.shelves,
            look=nothing_to_see,
            watchdog=Watchdog("", self.journal),
            journal=self.journal,
            now=self.time,
        )

    def sweep(self, minutes=0):
        self.time.now += minutes * MINUTE
        answer = self.rounds.sweep(lambda: self.left)
        self.journal.flush()
        return answer

    def ping(self, slug):
        signal = Signal(slug=slug, kind=Kind.SUCCESS, at=self.time.now, received=self.time.now)
        Recorder(self.store).record([signal])


@pytest.fixture
def world(request):
    return World(Journal(request.node.name, lambda: NOW / 1000))


def metrics(capsys):
    found = {}
    for line in capsys.readouterr().out.splitlines():
        value = json.loads(line)
        if "_aws" in value:
            named = [m["Name"] for m in value["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
            found |= {name: value[name][0] for name in named}
    return found


def test_the_jobs_of_the_build_are_made_by_the_first_sweep(world):
    world.sweep()
    assert [snapshot.job.slug for snapshot in world.store.page("", 10)] == ["backup", "report"]
    assert world.store.document("applied").value == {"team": {"digest": world.rounds.config.digest}}


def test_a_miss_is_judged_and_told_in_one_call(world):
    world.sweep()
    world.ping("report")
    for _ in range(32):  # a minute apart, as the checker comes
        world.sweep(1)
    assert world.shelves["ops"].told == []
    for _ in range(44):
        world.sweep(1)
    assert sorted(world.shelves["ops"].told) == [("opened", "backup"), ("opened", "report")]


def test_a_new_build_is_applied_and_state_stays(world):
    world.sweep()
    world.ping("report")
    world.rounds = world.checker(TEXT.replace("backup: {", "settle: {"))
    world.sweep(1)
    assert [snapshot.job.slug for snapshot in world.store.page("", 10)] == ["report", "settle"]
    assert world.store.load(["report"])["report"].state.last_success == NOW


def test_a_file_that_was_applied_is_not_applied_again_by_a_new_instance(world):
    world.sweep()
    world.store.commit([Change(slug="report", expected=1, remove=True)])
    world.rounds = world.checker(TEXT)
    world.sweep(1)
    assert "report" not in world.store.load(["report"])


def test_two_owners_do_not_undo_each_other(world):
    world.sweep()
    other = world.checker(TEXT.replace("team", "other").replace("report:", "r2:").replace("backup:", "b2:"))
    other.sweep(lambda: 120_000)
    again = world.checker(TEXT)
    again.sweep(lambda: 120_000)
    assert [snapshot.job.slug for snapshot in world.store.page("", 10)] == ["b2", "backup", "r2", "report"]


def test_metrics_say_what_was_done_and_leave_out_zeros(world, capsys):
    world.sweep()
    assert metrics(capsys) == {"Sweeps": 1.0}
    world.sweep(4)
    assert metrics(capsys) == {"Sweeps": 1.0, "SweepAge": 240.0}


def test_the_age_of_the_oldest_alert_is_measured(world, capsys):
    world.shelves["ops"].problem = "answered 500"
    world.sweep()
    for _ in range(76):
        world.sweep(1)
    found = metrics(capsys)
    assert found["OldestAlertAge"] >= 240
    assert "Dead" not in found


def test_a_call_that_has_no_time_left_begins_nothing_new(world):
    world.sweep()
    world.left = 1_000
    for _ in range(76):
        world.sweep(1)
    assert world.shelves["ops"].told == []
    world.left = 120_000
    world.sweep()
    assert len(world.shelves["ops"].told) == 2


def test_the_channels_are_tried_one_by_one(world):
    world.shelves["pager"].problem = "SNS answered AuthorizationError"
    assert world.rounds.try_channels() == {"channels": {"ops": "sent", "pager": "SNS answered AuthorizationError"}}
    assert world.shelves["ops"].told == [("test", "")]


def test_a_channel_that_took_a_test_alert_is_well_again(world):
    for name in ("ops", "pager"):
        known = channel_state.read(world.store, name)
        channel_state.ail(world.store, known, f"{name} takes no messages", NOW, ())
    world.shelves["pager"].problem = "SNS answered AuthorizationError"
    world.rounds.try_channels()
    assert [ill.name for ill in illnesses(world.store)] == ["channel/pager"]


def test_a_bug_in_one_channel_keeps_nobody_from_trying_the_others(world):
    world.shelves["ops"].told = None  # which it cannot add to
    assert world.rounds.try_channels() == {"channels": {"ops": "a bug in the channel: TypeError", "pager": "sent"}}


def test_a_lost_race_for_the_digest_is_harmless(world):
    world.sweep()
    document = world.store.document("applied")
    other = {"other": {"digest": "d"}}
    world.store.commit([Change(documents=(replace_version(document, other),))])
    world.rounds = world.checker(TEXT)
    world.sweep(1)
    assert world.store.document("applied").value == {**other, "team": {"digest": world.rounds.config.digest}}


def test_a_file_that_another_checker_is_carrying_out_is_left_to_it_for_a_while(world):
    document = world.store.document("applied")
    world.store.commit([Change(documents=(replace_version(document, {"team": {"until": NOW + 3 * MINUTE}}),))])
    world.sweep(1)
    assert world.store.names("", 9) == []
    world.sweep(2)
    assert world.store.names("", 9) == ["backup", "report"]


def test_two_checkers_that_make_the_same_jobs_write_no_change_into_their_history(world):
    world.sweep()
    apply(world.store, replace(world.rounds.config), NOW + 1)
    founded = founding(world.rounds.config.jobs[0], NOW + 1)
    assert world.store.commit([founded]) == [Commit.STALE]
    assert world.store.history("report", 9) == []


def replace_version(document, value):
    return Document(name=document.name, version=document.version + 1, value=value)


def test_a_channel_whose_secret_cannot_be_read_keeps_its_messages_and_holds_up_no_other(world, monkeypatch, capsys):
    declared = {"ops": {"slack": {"webhook": "${env:NO_SUCH_WEBHOOK}"}}, "pager": {"console": {}}}
    boxes = Mailboxes(declared, world.journal, world.time)
    assert ("ops" in boxes, "nobody" in boxes, list(boxes), len(boxes)) == (True, False, ["ops", "pager"], 2)
    problem = "channel 'ops' (slack): ${env:NO_SUCH_WEBHOOK}: the environment has no 'NO_SUCH_WEBHOOK'"
    with pytest.raises(ChannelFailed) as failed:
        boxes["ops"].send([], key="k", now=NOW, receipt="")
    assert (str(failed.value).startswith(problem), failed.value.final) == (True, False)
    assert boxes["pager"].name == "pager"
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == ["channel_broken"]
    monkeypatch.setenv("NO_SUCH_WEBHOOK", "https://hooks.slack.com/services/T/B/x")
    assert type(boxes["ops"]).__name__ == "Broken"
    world.time.now += 6 * MINUTE
    assert type(boxes["ops"]).__name__ == "SlackWebhook"


def test_hours_later_a_cold_checker_goes_on_where_it_was(world):
    world.sweep()
    world.time.now += 5 * HOUR
    world.rounds = world.checker(TEXT)
    world.sweep()
    world.sweep(1)
    assert [event for event, _ in world.shelves["ops"].told if event == "blind"] == ["blind"]


def test_a_build_whose_file_was_emptied_removes_nothing_until_it_says_that_it_is_meant(world):
    world.sweep()
    empty = TEXT[: TEXT.index("jobs:")] + "jobs: {}\n"
    world.rounds = world.checker(empty)
    world.sweep(1)
    assert world.store.names("", 9) == ["backup", "report"]
    assert [event for event, _ in world.shelves["ops"].told] == ["ill"]
    ill = illnesses(world.store)[0]
    assert (ill.name, "would remove all 2 jobs of team" in ill.text) == ("jobs-file", True)
    world.sweep(1)
    assert len(world.shelves["ops"].told) == 1
    world.rounds = world.checker(f'confirm: "{world.rounds.config.digest[:12]}"\n{empty}')
    world.sweep(4)
    assert world.store.names("", 9) == []
    assert [event for event, _ in world.shelves["ops"].told] == ["ill", "well"]


def test_a_build_that_was_refused_is_over_with_the_build_before_it(world):
    world.sweep()
    world.rounds = world.checker(TEXT[: TEXT.index("jobs:")] + "jobs: {}\n")
    world.sweep(1)
    world.rounds = world.checker(TEXT)
    world.sweep(1)
    assert illnesses(world.store) == ()
