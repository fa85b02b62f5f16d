"""A function URL's request and answer (payload format 2.0).

Source: AWS Lambda developer guide, "Invoking Lambda function URLs", request and response payload formats.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heartbeat.text.sanitize import sound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heartbeat.doors.http.ping_gate import PingAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlRequest:
    """headers: by lower-case name; path and query: as sent, still %-encoded."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def read(event: Mapping[str, Any]) -> UrlRequest:
    """The request in an event. Missing parts, as in a manual call, are empty."""
    http = event.get("requestContext", {}).get("http", {})
    return UrlRequest(
        method=sound(str(http.get("method", "GET"))),
        path=sound(str(event.get("rawPath", "/"))),
        query=sound(str(event.get("rawQueryString", ""))),
        headers={str(name).lower(): sound(str(value)) for name, value in (event.get("headers") or {}).items()},
        body=_body(event),
    )


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return sound(str(text)).encode()
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError, TypeError):
        return b""


def written(answer: PingAnswer, method: str) -> dict[str, Any]:
    """The answer as Lambda expects it. Lambda sets the length itself."""
    headers = {name.decode(): value.decode() for name, value in answer.headers if name != b"content-length"}
    body = "" if method == "HEAD" else answer.body.decode()
    return {"statusCode": answer.status, "headers": headers, "body": body}
