"""The trigger function's calls: of the scheduler, of a rule, of the checker, by hand."""

import json

import pytest
from trigger_stage import BORN, REFUSED, Stage, at

from heartbeat.core.starting import run_for
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.trigger_work import Starts
from heartbeat.errors import StoreUnavailable

RUN = run_for("job", at("09:00"), BORN)


class Function:
    def __init__(self, name, **options):
        self.stage, self.slept = Stage(**options), []
        journal = Journal(name, lambda: 0.0)
        self.starts = Starts(self.stage.store, self.stage.starter, journal, lambda: self.stage.now, self.pause)

    def pause(self, seconds):
        self.slept.append(seconds)
        self.stage.now += round(seconds * 1000)

    def call(self, event, when="09:00:01", left=900_000):
        self.stage.now = at(when)
        return self.starts.answer(event, lambda: left)


@pytest.fixture
def function(request):
    return lambda **options: Function(request.node.name, **options)


def scheduled(when):
    return {"heartbeat": "start", "job": "job", "at": when}


@pytest.mark.parametrize(
    "when", ["2026-01-05T09:00:00Z", "2026-01-05T09:00:00+00:00", "<aws.scheduler.scheduled-time>", ""]
)
def test_the_scheduler_starts_the_slot_of_its_time(function, when):
    f = function()
    (run,) = f.call(scheduled(when))["runs"]
    assert (run["job"], run["run_id"], run["phase"], run["held"]) == ("job", RUN, "started", None)
    assert f.stage.target.started == [RUN]


def test_a_schedule_that_comes_late_or_twice_is_still_that_slot_once(function):
    f = function()
    for when in ("09:00:01", "09:00:02", "09:07"):
        f.call(scheduled("2026-01-05T09:00:00Z"), when)
    assert f.stage.target.started == [RUN]


def test_a_schedule_of_a_job_that_was_removed_starts_nothing_of_the_next(function):
    f = function()
    assert "has been removed" in f.call(scheduled("2026-01-05T09:00:00Z") | {"life": BORN - 1})["error"]
    assert f.stage.target.started == []
    f.call(scheduled("2026-01-05T09:00:00Z") | {"life": BORN})
    assert f.stage.target.started == [RUN]


def test_the_call_that_comes_second_says_nothing(function, capsys):
    f = function()
    said = []
    for _ in range(2):
        f.call(scheduled("2026-01-05T09:00:00Z"))
        said.append([json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()])
    assert said == [["run_started"], []]


def test_a_call_that_is_no_slot_starts_nothing_new(function):
    """The second expression of a pair, on a day on which the first one fired."""
    f = function()
    f.call(scheduled("2026-01-05T09:00:00Z"))
    (run,) = f.call(scheduled("2026-01-05T09:05:00Z"), "09:05")["runs"]
    assert (run["held"], f.stage.target.started) == ("done", [RUN])


@pytest.mark.parametrize("name", ["job", "Job"])  # rules may have capitals, jobs have none
def test_a_classic_rule_names_the_job(function, name):
    f = function()
    rule = {
        "version": "0",
        "source": "aws.events",
        "time": "2026-01-05T09:00:00Z",
        "resources": [f"arn:aws:events:eu-west-1:123456789012:rule/{name}"],
    }
    assert f.call(rule)["runs"][0]["phase"] == "started"


def test_by_hand(function):
    f = function()
    (run,) = f.call({"heartbeat": "run", "job": "job", "input": {"rows": 3}, "by": "me"})["runs"]
    assert (run["phase"], f.stage.target.calls[0].input) == ("started", '{"rows": 3}')
    assert f.stage.state.starts[0].by == "me"
    f.call({"heartbeat": "run", "job": "job", "for": "2026-01-05"})
    assert f.stage.target.calls[1].slot == at("09:00")


