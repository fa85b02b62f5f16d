"""The stack's EventBridge schedules, kept as the jobs are: against moto."""

import json

import boto3
import pytest
from moto import mock_aws

from heartbeat.core.definition import founding
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.model import MINUTE, Job, Trigger
from heartbeat.settings import Scheduling
from heartbeat.store.sqlite.store import SQLiteStore
from heartbeat.verbs.apply import redefined
from heartbeat.verbs.aws_schedules import STEP_MAX, Schedules
from heartbeat.verbs.jobs import amend
from heartbeat.verbs.operate import pause_job, resume_job

NOW = 1_795_350_000_000
PLACE = Scheduling(
    group="hb-jobs",
    function="arn:aws:lambda:eu-west-1:123456789012:function:hb-trigger",
    role="arn:aws:iam::123456789012:role/hb-schedule",
    dead_letters="arn:aws:sqs:eu-west-1:123456789012:hb-dead",
)


class Stack:
    def __init__(self, name):
        self.client = boto3.client("scheduler")
        self.client.create_schedule_group(Name="hb-jobs")
        self.store, self.now, self.name = SQLiteStore(":memory:"), NOW, name
        self.slugs = []

    def declare(self, slug, schedule="0 9 * * *", **options):
        options = {"trigger": Trigger(kind="http", settings={}), "timezone": "Asia/Tokyo", **options}
        self.store.commit([founding(Job(slug=slug, schedule=(schedule,), **options), NOW)])
        self.slugs.append(slug)

    def keep(self, slugs=None, place=PLACE):
        """A cold checker's step."""
        journal = Journal(self.name, lambda: NOW / 1000)
        Schedules(self.store, self.slugs if slugs is None else slugs, place, journal).step(self.now)

    def there(self):
        found = self.client.list_schedules(GroupName="hb-jobs")["Schedules"]
        return {each["Name"]: self.client.get_schedule(Name=each["Name"], GroupName="hb-jobs") for each in found}

    def redefine(self, slug, **fields):
        job = self.store.load([slug])[slug].job
        other = type(job)(**{name: getattr(job, name) for name in job.__struct_fields__} | fields)
        amend(self.store, slug, lambda snapshot: redefined(snapshot, other, self.now))


@pytest.fixture
def stack(monkeypatch, request):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield Stack(request.node.name)


def test_a_triggered_job_has_a_schedule(stack):
    stack.declare("report", grace=10 * MINUTE)
    stack.keep()
    (schedule,) = stack.there().values()
    assert (schedule["Name"], schedule["State"]) == ("report", "ENABLED")
    assert schedule["ScheduleExpression"] == "cron(0 9 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "Asia/Tokyo"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    target = schedule["Target"]
    assert (target["Arn"], target["RoleArn"]) == (PLACE.function, PLACE.role)
    assert json.loads(target["Input"]) == {
        "heartbeat": "start",
        "job": "report",
        "life": NOW,
        "at": "<aws.scheduler.scheduled-time>",
    }
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 600, "MaximumRetryAttempts": 10}
    assert target["DeadLetterConfig"] == {"Arn": PLACE.dead_letters}


def test_both_days_of_a_crontab_are_two(stack):
    stack.declare("report", "0 9 13 * 5")
    stack.keep()
    assert sorted(stack.there()) == ["report", "report.2"]


def test_a_changed_job_changes_its_schedule(stack):
    stack.declare("report")
    stack.keep()
    stack.redefine("report", schedule=("30 3 * * *",), timezone="UTC")
    stack.keep()
    (schedule,) = stack.there().values()
    assert (schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"]) == ("cron(30 3 * * ? *)", "UTC")


def test_of_two_expressions_that_become_one_the_other_goes(stack):
    stack.declare("report", "0 9 13 * 5")
    stack.keep()
    stack.redefine("report", schedule=("0 9 13 * *",))
    stack.keep()
    assert list(stack.there()) == ["report"]


def test_a_paused_or_disabled_job_has_a_schedule_that_sleeps(stack):
    stack.declare("report")
    stack.declare("settle", enabled=False)
    pause_job(stack.store, "report", NOW)
    stack.keep()
    assert {name: each["State"] for name, each in stack.there().items()} == {"report": "DISABLED", "settle": "DISABLED"}
    resume_job(stack.store, "report", NOW)
    stack.keep()
    assert stack.there()["report"]["State"] == "ENABLED"


def test_a_removed_job_and_one_without_a_trigger_lose_theirs(stack):
    stack.declare("report")
    stack.declare("settle")
    stack.keep()
    stack.redefine("settle", trigger=None)
    stack.keep(slugs=["settle"])
    assert stack.there() == {}


def test_only_what_it_made_is_touched(stack):
    stack.declare("report")
    yours = {"ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"}}
    target = {"Arn": PLACE.function, "RoleArn": PLACE.role}
    stack.client.create_schedule(Name="yours", GroupName="hb-jobs", Target=target, **yours)
    stack.keep()
    stack.keep(slugs=[])
    assert list(stack.there()) == ["yours"]


def test_what_a_checker_that_died_had_made_is_taken_up(stack, monkeypatch):
    class Died(BaseException):
        pass

    def die(*_):
        raise Died

    stack.declare("report")
    stack.declare("settle")
    put = Schedules._put
    with monkeypatch.context() as patched:
        patched.setattr(Schedules, "_put", lambda self, request: (put(self, request), die()))
        with pytest.raises(Died):
            stack.keep()
    assert len(stack.there()) == 1
    stack.keep()
    assert sorted(stack.there()) == ["report", "settle"]
    stack.keep(slugs=[])
    assert stack.there() == {}


def test_nothing_is_asked_when_nothing_changed(stack, monkeypatch):
    stack.declare("report")
    stack.keep()

    def never(*_):
        raise AssertionError

    monkeypatch.setattr("heartbeat.aws.client", never)
    stack.keep()


def test_a_long_name_is_shortened_and_stays_its_own(stack):
    for letter in "ab":
        stack.declare("x" * 99 + letter)
    stack.keep()
    names = sorted(stack.there())
    assert (len(names), {len(name) for name in names}) == (2, {60})


def test_a_schedule_that_aws_cannot_say_is_told_and_holds_up_no_other(stack, capsys):
    stack.declare("report", "*-*-* 09:00:30")
    stack.declare("settle")
    stack.keep()
    assert list(stack.there()) == ["settle"]
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (line["event"], line["job"]) == ("run_not_started", "report")


def test_without_a_group_there_is_nothing_to_do(stack):
    stack.declare("report")
    stack.keep(place=Scheduling())
    assert stack.there() == {}


@pytest.fixture
def many(stack):
    """One job more than two steps take; how many schedules there are."""
    for number in range(2 * STEP_MAX + 1):
        stack.declare(f"job-{number}")
    pages = stack.client.get_paginator("list_schedules")
    return lambda: sum(len(page["Schedules"]) for page in pages.paginate(GroupName="hb-jobs"))


def test_very_many_are_made_and_removed_in_steps_that_each_go_on_where_the_last_one_ended(stack, many):
    counts = []
    for _ in range(4):  # a cold checker each time: nothing but the store remembers
        stack.keep()
        counts.append(many())
    assert counts == [200, 400, 401, 401]
    for _ in range(3):
        stack.keep([])
        counts.append(many())
    assert counts[4:] == [201, 1, 0]


def test_a_checker_that_is_not_through_goes_on_with_its_next_call(stack, many):
    checker = Schedules(stack.store, stack.slugs, PLACE, Journal(stack.name, lambda: NOW / 1000))
    for _ in range(3):
        checker.step(stack.now)  # the same minute
    assert many() == 401
