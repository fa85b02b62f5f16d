from __future__ import annotations

import json

import boto3
import pytest
from alert_samples import NOW, alert, recovered
from moto import mock_aws

from heartbeat.channels.sns.content import MESSAGE_MAX, content
from heartbeat.channels.sns.topic import Sns
from heartbeat.errors import ChannelFailed
from heartbeat.model import Event, Reason, Verdict
from heartbeat.text.alert_text import compose

REGION = "ap-northeast-1"


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


@pytest.fixture
def topic():
    return boto3.client("sns").create_topic(Name="alerts")["TopicArn"]


@pytest.fixture
def subscribed():
    """A function from a topic and a filter to what a queue behind them has received."""

    def subscribe(topic, policy=None, *, raw=True):
        sqs = boto3.client("sqs")
        fifo = {"FifoQueue": "true"} if topic.endswith(".fifo") else {}
        url = sqs.create_queue(QueueName=f"q{'.fifo' if fifo else ''}", Attributes=fifo)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        attributes = {"RawMessageDelivery": str(raw).lower()} | ({"FilterPolicy": json.dumps(policy)} if policy else {})
        boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
        asked = {
            "QueueUrl": url,
            "MessageAttributeNames": ["All"],
            "AttributeNames": ["All"],
            "MaxNumberOfMessages": 10,
        }
        return lambda: sqs.receive_message(**asked).get("Messages", [])

    return subscribe


def send(topic, *alerts, key="daily-report/1/opened@pager", **settings):
    return Sns("pager", topic, **settings).send(alerts, key=key, now=NOW, receipt="")


def test_a_subscriber_gets_the_document_and_attributes_to_filter_by(topic, subscribed):
    received = subscribed(topic)
    assert send(topic, alert(tags=("etl", "nightly"))) == ""
    (message,) = received()
    body = json.loads(message["Body"])
    assert (body["event"], body["key"]) == ("missed", "daily-report/1/opened@pager")
    assert body["alerts"][0]["expected"] == "2026-11-22T00:00:00Z"
    values = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert values == {
        "event": "missed",
        "severity": "critical",
        "job": "daily-report",
        "environment": "prod",
        "owner": "data team",
        "schema_version": "1",
        "tags": '["etl", "nightly"]',
    }


@pytest.mark.parametrize(
    ("one", "event", "severity"),
    [
        (alert(), "missed", "critical"),
        (alert(verdict=Verdict.FAILED), "failed", "critical"),
        (alert(verdict=Verdict.TIMED_OUT), "timeout", "critical"),
        (alert(verdict=Verdict.LATE), "late", "warning"),
        (alert(event=Event.REMINDER), "reminder", "critical"),
        (recovered(), "recovered", "info"),
        (alert(event=Event.BLIND), "blind", "warning"),
        (alert(event=Event.UNDELIVERED), "undelivered", "critical"),
        (alert(event=Event.TEST), "test", "info"),
    ],
)
def test_every_event_has_its_word(one, event, severity):
    attributes = content(compose([one], NOW), "k", "json")["MessageAttributes"]
    assert (attributes["event"]["StringValue"], attributes["severity"]["StringValue"]) == (event, severity)


def test_an_e_mail_is_plain_text_with_a_subject():
    found = content(compose([alert()], NOW), "k", "json")
    assert found["Subject"] == "[MISSED] daily-report prod"
    assert found["MessageStructure"] == "json"
    assert json.loads(found["Message"])["email"].startswith("MISSED daily-report (prod): expected 09:00 JST")


def test_a_filter_still_finds_its_job_among_many(topic, subscribed):
    received = subscribed(topic, {"job": ["job7"], "event": ["failed"]})
    many = [alert(f"job{n}") for n in range(8)]
    send(topic, *many)
    assert received() == []
    send(topic, *many, alert("job9", verdict=Verdict.FAILED))
    (message,) = received()
    assert json.loads(message["Body"])["event"] == "several"


def test_text_only(topic, subscribed):
    received = subscribed(topic)
    send(topic, alert(), layout="text")
    assert received()[0]["Body"].startswith("MISSED daily-report (prod): expected 09:00 JST")


