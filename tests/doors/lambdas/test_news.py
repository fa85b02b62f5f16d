"""The ingest function's work: events in, signals recorded; messages of a queue one by one."""

import json
from pathlib import Path

import pytest

from heartbeat.config import read
from heartbeat.core.definition import founding
from heartbeat.doors.lambdas.ingest_work import News
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.errors import NotApplied, NotRead, WorldError
from heartbeat.ingest.bucket import FolderBucket
from heartbeat.ingest.intake import Intake
from heartbeat.model import Change
from heartbeat.store.sqlite.store import SQLiteStore

NOW = 1_795_003_200_000
SAMPLES = Path(__file__).parents[2] / "data" / "events"
TEXT = """
jobs:
  planned: {schedule: every 1h, sources: [{scheduler: {schedule: "*"}}]}
  task: {schedule: every 1h, max_runtime: 1h, sources: [{ecs: {cluster: "*"}}]}
"""


class Context:
    """What powertools looks at of Lambda's context: nothing."""


@pytest.fixture
def store():
    return SQLiteStore(":memory:")


@pytest.fixture
def news(store, tmp_path, request):
    jobs = read(TEXT).jobs
    store.commit([founding(job, NOW - 1) for job in jobs])
    intake = Intake(jobs, FolderBucket(tmp_path), "own")
    return News(store, intake, Journal(request.node.name, lambda: NOW / 1000), lambda: NOW)


def sample(name):
    return json.loads((SAMPLES / f"{name}.json").read_text())


def message(name, number=1):
    """A message of a queue, with the attributes that EventBridge Scheduler gives it."""
    given = {
        "SCHEDULE_ARN": f"arn:aws:scheduler:eu-west-1:111122223333:schedule/default/{name}",
        "ERROR_CODE": "AWS.Lambda.AccessDenied",
        "ERROR_MESSAGE": "not allowed",
    }
    return {
        "messageId": f"00000000-0000-4000-8000-{number:012}",
        "receiptHandle": "handle",
        "body": "{}",
        "attributes": {"SentTimestamp": str(NOW - 5), "ApproximateReceiveCount": "1"},
        "messageAttributes": {
            key: {"stringValue": value, "dataType": "String", "stringListValues": [], "binaryListValues": []}
            for key, value in given.items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:hb-scheduler-failures",
        "awsRegion": "eu-west-1",
    }


def test_messages_of_a_queue_are_recorded(news, store):
    answer = news.take_queue({"Records": [message("nightly")]}, Context())
    assert answer == {"batchItemFailures": []}
    assert store.history("planned", 1)[0].signal.kind == "fail"
    assert "AWS.Lambda.AccessDenied" in store.history("planned", 1)[0].signal.body


def test_only_the_messages_that_failed_stay_in_the_queue(news, store, monkeypatch):
    taken = news.take

    def take(event):
        if event["Records"][0]["messageId"].endswith("2"):
            raise NotApplied("planned: declared, and not made by the checker yet; the event comes again")
        return taken(event)

    monkeypatch.setattr(news, "take", take)
    answer = news.take_queue({"Records": [message("a", 1), message("b", 2), message("c", 3)]}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "00000000-0000-4000-8000-000000000002"}]}
    assert store.load(["planned"])["planned"].state.signals == 2


def test_an_event_is_recorded_once_however_often_it_comes(news):
    event = sample("ecs-failed")
    first = news.take(event)
    again = news.take(event)
    assert first["recorded"] == again["seen"] >= 1
    assert (first["seen"], again["recorded"]) == (0, 0)


def test_an_event_for_a_job_that_is_not_made_yet_comes_again(news, store):
    version = store.load(["task"])["task"].state.version
    store.commit([Change(slug="task", expected=version, remove=True)])
    with pytest.raises(NotApplied, match="task: declared, and not made by the checker yet"):
        news.take(sample("ecs-failed"))


def test_evidence_that_cannot_be_looked_at_comes_again_and_costs_no_other_signal(store, request):
    class Refusing(FolderBucket):
        def head(self, key):
            raise WorldError(f"S3 refused {key} (403)")

    jobs = read(TEXT + '  backup: {schedule: every 1h, evidence: {key: "backup.txt"}}\n').jobs
    store.commit([founding(job, NOW - 1) for job in jobs])
    journal = Journal(request.node.name, lambda: NOW / 1000)
    news = News(store, Intake(jobs, Refusing("."), "own"), journal, lambda: NOW)
    event = sample("s3-created")
    event["detail"]["bucket"]["name"], event["detail"]["object"]["key"] = "own", "backup.txt"
    with pytest.raises(NotRead, match=r'the evidence "backup.txt" of backup cannot be read: S3 refused backup.txt'):
        news.take([event, sample("ecs-failed")])
    assert store.load(["task"])["task"].state.status == "down"


@pytest.mark.parametrize("odd", [None, "text", 3, {}, {"Records": "none"}, {"detail-type": 7, "source": []}])
def test_what_is_no_event_is_told_and_hurts_nobody(news, odd, capsys):
    assert news.take(odd)["recorded"] == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["event_odd"]
