"""Whatever comes, an answer comes back: signals that can be stored, or a sentence, and never an exception."""

import copy
import json
import random

import msgspec
import pytest
from event_samples import DEAD, EVERYTHING, NAMES, NOW, SERVICE, changed, heard, job, sample

from heartbeat.ingest.events import Matcher, read
from heartbeat.ingest.events.shape import instant, spelled, text
from heartbeat.model import BODY_MAX, Kind

MATCHER = Matcher([EVERYTHING, DEAD, SERVICE])
PIECES = [
    None, True, 0, -1, 1.5, 10**40, float("nan"), float("inf"), "", "x", "\0", "\ud800", "💥", "../../etc/passwd", "*",
    "[", "RUNNING", "STOPPED", "FAILED", "2026-11-21T18:00:00Z", "0000-00-00", "9" * 5_000, "a" * 100_000, [], {},
    [[]], [None], {"": {}}, {"Records": [{}]}, {"detail-type": 3}, b"bytes", ("a",), {1: 2}, "{", '{"Records": 3}',
]  # fmt: skip


def places(value, path=()):
    yield path
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in below:
        yield from places(each, (*path, key))


def put(event, path, piece):
    if not path:
        return piece
    event = copy.deepcopy(event)
    below = event
    for key in path[:-1]:
        below = below[key]
    below[path[-1]] = piece
    return event


def check(event):
    """Reads it, and looks at every answer."""
    found = read(event, MATCHER, NOW)
    for signal in found.signals:
        assert msgspec.json.decode(msgspec.json.encode(signal), type=type(signal)) == signal
        assert isinstance(signal.kind, Kind)
        assert 0 < signal.at <= signal.received == NOW
        assert signal.id
        assert len(signal.run_id) <= 2048
        assert len(signal.body.encode()) <= BODY_MAX
        assert signal.duration is None or signal.duration >= 0
        assert signal.exit_status is None or 0 <= signal.exit_status <= 255
    for found_object in found.objects:
        assert 0 < len(found_object.key.encode()) <= 1024
    assert all(told.isprintable() and len(told) < 300 for told in found.odd), found.odd
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_with_anything_anywhere(name):
    event = sample(name)
    for path in places(event):
        for piece in PIECES:
            check(put(event, path, piece))


@pytest.mark.parametrize("name", [name for name in NAMES if "in-s" in name or "dead" in name or "failed-in" in name])
def test_what_is_wrapped_may_hold_anything(name):
    event = sample(name)
    record = event["Records"][0]
    for piece in PIECES:
        body = piece if isinstance(piece, str) else json.dumps(piece, default=str, skipkeys=True)
        if "Sns" in record:
            record["Sns"]["Message"] = body
        else:
            record["body"] = body
        check(event)


@pytest.mark.parametrize("seed", range(4))
def test_samples_mixed_with_each_other(seed):
    dice = random.Random(seed)  # noqa: S311 - a seeded test, no secret
    for _ in range(300):
        event, other = sample(dice.choice(NAMES)), sample(dice.choice(NAMES))
        for _ in range(dice.randint(1, 3)):
            paths = list(places(event))
            part = other
            for key in dice.choice(list(places(other))):
                part = part[key]
            event = put(event, dice.choice(paths[1:]), part) if isinstance(event, dict | list) and paths[1:] else part
        check(event)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (None, "NoneType is no event"),
        (3, "int is no event"),
        ("text", "str is no event"),
        ({}, 'an event of no known shape, with ""'),
        ({"a\n\x1b[31m": 1, "b": 2}, 'an event of no known shape, with "a , b"'),
        ({"Records": 3}, 'an event of no known shape, with "Records"'),
        ({"Records": [{"eventSource": "aws:kinesis"}]}, 'nothing reads records of "aws:kinesis"'),
        ({"detail-type": "X", "source": "aws.x"}, 'nothing reads events of "aws.x", "X"'),
        (changed("ecs-running", "source", to="own.ecs"), 'nothing reads events of "own.ecs", "ECS Task State Change"'),
        (changed("ecs-running", "detail", to=None), "an ECS task's event without taskArn or lastStatus"),
        (
            changed("step-functions-failed", "detail", "status", to=3),
            "an execution's event without executionArn or status",
        ),
        (changed("batch-failed", "detail", "jobId", to=None), "a Batch job's event without jobId or status"),
        (
            changed("lambda-succeeded", "detail", "requestContext", "condition", to=None),
            "a record of an invocation without functionArn or condition",
        ),
        (changed("s3-created", "detail", "object", to=None), "an S3 event without bucket or key"),
        (changed("lambda-failed-in-sqs", "Records", 0, "body", to="<xml/>"), 'a message that is no JSON: "<xml/>"'),
        (changed("lambda-failed-in-sqs", "Records", 0, "body", to="[" * 100_000), "a message that is no JSON: "),
        (
            changed("s3-created", "detail", "object", "key", to="日" * 342),
            'an S3 event with a key of more than 1024 bytes: "日日日',
        ),
    ],
)
def test_what_cannot_be_read_is_said(event, words):
    found = check(event)
    assert len(found.odd) == 1
    assert words in found.odd[0]
    assert (found.signals, found.objects) == ((), ())


