"""One list of behaviour, seven ways to have it: the fixture names the language, no test does."""

import socket

import boto3
import pytest
from faulty_receiver import Receiver
from languages import AWS, BUCKET, LANGUAGES, tell
from ministack import ministack


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request):
    return LANGUAGES[request.param]


@pytest.fixture(scope="module")
def place(tmp_path_factory, language):
    return tmp_path_factory.mktemp(language.name)


@pytest.fixture(scope="module")
def told(language, place):
    """Makes calls in this language: `told(calls, HEARTBEAT_URL=…)`."""
    return lambda calls, **environ: tell(language, place, calls, **environ)


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def nobody():
    """An address where nothing listens: bound, so that nobody else takes it, and not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """An S3 with one empty bucket, and how the clients reach it."""
    with ministack(tmp_path_factory.mktemp("aws")) as url:
        keys = {"aws_access_key_id": AWS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": AWS["AWS_SECRET_ACCESS_KEY"]}
        client = boto3.client("s3", endpoint_url=url, region_name=AWS["AWS_REGION"], **keys)
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": AWS["AWS_REGION"]})
        yield Shelf(client, {**AWS, "AWS_ENDPOINT_URL_S3": url})
        client.close()


class Shelf:
    def __init__(self, client, environ):
        self.client, self.environ = client, environ

    def objects(self, prefix):
        """Key below the prefix -> (content type, bytes)."""
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {one["Key"].removeprefix(prefix): self._read(one["Key"]) for one in found}

    def _read(self, key):
        answer = self.client.get_object(Bucket=BUCKET, Key=key)
        with answer["Body"] as body:
            return answer["ContentType"], body.read()
