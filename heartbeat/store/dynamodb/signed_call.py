"""A `DynamoDBCall` that signs its own requests: a cold function need not load an SDK for one or two writes.

AWS IAM user guide, "Create a signed AWS API request" (Signature Version 4), defines the signature.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ssl import create_default_context
from time import gmtime, strftime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from zlib import crc32

from heartbeat.errors import BadSetting
from heartbeat.store.dynamodb.call import UNREACHABLE, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from heartbeat.store.dynamodb.call import Request

TIMEOUT = 5.0
"""Seconds to connect, and to wait for more of an answer."""
API = "DynamoDB_20120810"
CONTENT_TYPE = "application/x-amz-json-1.0"
SERVICE = "dynamodb"
SUFFIXES = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}
"""By prefix of the region's name. For isolated partitions (aws-iso…), name the endpoint."""
FINE = 200


def signed_call(environ: Mapping[str, str], clock: Callable[[], float], *, timeout: float = TIMEOUT) -> SignedCall:
    """A call to DynamoDB with this environment's credentials and region, as Lambda sets them.

    clock: epoch seconds. AWS_ENDPOINT_URL_DYNAMODB or AWS_ENDPOINT_URL name another endpoint than AWS's own. Safe
    for threads: each request has its own connection, and leaves it to the next one. Raises BadSetting.
    """
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    if not region:
        raise BadSetting("there is no AWS_REGION in the environment; set it to the table's region, such as eu-west-1")
    signer = Signer(region=region, **_credentials(environ))
    url = environ.get("AWS_ENDPOINT_URL_DYNAMODB") or environ.get("AWS_ENDPOINT_URL") or _endpoint(region)
    return SignedCall(url, signer, clock, timeout)


def _endpoint(region: str) -> str:
    suffix = SUFFIXES.get(region.partition("-")[0], "amazonaws.com")
    return f"https://{SERVICE}.{region}.{suffix}"


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
        """All headers of a request signed at `now` (epoch seconds)."""
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
    """A `DynamoDBCall`; `signed_call` makes it."""

    def __init__(self, url: str, signer: Signer, clock: Callable[[], float], timeout: float) -> None:
        self._host, self._path, self._connect = _way(url, timeout)
        self._signer, self._clock = signer, clock
        # For whoever comes next, not per thread: threads made for one pass of deliveries leave nothing
        # behind. Last in, first out: that one has been idle the shortest.
        self._idle: list[HTTPConnection] = []

    def __call__(self, operation: str, request: Request) -> dict[str, Any]:
        """See DynamoDBCall."""
        body = json.dumps(request, separators=(",", ":")).encode()
        try:
            status, answer = self._send(operation, body)
        except (OSError, HTTPException) as problem:
            raise Refused(operation, UNREACHABLE, f"{type(problem).__name__}: {problem}") from problem
        if status != FINE:
            raise _refused(operation, status, answer)
        return answer

    def _send(self, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        kept = self._kept()
        if kept is not None:
            # Closed while it was idle, most likely. If the request went through anyway, that does no harm: it is what
            # every repeated attempt must allow for (see `DynamoDBStore`).
            with suppress(OSError, HTTPException):
                return self._exchange(kept, operation, body)
        return self._exchange(self._connect(), operation, body)

    def _kept(self) -> HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:  # asking first would be a race
            return None

    def _exchange(self, connection: HTTPConnection, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
        headers = self._signer.headers(self._host, self._path, operation, body, self._clock())
        try:
            connection.request("POST", self._path, body, headers)
            response = connection.getresponse()
            answer = response.status, _read(response)
        except BaseException:  # nobody knows what it might still deliver
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close all idle connections. A later call opens what it needs."""
        while (kept := self._kept()) is not None:
            kept.close()


def _way(url: str, timeout: float) -> tuple[str, str, Callable[[], HTTPConnection]]:
    """Host, path, and a factory for connections, which connect on first use. Raises BadSetting."""
    try:
        parts = urlsplit(url)
        make: Callable[[], HTTPConnection] = partial(HTTPConnection, parts.netloc, timeout=timeout)
        if parts.scheme == "https":  # one context for all: each would spend 20 ms reading the authorities again
            make = partial(HTTPSConnection, parts.netloc, timeout=timeout, context=create_default_context())
        make()
        fits = parts.scheme in {"http", "https"} and parts.hostname and not parts.username and parts.port != 0
    except (ValueError, HTTPException):
        fits = False
    if not fits:
        raise BadSetting(f"{url!r} is not an endpoint; write it like https://dynamodb.eu-west-1.amazonaws.com")
    return parts.netloc, parts.path or "/", make


def _read(response: HTTPResponse) -> dict[str, Any]:
    text = response.read()
    check = response.getheader("x-amz-crc32")
    if check is not None and check != str(crc32(text)):
        raise HTTPException("the answer arrived damaged")
    try:
        found = json.loads(text or b"{}")
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    if response.status == FINE:
        raise HTTPException("the answer is not a JSON object")
    return {"message": text[:200].decode("utf-8", "replace")}


def _refused(operation: str, status: int, answer: dict[str, Any]) -> Refused:
    code = str(answer.get("__type", "")).rpartition("#")[2] or (UNREACHABLE if status >= 500 else f"HTTP {status}")  # noqa: PLR2004 - HTTP's own
    message = str(answer.get("message") or answer.get("Message") or f"HTTP status {status}")
    reasons = cast("list[dict[str, Any]]", answer.get("CancellationReasons") or [])
    refused = Refused(operation, code, message, tuple(str(reason.get("Code")) for reason in reasons))
    refused.item = answer.get("Item") or {}
    return refused
