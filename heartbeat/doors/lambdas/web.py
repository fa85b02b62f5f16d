"""The web function: health and API."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from heartbeat.doors.api.app import Api, ApiRequest
from heartbeat.doors.lambdas import function_url
from heartbeat.doors.lambdas.journal import Journal
from heartbeat.doors.lambdas.table import now, open_table
from heartbeat.settings import read_stack
from heartbeat.telemetry import Happened

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK = read_stack(os.environ)
JOURNAL = Journal(STACK.name, time.time)
API = Api(open_table(STACK), now)
HEADERS = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=31536000",
}
REFUSED, BROKEN = 400, 500


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """A request to the function URL."""
    asked = function_url.read(event)
    query = dict(parse_qsl(asked.query, keep_blank_values=True))
    request = ApiRequest(method=asked.method, path=asked.path, query=query, headers=asked.headers, body=asked.body)
    answer = API.answer(request)
    if REFUSED <= answer.status < BROKEN:
        JOURNAL.tell(Happened.REFUSED, status=answer.status, method=asked.method, error=answer.value.get("error"))
    body = "" if asked.method == "HEAD" else json.dumps(answer.value, ensure_ascii=False) + "\n"
    return {"statusCode": answer.status, "headers": HEADERS, "body": body}
