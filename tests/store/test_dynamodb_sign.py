"""The signing way to DynamoDB: its signature against botocore's, its manners against a server that has none."""

import json
import re
import socket
import subprocess
import sys
import threading
from zlib import crc32

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from heartbeat.errors import BadSetting
from heartbeat.store.dynamodb.call import Refused
from heartbeat.store.dynamodb.signed_call import Signer, signed_call

NOW = 1_795_000_000.0
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}


def by_botocore(url, sent, body, *, keys=("AKIDEXAMPLE", "secret/key+"), region="eu-west-1"):
    """The signature that botocore gives a request with these headers (all of them signed)."""
    headers = {name: value for name, value in sent.items() if name not in {"host", "authorization"}}
    request = AWSRequest("POST", url, headers, body)
    request.context["timestamp"] = sent["x-amz-date"]
    auth = SigV4Auth(Credentials(*keys), "dynamodb", region)
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    return f"SignedHeaders={auth.signed_headers(auth.headers_to_sign(request))}, Signature={signature}"


@pytest.mark.parametrize("token", ["", "FwoGZXIvYXdzEJr//////////wEaDExampleToken=="])
@pytest.mark.parametrize("body", [b"{}", '{"TableName":"hb","Key":{"pk":{"S":"job#日次"}}}'.encode()])
@pytest.mark.parametrize(
    ("region", "host", "path"),
    [
        ("eu-west-1", "dynamodb.eu-west-1.amazonaws.com", "/"),
        ("us-gov-west-1", "dynamodb.us-gov-west-1.amazonaws.com", "/"),
        ("local", "127.0.0.1:4566", "/some/where"),
    ],
)
def test_the_signature_is_botocores(token, body, region, host, path):
    signer = Signer(region=region, access_key="AKIDEXAMPLE", secret_key="secret/key+", token=token)
    ours = signer.headers(host, path, "UpdateItem", body, NOW)
    assert ours["authorization"].endswith(by_botocore(f"https://{host}{path}", ours, body, region=region))
    assert "secret/key+" not in repr(signer)


class Server:
    """Answers each connection by the scripts given, one after the other, and counts what came."""

    def __init__(self, *scripts):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.scripts, self.asked, self.heads, self.connections, self.calls = scripts, [], [], 0, []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for script in self.scripts:
            connection, _ = self.listener.accept()
            self.connections += 1
            with connection:
                for answer in script:
                    self.asked.append(self.read(connection))
                    if answer is None:
                        break
                    connection.sendall(answer)

    def read(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65_536)
            if not part:  # the caller is gone
                return b""
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        self.heads.append(head.decode())
        length = int(
            next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split()[1]
        )
        while len(body) < length:
            body += connection.recv(65_536)
        return body

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def call(self, clock=lambda: NOW, *, path="", timeout=5, **environ):
        given = {**KEYS, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": self.url + path}
        self.calls.append(signed_call({**given, **environ}, clock, timeout=timeout))
        return self.calls[-1]

    def close(self):
        for call in self.calls:
            call.close()
        self.listener.close()
        self.thread.join(5)


@pytest.fixture
def serve():
    servers = []

    def serve(*scripts):
        servers.append(Server(*scripts))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()


def http(value, status="200 OK", **headers):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


def test_one_connection_serves_many_calls(serve):
    server = serve([http({"Item": {"pk": {"S": "a"}}}), http({})])
    call = server.call()
    assert call("GetItem", {"TableName": "hb"}) == {"Item": {"pk": {"S": "a"}}}
    assert call("PutItem", {"TableName": "hb"}) == {}
    assert (server.connections, server.asked) == (1, [b'{"TableName":"hb"}'] * 2)


def test_a_connection_that_was_closed_while_idle_is_opened_again(serve):
    server = serve([http({})], [http({"Attributes": {}})])
    call = server.call()
    call("PutItem", {})
    assert call("UpdateItem", {}) == {"Attributes": {}}
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "code", "reasons"),
    [
        (
            http(
                {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"},
                "400 Bad Request",
            ),
            "ConditionalCheckFailedException",
            (),
        ),
        (
            http(
                {
                    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                    "Message": "cancelled",
                    "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict", "Message": "busy"}],
                },
                "400 Bad Request",
            ),
            "TransactionCanceledException",
            ("None", "TransactionConflict"),
        ),
        (http({"__type": "ThrottlingException"}, "400 Bad Request"), "ThrottlingException", ()),
        (http(b"<html>busy</html>", "503 Service Unavailable"), "Unreachable", ()),
        (http(b"", "500 Internal Server Error"), "Unreachable", ()),
        (http({"message": "not found"}, "404 Not Found"), "HTTP 404", ()),
        (http(b"[]"), "Unreachable", ()),
        (http(b'{"Item":'), "Unreachable", ()),
        (http({"Item": {}}, x_amz_crc32=1), "Unreachable", ()),
        (http({"Item": {}}, x_amz_crc32="one"), "Unreachable", ()),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "Unreachable", ()),
        (b"nonsense\r\n\r\n", "Unreachable", ()),
        (None, "Unreachable", ()),
    ],
)
def test_what_is_no_good_answer_is_a_refusal(serve, answer, code, reasons):
    with pytest.raises(Refused) as refused:
        serve([answer]).call()("PutItem", {})
    assert (refused.value.code, refused.value.reasons) == (code, reasons)
    assert refused.value.is_passing is (code in {"Unreachable", "ThrottlingException"} or bool(reasons))