def test_one_bad_record_does_not_cost_the_others():
    good, bad = sample("lambda-failed-in-sqs")["Records"][0], {"eventSource": "aws:sqs", "body": "{"}
    found = check({"Records": [bad, good, None, good]})
    assert [signal.kind for signal in found.signals] == [Kind.FAIL]
    assert len(found.odd) == 2


def test_what_is_wrapped_too_deep_or_goes_on_too_long_ends():
    deep = sample("s3-created")
    for _ in range(3_000):
        deep = [deep]
    assert check(deep).odd == ("an event wrapped too deep, or with too many parts; the rest was not read",)
    wrapped = "{}"
    for _ in range(8):
        wrapped = json.dumps({"Type": "Notification", "Message": wrapped})
    assert check(json.loads(wrapped)).odd == (
        "an event wrapped too deep, or with too many parts; the rest was not read",
    )
    many = check([sample("s3-created")] * 30_000)
    assert len(many.objects) == 1
    assert many.odd == ("an event wrapped too deep, or with too many parts; the rest was not read",)
    assert check([[]] * 5 + [None] * 100).odd[-1] == "and 80 more"


def test_a_key_of_1024_bytes_with_anything_in_it():
    for key in ("日" * 341 + "x", "../" * 341 + "x", "💥" * 256, "a\0b", "a\nb", " ", "+", "%2B%00"):
        assert check(changed("s3-created", "detail", "object", "key", to=key)).objects[0].key == key


def test_half_a_surrogate_can_be_stored():
    task = changed("ecs-failed", "detail", "stoppedReason", to="a\ud800b")
    assert heard(task, job(ecs={"family": "nightly"})).signals[-1].body.startswith("a?b (Essential")


def test_a_long_reason_is_cut():
    task = changed("ecs-failed", "detail", "containers", to=[{"name": "app", "reason": "日" * 3_000}] * 9)
    assert 9_990 < len(heard(task, job(ecs={"family": "nightly"})).signals[-1].body.encode()) <= 10_000


def test_failures_without_an_id_of_their_own_are_not_taken_for_one():
    first = changed("lambda-succeeded", "detail", "requestContext", "requestId", to=None)
    second = copy.deepcopy(first) | {"detail": first["detail"] | {"timestamp": "2026-11-22T18:16:05Z"}}
    wanted = job(lambda_={"function": "report"})
    assert heard(first, wanted).signals[0].id != heard(second, wanted).signals[0].id


def test_instants():
    assert [instant(value) for value in ("2026-11-21T18:00:28.103Z", "2026-11-21T18:00:28.103", 1795284028103)] == [
        1795284028103
    ] * 3
    assert instant("2026-11-22T03:00:28.103+09:00") == instant("1795284028103") == 1795284028103
    odd = (None, "", "x", True, -1, 0, 1.5, 10**30, "9" * 30, "-5", "\uff12\uff10", "0001-01-01T00:00:00Z", [], {})
    assert [value for value in odd if instant(value) is not None] == []


def test_names():
    assert spelled("arn:aws:ecs:r:1:task-definition/f:7", ":task-definition/") == (
        "arn:aws:ecs:r:1:task-definition/f:7",
        "f:7",
        "f",
        "arn:aws:ecs:r:1:task-definition/f",
    )
    assert spelled("plain:7", ":task-definition/") == ("plain:7",)
    assert spelled("", ":function:") == ()
    assert text({"a": {"b": "c"}}, "a", "b") == "c"
    assert text({"a": []}, "a", "b") == ""
