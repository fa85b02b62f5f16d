"""Good requests for every route, and the statuses that each route may answer with."""

import gzip
import json
from dataclasses import dataclass
from urllib.parse import unquote

UUID = "0f4cbc6e-6c3f-4f0b-9c1d-6a52b36dd08f"
RUN = UUID.replace("-", "")
JSON = (b"Content-Type", b"application/json")
PROJECT = "/sentry/api/42"
MAKING = "/sentry/create/api/42"

DOCUMENTED = {
    "ping": {200, 201, 400, 404},
    "sentry": {200, 202, 400, 403, 404, 413, 415},
    "kuma": {200, 400, 404},
    "cronitor": {200, 400, 404},
    "snitch": {200, 400, 404},
    "betterstack": {200, 400, 404},
    "opsgenie": {202, 400, 403, 404},
    "alertmanager": {200, 400, 404},
    "healthz": {200, 404, 405},
    "api": {200, 400, 401, 403, 404, 405, 409},
    "": {200, 404, 405},
}
"""By the first part of the path; what is under none of them is not there."""
ELSEWHERE = {404, 405}
UNREADABLE = {400, 413, 431}
"""What a server says to what is no HTTP, or too much of it."""


@dataclass(frozen=True, kw_only=True)
class Names:
    """What exists in the world that is asked. manager: a management key."""

    key: str
    slugs: tuple[str, ...]
    uuids: tuple[str, ...]
    manager: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """path and query as they are sent; body before it is framed; chunked: how it is framed."""

    method: str = "GET"
    path: bytes
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    chunked: bool = False

    @property
    def target(self) -> bytes:
        return self.path + (b"?" + self.query if self.query else b"")

    @property
    def first(self) -> str:
        """The first part of the path, decoded."""
        path = unquote(self.path.decode("latin-1").partition("?")[0].partition("#")[0])
        return path.split("/")[1] if path.startswith("/") else ""

    def wire(self) -> bytes:
        """The whole request, as it is sent."""
        framed, body = (), self.body
        if self.chunked:
            framed, body = ((b"Transfer-Encoding", b"chunked"),), _chunks(self.body)
        elif self.body or self.method in {"POST", "PUT", "PATCH"}:
            framed = ((b"Content-Length", b"%d" % len(self.body)),)
        lines = [b"%s: %s\r\n" % header for header in ((b"Host", b"x"), *self.headers, *framed)]
        return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (self.method.encode(), self.target, b"".join(lines), body)