def test_an_answer_with_the_right_checksum_is_taken(serve):
    body = b'{"Item":{}}'
    assert serve([http(body, x_amz_crc32=crc32(body))]).call()("GetItem", {}) == {"Item": {}}


def test_a_server_that_says_nothing_is_not_waited_for(serve):
    with pytest.raises(Refused, match="TimeoutError"):
        serve([b"HTTP/1.1 200 OK\r\n", None]).call(timeout=0.1)("GetItem", {})


def test_nobody_there_is_a_refusal():
    environ = {**KEYS, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"}
    with pytest.raises(Refused, match="Unreachable"):
        signed_call(environ, lambda: NOW)("GetItem", {})


def in_thread(call, answers):
    thread = threading.Thread(target=lambda: answers.append(call("GetItem", {})))
    thread.start()
    return thread


def test_threads_one_after_the_other_share_a_connection(serve):
    """A thread that is made for one pass of deliveries must leave no socket behind."""
    server = serve([http({})] * 3)
    call, answers = server.call(), []
    for _ in range(3):
        in_thread(call, answers).join()
    assert (server.connections, answers) == (1, [{}, {}, {}])


def test_requests_at_the_same_time_have_a_connection_each(serve):
    server = serve([http({"n": 1}), http({"n": 2})], [http({"n": 3})])
    gate = threading.Barrier(2)
    both = []

    def clock():  # read when a request has its connection and sends nothing yet
        if both:
            gate.wait(5)
        return NOW

    call, answers = server.call(clock), []
    call("GetItem", {})
    both.append(True)
    for thread in [in_thread(call, answers) for _ in range(2)]:
        thread.join()
    assert server.connections == 2
    assert sorted(answer["n"] for answer in answers) == [2, 3]


def test_a_connection_that_failed_is_not_used_again(serve):
    torn = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-amz-crc32: 1\r\n\r\n{}"
    server = serve([torn, http({"wrong": {}})], [http({"right": {}})])
    call = server.call()
    with pytest.raises(Refused, match="damaged"):
        call("GetItem", {})
    assert call("GetItem", {}) == {"right": {}}


def test_what_was_closed_can_be_used_again(serve):
    server = serve([http({}), http({})], [http({})])
    call = server.call()
    call("GetItem", {})
    call.close()
    call("GetItem", {})
    assert server.connections == 2


def test_what_is_sent_is_what_was_signed(serve):
    """As the other side checks it: from nothing but the bytes that came."""
    server = serve([http({})])
    server.call(path="/some/where", AWS_SESSION_TOKEN="token==")("PutItem", {"TableName": "日次"})
    first, *lines = server.heads[0].split("\r\n")
    sent = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    signed = re.search("SignedHeaders=([^,]+)", sent["authorization"])[1].split(";")
    assert first == "POST /some/where HTTP/1.1"
    assert signed == ["content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"]
    assert sent["x-amz-target"] == "DynamoDB_20120810.PutItem"
    assert sent["x-amz-date"] == "20261118T110640Z"
    scope = "AKIDEXAMPLE/20261118/eu-west-1/dynamodb/aws4_request"
    assert f"Credential={scope}," in sent["authorization"]
    signed_ones = {name: sent[name] for name in signed}
    url = f"http://{sent['host']}/some/where"
    assert sent["authorization"].endswith(by_botocore(url, signed_ones, server.asked[0], keys=KEYS.values()))


def test_each_day_has_a_key_of_its_own():
    signer = Signer(region="eu-west-1", access_key="a", secret_key="b")
    for day in ("20261118", "20261119", "20261118"):
        ours = signer.headers("h", "/", "GetItem", b"{}", NOW + 86_400 * (day == "20261119"))
        assert f"Credential=a/{day}/eu-west-1/" in ours["authorization"]
        assert ours["authorization"].endswith(by_botocore("https://h/", ours, b"{}", keys=("a", "b")))


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "dynamodb.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "dynamodb.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "dynamodb.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "dynamodb.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_without_an_endpoint_it_is_the_regions_own_as_botocore_has_it(region, host):
    client = boto3.client("dynamodb", region_name=region, aws_access_key_id="a", aws_secret_access_key="b")
    assert signed_call({**KEYS, "AWS_REGION": region}, lambda: NOW)._host == host
    assert client.meta.endpoint_url == f"https://{host}"


def test_the_services_own_endpoint_comes_before_the_one_of_all(serve):
    server = serve([http({})])
    call = server.call(AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_ENDPOINT_URL_DYNAMODB=server.url)
    assert call("GetItem", {}) == {}


def test_the_default_region_will_do(serve):
    server = serve([http({})])
    server.call(AWS_REGION="", AWS_DEFAULT_REGION="sa-east-1")("GetItem", {})
    assert "/sa-east-1/dynamodb/" in server.heads[0]


def test_a_condition_that_does_not_hold_brings_the_item(serve):
    kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    item = {"pk": {"S": "job#a"}, "nonce": {"S": "n"}}
    answer = http({"__type": kind, "Message": "no", "Item": item}, "400 Bad Request")
    with pytest.raises(Refused) as refused:
        serve([answer]).call()("UpdateItem", {})
    assert (refused.value.is_stale, refused.value.item) == (True, item)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        (KEYS, "there is no AWS_REGION in the environment"),
        ({"AWS_REGION": "eu-west-1"}, "there is no AWS_ACCESS_KEY_ID and no AWS_SECRET_ACCESS_KEY"),
        ({**KEYS, "AWS_REGION": "x", "AWS_ENDPOINT_URL": "ftp://x"}, "'ftp://x' is not an endpoint"),
        ({**KEYS, "AWS_REGION": "x", "AWS_ENDPOINT_URL": "http://x:y"}, "'http://x:y' is not an endpoint"),
        ({**KEYS, "AWS_REGION": "x", "AWS_ENDPOINT_URL": "http://x:99999"}, "'http://x:99999' is not an endpoint"),
        ({**KEYS, "AWS_REGION": "x", "AWS_ENDPOINT_URL": "https://[::1"}, r"'https://\[::1' is not an endpoint"),
        ({**KEYS, "AWS_REGION": "x", "AWS_ENDPOINT_URL": "https://"}, "'https://' is not an endpoint"),
    ],
)
def test_what_is_missing_is_said(environ, told):
    with pytest.raises(BadSetting, match=told):
        signed_call(environ, lambda: NOW)


def test_it_loads_no_sdk():
    program = "import sys; import heartbeat.store.dynamodb.signed_call; print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "'http.client'" in loaded
    assert [
        name for name in ("boto3", "botocore", "urllib3", "urllib.request", "asyncio") if f"'{name}'" in loaded
    ] == []
