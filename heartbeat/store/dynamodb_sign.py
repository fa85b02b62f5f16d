"""A `Call` that signs its requests itself: a cold function need not load an SDK for its one or two writes.

Source of the signature: AWS IAM user guide, "Create a signed AWS API request" (Signature Version 4).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from time import gmtime, strftime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from zlib import crc32

from heartbeat.errors import BadSetting
from heartbeat.store.dynamodb_call import UNREACHABLE, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.store.dynamodb_call import Request

TIMEOUT = 5.0
"""Seconds to connect, and between two bytes of an answer."""
API = "DynamoDB_20120810"
CONTENT_TYPE = "application/x-amz-json-1.0"
SERVICE = "dynamodb"
FINE = 200


def signed_call(environ: Mapping[str, str], clock: Callable[[], float], *, timeout: float = TIMEOUT) -> SignedCall:
    """The way to DynamoDB by the credentials and the region in this environment, as Lambda sets them.

    clock: epoch seconds. AWS_ENDPOINT_URL_DYNAMODB or AWS_ENDPOINT_URL name another endpoint than AWS's own (of the
    partitions aws and aws-cn). Safe for threads: each has a connection of its own. Raises BadSetting.
    """
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    if not region:
        raise BadSetting("there is no AWS_REGION in the environment; set it to the table's region, such as eu-west-1")
    signer = Signer(region=region, **_credentials(environ))
    url = environ.get("AWS_ENDPOINT_URL_DYNAMODB") or environ.get("AWS_ENDPOINT_URL") or _endpoint(region)
    return SignedCall(url, signer, clock, timeout)


def _endpoint(region: str) -> str:
    return f"https://{SERVICE}.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def _credentials(environ: Mapping[str, str]) -> dict[str, str]:
    names = {"access_key": "AWS_ACCESS_KEY_ID", "secret_key": "AWS_SECRET_ACCESS_KEY"}
    missing = [name for name in names.values() if not environ.get(name)]
    if missing:
        raise BadSetting(f"there is no {' and no '.join(missing)} in the environment; Lambda sets them for its role")
    found = {field: environ[name] for field, name in names.items()}
    return {**found, "token": environ.get("AWS_SESSION_TOKEN", "")}


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Signs requests. token: "" for credentials that are not temporary."""

    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)

    def headers(self, host: str, path: str, operation: str, body: bytes, now: float) -> dict[str, str]:
        """All headers of a request that is signed at `now` (epoch seconds)."""
        stamp = strftime("%Y%m%dT%H%M%SZ", gmtime(now))
        signed = {"content-type": CONTENT_TYPE, "host": host, "x-amz-date": stamp, "x-amz-target": f"{API}.{operation}"}
        if self.token:
            signed["x-amz-security-token"] = self.token
        names = sorted(signed)
        lines = [f"{name}:{signed[name]}\n" for name in names]
        canonical = "\n".join(["POST", path, "", "".join(lines), ";".join(names), _hash(body)])
        scope = f"{stamp[:8]}/{self.region}/{SERVICE}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{_hash(canonical.encode())}"
        key = _day_key(self.secret_key, stamp[:8], self.region)
        proof = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        given = f"Credential={self.access_key}/{scope}, SignedHeaders={';'.join(names)}, Signature={proof}"
        return {**signed, "authorization": f"AWS4-HMAC-SHA256 {given}"}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@lru_cache(maxsize=8)
def _day_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


class SignedCall:
    """A `Call`; `signed_call` makes it."""

    def __init__(self, url: str, signer: Signer, clock: Callable[[], float], timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BadSetting(f"{url!r} is no endpoint; write it like https://dynamodb.eu-west-1.amazonaws.com")
        self._connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._path = parts.netloc, parts.path or "/"
        self._signer, self._clock, self._timeout = signer, clock, timeout
        self._mine = threading.local()
        self._opened: list[HTTPConnection] = []

    def __call__(self, operation: str, request: Request) -> dict[str, Any]:
        """See Call."""
        body = json.dumps(request, separators=(",", ":")).encode()
        try:
            status, answer = self._send(operation, body)
        except (OSError, HTTPException) as problem:
            self._drop()
            raise Refused(operation, UNREACHABLE, f"{type(problem).__name__}: {problem}") from problem
        if status != FINE:
            raise _refused(operation, status, answer)
        return answer

    def _send(self, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        kept = getattr(self._mine, "connection", None)
        if kept is not None:
            try:
                return self._exchange(kept, operation, body)
            except (OSError, HTTPException):
                # Closed while it was idle, most likely. That the request went through all the same does no harm: it is
                # what every repeated attempt has to reckon with (see `DynamoDBStore`).
                self._drop()
        self._mine.connection = fresh = self._connect(self._host, timeout=self._timeout)
        self._opened.append(fresh)
        return self._exchange(fresh, operation, body)

    def _exchange(self, connection: HTTPConnection, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        headers = self._signer.headers(self._host, self._path, operation, body, self._clock())
        connection.request("POST", self._path, body, headers)
        response = connection.getresponse()
        return response.status, _read(response)

    def _drop(self) -> None:
        kept, self._mine.connection = self._mine.connection, None
        kept.close()
        self._opened.remove(kept)

    def close(self) -> None:
        """Let go of all connections. A later call opens what it needs."""
        for connection in self._opened:
            connection.close()


def _read(response: HTTPResponse) -> dict[str, Any]:
    text = response.read()
    check = response.getheader("x-amz-crc32")
    if check is not None and int(check) != crc32(text):
        raise HTTPException("the answer arrived damaged")
    try:
        found = json.loads(text or b"{}")
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    if response.status == FINE:
        raise HTTPException("the answer is no JSON object")
    return {"message": text[:200].decode("utf-8", "replace")}


def _refused(operation: str, status: int, answer: dict[str, Any]) -> Refused:
    code = str(answer.get("__type", "")).rpartition("#")[2] or (UNREACHABLE if status >= 500 else f"HTTP {status}")  # noqa: PLR2004 - HTTP's own
    message = str(answer.get("message") or answer.get("Message") or f"HTTP status {status}")
    reasons = cast("list[dict[str, Any]]", answer.get("CancellationReasons") or [])
    refused = Refused(operation, code, message, tuple(str(reason.get("Code")) for reason in reasons))
    refused.item = answer.get("Item") or {}
    return refused