def _chunks(body):
    parts = [body[at : at + 7_000] for at in range(0, len(body), 7_000)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def made(method, target, *headers, body=b""):
    path, _, query = target.encode().partition(b"?")
    given = tuple(
        (name.encode(), value.encode()) if isinstance(name, str) else (name, value) for name, value in headers
    )
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request(method=method, path=path, query=query, headers=given, body=raw)


def samples(names: Names) -> list[Request]:
    """All are answered 2xx."""
    slug, uuid = names.slugs[0], names.uuids[1]
    return [
        *_pings(names.key, slug, uuid),
        *_check_ins(names.key, slug),
        *_pushes(names.key, slug, uuid),
        *_alerts(f"{names.key}.{slug}"),
        made("GET", "/healthz"),
        made("GET", "/"),
    ]


def managing(names: Names) -> list[Request]:
    """Good requests to the management API."""
    slug, bearer = names.slugs[0], ("Authorization", f"Bearer {names.manager}")
    hours = {"for": "2h", "reason": "maintenance"}
    return [
        made("GET", "/api/jobs?limit=5", bearer),
        made("GET", f"/api/jobs/{slug}", bearer),
        made("POST", f"/api/jobs/{slug}/pause", bearer, JSON, body=hours),
        made("POST", f"/api/jobs/{slug}/resume", bearer),
        made("GET", "/api/silences", bearer),
        made("POST", "/api/silences", bearer, JSON, body={"selector": slug, **hours}),
        made("GET", "/healthz"),
    ]


def _pings(key, slug, uuid):
    return [
        made("GET", f"/ping/{key}/{slug}"),
        made("POST", f"/ping/{key}/{slug}/start?rid={UUID}", body=b"begun"),
        made("POST", f"/ping/{uuid}/fail", ("Heartbeat-Id", "a1b2c3"), body=b"no disk left"),
        made("HEAD", f"/ping/{uuid}"),
        made("GET", f"/ping/{key}/{slug}/17?duration=1.5&for=2026-11-22T09:00&at=1795340585.07&metric=rows:3"),
        made("POST", f"/ping/{key}/{slug}/log", ("Content-Type", "text/plain"), body=b"3 rows"),
        made("GET", f"/ping/{key}/made-by-ping?create=1"),
    ]


def _check_ins(key, slug):
    check_in = {
        "check_in_id": RUN,
        "monitor_slug": slug,
        "status": "ok",
        "duration": 1.5,
        "environment": "production",
        "release": "1.2",
        "monitor_config": {
            "schedule": {"type": "crontab", "value": "0 9 * * *"},
            "checkin_margin": 5,
            "max_runtime": 30,
            "timezone": "Asia/Tokyo",
        },
        "contexts": {"trace": {"trace_id": RUN, "span_id": RUN[:16]}},
    }
    auth = ("X-Sentry-Auth", f"Sentry sentry_key={key}, sentry_version=7, sentry_client=sentry.python/2.75.0")
    kind = ("Content-Type", "application/x-sentry-envelope")
    whole, interval = envelope(check_in), {"schedule": {"type": "interval", "value": 2, "unit": "hour"}}
    config = check_in["monitor_config"] | {"owner": "team:ops", "failure_issue_threshold": 2}
    fresh = check_in | {"monitor_slug": "made-by-sentry", "status": "in_progress", "monitor_config": interval}
    owned = check_in | {"monitor_slug": "made-by-sentry", "monitor_config": config}
    return [
        made("GET", f"{PROJECT}/cron/{slug}/{key}/?status=in_progress&check_in_id={UUID}&environment=production"),
        made("POST", f"{PROJECT}/cron/{slug}/{key}/?status=error&duration=1.5"),
        made("POST", f"{PROJECT}/cron/{slug}/{key}/", JSON, body={**check_in, "status": "error"}),
        made("POST", f"{PROJECT}/envelope/", auth, kind, body=whole),
        made("POST", f"{PROJECT}/envelope/", auth, kind, ("Content-Encoding", "gzip"), body=gzip.compress(whole)),
        made("POST", f"{PROJECT}/envelope/?sentry_key={key}&sentry_version=7", body=envelope(check_in, length=False)),
        made("POST", f"{MAKING}/envelope/", auth, kind, body=envelope(fresh)),
        made("POST", f"{MAKING}/envelope/", auth, kind, body=envelope(owned)),
        made("POST", f"{PROJECT}/envelope/", kind, body=envelope(check_in, header={"dsn": f"https://{key}@x/42"})),
    ]


def envelope(check_in, *, length=True, header=None):
    body = json.dumps(check_in)
    item = {"type": "check_in"} | ({"length": len(body)} if length else {})
    other = json.dumps({"timestamp": 1795340585.07, "discarded_events": []})
    lines = [
        json.dumps(header or {}),
        json.dumps(item),
        body,
        json.dumps({"type": "client_report", "length": len(other)}),
        other,
    ]
    return "\n".join(lines).encode()


def _pushes(key, slug, uuid):
    return [
        made("GET", f"/kuma/api/push/{key}.{slug}?status=up&msg=OK&ping=12"),
        made("POST", f"/kuma/api/push/{uuid}?status=down&msg=no+disk&ping="),
        made("GET", f"/cronitor/p/{key}/{slug}?state=run&series=1795340585.07&host=web1&env=production"),
        made("GET", f"/cronitor/p/{key}/{slug}?state=complete&message=3+rows&metric=duration:1.2&status_code=0"),
        made("HEAD", f"/cronitor/p/{key}/{slug}"),
        made("GET", f"/cronitor/{uuid}/fail"),
        made("GET", f"/snitch/{key}.{slug}?m=3+rows&s=0"),
        made("POST", f"/snitch/{uuid}", ("Content-Type", "application/x-www-form-urlencoded"), body=b"m=x&s=7"),
        made("GET", f"/betterstack/api/v1/heartbeat/{key}.{slug}"),
        made("POST", f"/betterstack/api/v1/heartbeat/{uuid}/7", body=b"no disk left"),
        made("POST", f"/opsgenie/v2/heartbeats/{slug}/ping", ("Authorization", f"GenieKey {key}")),
        made("GET", f"/opsgenie/v2/heartbeats/{slug}/ping", ("Authorization", f"GenieKey {key}")),
    ]


def _alerts(token):
    labels = {"alertname": "Watchdog", "severity": "none"}
    alert = {"status": "firing", "labels": labels, "annotations": {}, "startsAt": "2026-11-22T09:00:00.123Z"}
    message = {
        "version": "4",
        "groupKey": '{}:{alertname="Watchdog"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "heartbeat",
        "groupLabels": {"alertname": "Watchdog"},
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": [alert | {"endsAt": "0001-01-01T00:00:00Z", "fingerprint": "9f2b8a1c0d3e4f50"}],
    }
    resolved = message | {"status": "resolved", "alerts": [alert | {"status": "resolved"}]}
    return [made("POST", f"/alertmanager/{token}", JSON, body=one) for one in (message, resolved)]