def test_for_chat_without_any_slack_secret(topic, subscribed):
    received = subscribed(topic)
    send(topic, alert(runbook="https://wiki/x", output="a ``` b"), layout="chatbot")
    body = json.loads(received()[0]["Body"])
    assert (body["version"], body["source"]) == ("1.0", "custom")
    assert body["content"]["title"] == "MISSED daily-report (prod)"
    assert body["content"]["textType"] == "client-markdown"
    assert "Deadline passed: 09:10 JST, 21 min ago" in body["content"]["description"]
    assert body["content"]["description"].count("```") == 2
    assert body["content"]["nextSteps"] == ["Runbook: https://wiki/x"]
    assert body["metadata"]["threadId"] == "daily-report/1"


@pytest.mark.parametrize(
    "changes",
    [
        {"answer": "503 <!channel> *all* ```down```", "reason": Reason.TRIGGER_FAILED},
        {"output": "<!channel>\n```\n<!here>\n", "reason": Reason.FAIL_SIGNAL},
        {"environment": "<!channel>", "owner": "<!channel>", "description": "<!channel>", "runbook": "<!channel>"},
        {"text": "<!channel>", "event": Event.TEST},
    ],
)
def test_what_others_wrote_calls_nobody_in_chat(changes):
    written = content(compose([alert(**changes)], NOW), "k", "chatbot")["Message"]
    found = json.loads(written)["content"]
    assert "<" not in written
    assert "&lt;!channel&gt;" in written
    assert found["description"].count("```") in {0, 2}


def test_a_description_in_chat_is_bounded():
    long = "<" * 10_000
    one = alert(output=long, answer=long, reason=Reason.TRIGGER_FAILED, description=long, owner=long, runbook=long)
    found = json.loads(content(compose([one], NOW), "k", "chatbot")["Message"])
    assert len(found["content"]["description"]) < 8_000
    assert found["content"]["description"].endswith("…\n```")


def test_a_fifo_topic_takes_a_key_once(subscribed):
    attributes = {"FifoTopic": "true"}
    topic = boto3.client("sns").create_topic(Name="alerts.fifo", Attributes=attributes)["TopicArn"]
    received = subscribed(topic)
    for _ in range(2):
        send(topic, alert(), key="k" * 400)
    send(topic, recovered(), key="other")
    found = [message["Attributes"] for message in received()]
    assert len({one["MessageDeduplicationId"] for one in found}) == 2
    assert len({one["MessageGroupId"] for one in found}) == 1
    assert all(len(one["MessageDeduplicationId"]) == 64 for one in found)


def test_a_storm_stays_within_the_limit():
    many = [alert(f"job{n}", output='"\\' * 5000, description="日" * 200, tags=("t" * 200,)) for n in range(1000)]
    found = content(compose(many, NOW), "k", "json")
    size = len(found["Message"].encode()) + len(json.dumps(found["MessageAttributes"]).encode())
    assert size <= MESSAGE_MAX
    assert len(found["MessageAttributes"]) <= 10
    document = json.loads(json.loads(found["Message"])["default"])
    assert document["omitted"] + len(document["alerts"]) == 1000
    assert len(document["alerts"]) > 50


def test_one_huge_output_is_left_out_before_the_facts():
    found = content(compose([alert(output='"' * 300_000)], NOW), "k", "json")
    (one,) = json.loads(json.loads(found["Message"])["default"])["alerts"]
    assert (one["job"], one["output"]) == ("daily-report", "")


def test_what_fits_no_document_is_told_as_text():
    found = content(compose([alert(text="x" * 300_000)], NOW), "k", "json")
    assert "MessageStructure" not in found
    assert found["Message"].startswith("MISSED daily-report")


def test_a_topic_that_is_gone_may_be_made_again(topic):
    boto3.client("sns").delete_topic(TopicArn=topic)
    with pytest.raises(ChannelFailed, match="SNS answered NotFound") as failed:
        send(topic, alert())
    assert (failed.value.final, failed.value.refused, failed.value.unsent) == (False, True, True)


def test_sns_that_is_away_may_come_back(topic, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")
    with pytest.raises(ChannelFailed, match="SNS cannot be reached") as failed:
        send(topic, alert())
    assert not failed.value.final
