"""What botocore would have signed: the oracle for those who sign a request to S3 themselves."""

import datetime as dt
import re
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FORM = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


def is_right(received, secret):
    """Whether the signature of a request is the one that botocore computes over what arrived, and is of now."""
    said = FORM.fullmatch(received.headers["authorization"])
    assert said, received.headers["authorization"]
    names = said["names"].split(";")
    assert {"host", "x-amz-content-sha256", "x-amz-date"} <= set(names)
    request = AWSRequest(
        method=received.method,
        url=f"http://{received.headers['host']}{received.url}",
        headers={name: received.headers[name] for name in names},
        data=received.body,
    )
    stamp = received.headers["x-amz-date"]
    age = dt.datetime.now(dt.UTC) - dt.datetime.strptime(f"{stamp}+0000", "%Y%m%dT%H%M%SZ%z")
    assert abs(age) < dt.timedelta(minutes=1)
    request.context["timestamp"] = stamp
    request.context["payload_signing_enabled"] = True
    auth = S3SigV4Auth(Credentials(said["id"], secret), "s3", said["region"])
    assert urlsplit(request.url).query == ""
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    return auth.signature(to_sign, request) == said["signature"]
