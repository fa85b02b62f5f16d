"""S3 that answers as it should not, and what is left then; pings that end as evidence, or as a message to Slack."""

import json
import socket
import time

import pytest
from faulty_receiver import Answer, Receiver
from languages import AWS, AWS_SECRET, AWS_TOKEN, BUCKET, KEY, LANGUAGES, ON_S3, SLACK_PATH
from signature import is_right

DAY = "2026-11-22"
WRITTEN = Answer(body=b"")
DENIED = Answer(
    status=403,
    body=f"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code><Message>no {AWS_TOKEN}</Message></Error>".encode(),
)
BUSY = Answer(status=503, body=b"<?xml version='1.0'?>\n<Error><Code>SlowDown</Code></Error>")
WITH_WGET = ON_S3 | {"wget": LANGUAGES["wget"]}


def success(slug, **options):
    return {"call": "success", "slug": slug, "options": {"for": DAY, **options}}


@pytest.fixture(scope="module", params=WITH_WGET)
def language(request):
    return WITH_WGET[request.param]


@pytest.fixture(scope="module")
def can(language):
    """Whether it can write to S3 at all."""
    return language.name in ON_S3


@pytest.fixture(scope="module")
def met(told):
    """One process: evidence to a bucket that takes it, falters, denies, hangs; with Slack behind it."""
    with Receiver() as receiver, Receiver() as slack:
        receiver.answers |= {"b.c~d": [WRITTEN], "flaky": [BUSY, WRITTEN], "denied": [DENIED], "begun": [DENIED]}
        receiver.answers["slow"] = [Answer(hang=True)]
        slack.answers[""] = [Answer(), Answer(status=404)]
        calls = [success("a +&=三/b.c~d"), success("flaky"), success("denied"), {"call": "start", "slug": "begun"}]
        done = told(
            [*calls, success("slow", timeout=1)],
            **AWS,
            AWS_SESSION_TOKEN=AWS_TOKEN,
            AWS_ENDPOINT_URL=receiver.url,
            HEARTBEAT_URL="s3://evidence/a b",
            HEARTBEAT_FALLBACK_S3="s3://another/shelf",
            HEARTBEAT_FALLBACK_SLACK=slack.url + SLACK_PATH,
        )
        done.ended = time.monotonic()
    return done, receiver.seen, [one.json["text"] for one in slack.seen]


def test_who_cannot_write_to_s3_says_what_it_needs(met, can):
    done, puts, _ = met
    assert done.results == ([True, True, False, False, False] if can else [False] * 5)
    assert ("s3:// needs the aws command or curl" in done.stderr) != can
    assert (puts == []) != can


def test_evidence_is_signed_as_aws_wants_it(met, can):
    _, puts, _ = met
    assert [one.url for one in puts if not is_right(one, AWS_SECRET)] == []
    assert {one.headers.get("x-amz-security-token") for one in puts} == ({AWS_TOKEN} if can else set())
    if can:
        assert puts[0].url == "/evidence/a%20b/a%20%2B%26%3D%E4%B8%89/b.c~d/2026-11-22.json"


def test_s3_that_falters_is_asked_again(met, can):
    _, puts, _ = met
    assert [one.job for one in puts].count("flaky") == (2 if can else 0)


def test_what_s3_denies_is_one_line_and_slack_is_told(met, can):
    done, puts, slack = met
    assert (done.status, len(done.stderr.splitlines())) == (0, 3 if can else 5)
    if can:
        assert [one.job for one in puts].count("denied") == 1
        assert done.line("denied").startswith("heartbeat: success of 'denied' was not delivered: ")
        assert "AccessDenied" in done.line("denied")
        assert done.line("denied").endswith("; check the bucket, AWS_REGION and the credentials; Slack was told")
        assert done.line("slow").endswith("; Slack could not be told either")
        assert done.line("begun").endswith("; check the bucket, AWS_REGION and the credentials")
        assert [text.partition(" on ")[0].partition(": ")[2] for text in slack] == [
            "success of 'denied'",
            "success of 'slow'",
        ]
        assert AWS_TOKEN not in "".join(slack)


def test_s3_that_hangs_holds_the_job_three_timeouts_at_most(met, can):
    done, puts, _ = met
    hung = [one.when for one in puts if one.job == "slow"]
    assert (1 <= len(hung) <= 3) == can
    assert not can or done.ended - hung[0] < 15


@pytest.fixture(scope="module")
def fallen(told, nobody, s3, language):
    """One process: pings that do not arrive, with S3 behind them, and Slack behind that."""
    with Receiver() as receiver:
        receiver.answers["absent"].append(Answer(status=404, body=b"not found"))
        done = told(
            [
                {"call": "fail", "slug": "down", "body": "no rows", "options": {"for": DAY, "exit_status": 3}},
                {"call": "start", "slug": "begun", "options": {"for": DAY}},
                {"call": "log", "slug": "noted", "body": "a note"},
                {"call": "run", "slug": "settled", "do": "return", "text": "7 rows", "options": {"for": DAY}},
                {"call": "set", "environ": {"HEARTBEAT_URL": receiver.url}},
                success("absent"),
                {"call": "set", "environ": {"HEARTBEAT_FALLBACK_S3": "s3://no-such-bucket/x"}},
                success("absent"),
            ],
            **s3.environ,
            HEARTBEAT_URL=nobody,
            HEARTBEAT_PING_KEY=KEY,
            HEARTBEAT_TIMEOUT="3",
            HEARTBEAT_FALLBACK_S3=f"s3://{BUCKET}/fallen/{language.name}",
            HEARTBEAT_FALLBACK_SLACK=receiver.url + SLACK_PATH,
        )
    slack = [one.json["text"] for one in receiver.seen if one.url == SLACK_PATH]
    return done, receiver.about("absent"), slack, s3.objects(f"fallen/{language.name}/")


def test_a_ping_that_fails_becomes_evidence_and_counts_as_delivered(fallen, can, language, nobody):
    done, _, _, objects = fallen
    assert (done.status, done.results) == (0, [can, can, False, "7 rows", None, can, None, False])
    assert sorted(objects) == [f"{slug}/{DAY}.json" for slug in ("absent", "begun", "down", "settled") if can]
    if can:
        evidence = {key.partition("/")[0]: json.loads(data) for key, (_, data) in objects.items()}
        assert [one["status"] for one in evidence.values()] == ["success", "started", "fail", "success"]
        assert (evidence["down"]["exit_status"], evidence["down"]["message"]) == (3, "no rows")
        instead = f"; evidence was written to s3://{BUCKET}/fallen/{language.name}/down/{DAY}.json instead"
        assert done.line("down").startswith(f"heartbeat: exit status 3 of 'down' was not delivered: {nobody} ")
        assert done.line("down").endswith(instead)


def test_a_note_becomes_no_evidence(fallen):
    done, _, _, objects = fallen
    assert [key for key in objects if "noted" in key] == []
    assert done.line("noted").startswith("heartbeat: log of 'noted' was not delivered: ")
    assert "evidence" not in done.line("noted")


def test_when_neither_worked_slack_is_told_both_reasons(fallen, can):
    done, pings, slack, _ = fallen
    assert len(pings) == 2, "what is refused is not tried again"
    line = done.stderr.splitlines()[-1]
    assert "answered 404 'not found'" in line
    assert "; nor was evidence written: " in line
    assert line.endswith("; Slack was told")
    assert len(slack) == (1 if can else 4)
    assert slack[-1].startswith(f"Heartbeat could not be told: success of 'absent' on {socket.gethostname()} (http://")
    assert "nor was evidence written" in slack[-1]
