"""A bucket in S3, played by moto; what moto does not play (refusals) by a client that answers so."""

from datetime import UTC, datetime

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws

from heartbeat.errors import BadSetting, BadSignal, WorldError
from heartbeat.ingest.s3 import S3Bucket


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        for bucket in ("ours", "theirs"):
            client.create_bucket(Bucket=bucket)
        yield client


class Refusing:
    """A client whose every call fails so."""

    def __init__(self, error):
        self.error = error

    def head_object(self, **_):
        raise self.error

    get_object = head_object


def refused(status, code="", message=""):
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return S3Bucket("ours", lambda: Refusing(ClientError(answer, "HeadObject")))


def test_an_object_and_none(aws):
    before = datetime.now(UTC).replace(microsecond=0)
    aws.put_object(Bucket="ours", Key="日報/a b+c.gz", Body=b"12345", ContentType="application/gzip")
    found = S3Bucket("ours").head("日報/a b+c.gz")
    assert (found.size, found.content_type) == (5, "application/gzip")
    assert before.timestamp() * 1000 <= found.modified <= datetime.now(UTC).timestamp() * 1000
    assert S3Bucket("ours").head("日報/a b.gz") is None


def test_reading_stops_where_it_is_told_to(aws):
    aws.put_object(Bucket="ours", Key="a", Body=b"0123456789")
    aws.put_object(Bucket="ours", Key="empty", Body=b"")
    bucket = S3Bucket("ours")
    assert [bucket.read("a", 4), bucket.read("a", 64_000), bucket.read("empty", 4)] == [b"0123", b"0123456789", b""]
    with pytest.raises(WorldError, match=r"S3 refuses s3://ours/none \(404 NoSuchKey\)"):
        bucket.read("none", 4)


def test_a_bucket_of_another_team_and_ours_again(aws):
    aws.put_object(Bucket="theirs", Key="a", Body=b"x")
    ours = S3Bucket("ours")
    assert (ours.head("a"), ours.named("theirs").head("a").size) == (None, 1)
    assert ours.named("") is ours


def test_a_deleted_object_of_a_bucket_with_versions_is_not_there(aws):
    aws.put_bucket_versioning(Bucket="ours", VersioningConfiguration={"Status": "Enabled"})
    aws.put_object(Bucket="ours", Key="a", Body=b"x")
    aws.delete_object(Bucket="ours", Key="a")
    assert S3Bucket("ours").head("a") is None


def test_the_client_is_made_late_and_once(aws):
    made = []
    bucket = S3Bucket("ours", lambda: made.append(1) or aws)
    assert made == []
    bucket.head("a")
    bucket.named("theirs").named("ours").head("b")
    assert made == [1]


def test_a_refusal_says_which_rights_are_missing():
    with pytest.raises(WorldError) as refusal:
        refused(403, "403", "Forbidden").head("a")
    assert str(refusal.value) == (
        "S3 refuses s3://ours/a (403 403): allow s3:GetObject on the object and s3:ListBucket on the bucket "
        "(without the latter, S3 answers 403 for an object that is not there)"
    )


@pytest.mark.parametrize(
    ("bucket", "words"),
    [
        (refused(503, "SlowDown", "Please reduce your request rate."), r"\(503 SlowDown\): Please reduce"),
        (refused(500), r"\(500 \): no reason given"),
        (refused(400, "400", "Bad Request"), r"\(400 400\): Bad Request"),
        (
            S3Bucket("ours", lambda: Refusing(ConnectTimeoutError(endpoint_url="x"))),
            "S3 cannot be asked for s3://ours/a: ",
        ),
    ],
)
def test_what_s3_or_the_way_there_refuses(bucket, words):
    with pytest.raises(WorldError, match=words):
        bucket.head("a")
    with pytest.raises(WorldError, match=words):
        bucket.read("a", 1)


def test_a_name_that_no_bucket_has():
    for name in ("A Bucket", "x" * 300, "ours/../theirs"):
        with pytest.raises(WorldError, match="S3 cannot be asked"):
            S3Bucket(name).head("a")


def test_a_service_without_a_bucket():
    with pytest.raises(BadSetting, match="name one as `bucket` in the job's evidence"):
        S3Bucket("").head("a")
    assert S3Bucket("").named("theirs").head("a") is None


@pytest.mark.parametrize(
    "key", ["", "/a", "../a", "a/../../b", "..", "a\0b", "a\nb", "a\ud800", "x" * 1025, "日" * 342]
)
def test_what_cannot_be_a_key_is_not_asked_for(key):
    with pytest.raises(BadSignal, match="is no key"):
        S3Bucket("ours", lambda: pytest.fail("S3 was asked")).head(key)


@pytest.mark.parametrize("key", ["x" * 1024, "日" * 341, "💥/a..b/...", " ", "%2F", "a+b"])
def test_what_is_odd_and_may_be_a_key(aws, key):
    aws.put_object(Bucket="ours", Key=key, Body=b"x")
    assert S3Bucket("ours").head(key).size == 1