def test_a_run_by_hand_that_lambda_calls_for_again_is_the_same_run(function):
    """Source: AWS re:Post, "duplicate Lambda invocations": Lambda's own retry has the request id of the first call."""
    f = function()
    f.stage.now = at("09:00:01")
    event = {"heartbeat": "run", "job": "job"}
    ids = ["5b0c1d2e-0000-4000-8000-000000000001"] * 2 + ["5b0c1d2e-0000-4000-8000-000000000002"]
    held = [f.starts.answer(event, lambda: 900_000, request)["runs"][0]["held"] for request in ids]
    assert (held, f.stage.target.started) == ([None, "done", None], [ids[0], ids[2]])


def test_the_checker_has_waiting_starts_gone_on_with(function):
    f = function()
    f.stage.target.script = [REFUSED]
    f.call(scheduled("2026-01-05T09:00:00Z"), left=1_000)
    assert f.stage.phases == ["again"]
    order = {"slug": "job", "slot": at("09:00"), "run_id": RUN, "by": "", "input": ""}
    (run,) = f.call(json.loads(json.dumps({"heartbeat": "go-on", "orders": [order]})), "09:00:10")["runs"]
    assert (run["phase"], f.stage.target.started) == ("started", [RUN])


def test_it_waits_for_the_next_attempt_itself_while_there_is_time(function):
    f = function()
    f.stage.target.script = [REFUSED, REFUSED]
    (run,) = f.call(scheduled("2026-01-05T09:00:00Z"))["runs"]
    assert (run["phase"], [round(s) for s in f.slept]) == ("started", [5, 10])


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({}, "this is no call to start a run"),
        ({"heartbeat": "sweep"}, "this is no call to start a run"),
        (scheduled("2026-01-05T09:00:00Z") | {"job": "nobody"}, "nobody"),
        ({"heartbeat": "run", "job": "nobody"}, "nobody"),
        ({"heartbeat": "run", "job": "job", "for": "soon"}, "for 'soon' names no slot of job"),
    ],
)
def test_what_would_not_help_to_call_again_is_said_and_not_raised(function, event, said):
    assert said in function().call(event)["error"]


def test_while_the_store_is_away_it_raises_so_that_it_is_called_again(function, monkeypatch):
    f = function()

    def away(*_):
        raise StoreUnavailable("throttled")

    monkeypatch.setattr(f.stage.store, "commit", away)
    with pytest.raises(StoreUnavailable):
        f.call(scheduled("2026-01-05T09:00:00Z"))
    monkeypatch.undo()
    f.call(scheduled("2026-01-05T09:00:00Z"), "09:01")
    assert f.stage.target.started == [RUN]


class TestAfterAnEdit:
    """EventBridge still has the old schedule, for some minutes."""

    def test_the_slot_that_the_new_schedule_had_before_it_was_applied_is_not_started(self, function):
        f = function(grace=3_600_000)
        f.stage.edit("08:45", schedule=("30 8 * * *",))
        (run,) = f.call(scheduled("2026-01-05T09:00:00Z"))["runs"]
        assert (run["held"], f.stage.target.calls) == ("closed", [])

    def test_one_that_came_after_it_is(self, function):
        f = function(grace=3_600_000)
        f.stage.edit("08:45", schedule=("55 8 * * *",))
        f.call(scheduled("2026-01-05T09:00:00Z"))
        assert [call.slot for call in f.stage.target.calls] == [at("08:55")]

    def test_what_the_checker_wants_gone_on_with_is_asked_again_at_the_moment_of_the_call(self, function):
        f = function()
        f.stage.target.script = [REFUSED]
        f.call(scheduled("2026-01-05T09:00:00Z"), left=1_000)
        f.stage.edit("09:00:04", enabled=False)
        order = {"slug": "job", "slot": at("09:00"), "run_id": RUN, "by": "", "input": ""}
        (run,) = f.call({"heartbeat": "go-on", "orders": [order]}, "09:00:10")["runs"]
        assert (run["phase"], run["held"], len(f.stage.target.calls)) == ("dropped", "dropped", 1)
