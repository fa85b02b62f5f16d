"""The signing way to DynamoDB: its signature against botocore's, its manners against a server that has none."""

import json
import socket
import subprocess
import sys
import threading
from zlib import crc32

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from heartbeat.errors import BadSetting
from heartbeat.store.dynamodb_call import Refused
from heartbeat.store.dynamodb_sign import Signer, signed_call

NOW = 1_795_000_000.0
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}


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
    sent = {name: ours[name] for name in ("content-type", "x-amz-target")}
    request = AWSRequest(method="POST", url=f"https://{host}{path}", data=body, headers=sent)
    auth = SigV4Auth(Credentials("AKIDEXAMPLE", "secret/key+", token or None), "dynamodb", region)
    request.context["timestamp"] = ours["x-amz-date"]
    request.headers["X-Amz-Date"] = ours["x-amz-date"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    canonical = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, canonical), request)
    assert ours["authorization"].endswith(f"Signature={signature}")
    assert f"SignedHeaders={auth.signed_headers(auth.headers_to_sign(request))}," in ours["authorization"]
    assert "secret/key+" not in repr(signer)


class Server:
    """Answers each connection by the scripts given, one after the other, and counts what came."""

    def __init__(self, *scripts):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.scripts, self.asked, self.connections, self.calls = scripts, [], 0, []
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
        length = int(
            next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split()[1]
        )
        while len(body) < length:
            body += connection.recv(65_536)
        return body

    def call(self, **more):
        url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        environ = {**KEYS, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": url}
        self.calls.append(signed_call(environ, lambda: NOW, **more))
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


def test_each_thread_has_a_connection_of_its_own(serve):
    server = serve([http({})], [http({})])
    call = server.call()
    call("PutItem", {})
    other = threading.Thread(target=lambda: (call("PutItem", {}), call.close()))
    other.start()
    other.join()
    assert server.connections == 2


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        (KEYS, "there is no AWS_REGION in the environment"),
        ({"AWS_REGION": "eu-west-1"}, "there is no AWS_ACCESS_KEY_ID and no AWS_SECRET_ACCESS_KEY"),
        ({**KEYS, "AWS_REGION": "x", "AWS_ENDPOINT_URL": "ftp://x"}, "'ftp://x' is no endpoint"),
    ],
)
def test_what_is_missing_is_said(environ, told):
    with pytest.raises(BadSetting, match=told):
        signed_call(environ, lambda: NOW)


def test_it_loads_no_sdk():
    program = (
        "import sys; import heartbeat.store.dynamodb_sign; print(sorted({n.partition('.')[0] for n in sys.modules}))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "'http'" in loaded
    assert [name for name in ("boto3", "botocore", "urllib3", "requests") if f"'{name}'" in loaded] == []
