# ruff: noqa: PLC0415 - modules are loaded when a ping is sent, so that importing this file costs next to nothing
"""The client: tells Heartbeat what a job did, and never breaks the job.

One file, standard library only: it may be copied alone into a project. Settings come from the environment:
HEARTBEAT_URL (the server, or s3://bucket/prefix for evidence), HEARTBEAT_PING_KEY, HEARTBEAT_TIMEOUT (seconds),
HEARTBEAT_RAISE (1: raise PingError), HEARTBEAT_TIMEZONE (of the dates in S3 keys), and where to turn when the server
cannot be told: HEARTBEAT_FALLBACK_S3 (s3://bucket/prefix), HEARTBEAT_FALLBACK_SLACK (an incoming webhook).
HEARTBEAT_JOB and HEARTBEAT_RUN_ID are set by a trigger: pings of that job belong to that run.

As a program, `python3 heartbeat.py exec SLUG -- COMMAND` runs a command as a run of a job.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False  # importing typing would cost more than all the rest of this file
if TYPE_CHECKING:
    import argparse
    import contextlib
    import datetime as dt
    import selectors
    import socket
    import subprocess
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from http.client import HTTPResponse
    from types import FrameType
    from typing import Any, BinaryIO, Literal, ParamSpec, Self, TypedDict, TypeVar, Unpack

    P = ParamSpec("P")
    R = TypeVar("R")
    Kind = Literal["start", "success", "fail", "log"]

    class RunOptions(TypedDict, total=False):
        """What the pings of one run have in common."""

        run_id: str | None
        for_: str | None
        create: bool
        raise_errors: bool | None
        timeout: float | None

    class Options(RunOptions, total=False):
        """What one ping has to itself."""

        exit_status: int | None
        duration: float | None
        at: dt.datetime | float | None
        metrics: Mapping[str, float] | None

    class ExecOptions(TypedDict, total=False):
        """How a command is run."""

        start: bool
        output: bool
        limit: float | None
        lock: bool
        every_slot_once: bool
        run_id: str | None
        for_: str | None
        create: bool
        metrics: Mapping[str, float] | None

    class Event(TypedDict):
        """What is told; `_tell` fills in what was not given."""

        slug: str
        kind: Kind
        exit_status: int | None
        run_id: str | None
        for_: str | None
        at: dt.datetime | float | None
        duration: float | None
        metrics: Mapping[str, float] | None
        create: bool
        body: str | bytes | None
        timeout: float | None


TRIES = 3
TIMEOUT = 5.0  # seconds for a ping with all its tries
START_MAX = 2.0  # seconds of them for a start: the work waits for it, and the end says as much
BACKOFF = 0.05  # of the timeout: the pause before the second try, doubled before the third
FIELDS_MAX = 300  # lines before an answer's body
BODY_MAX = 10_000  # bytes; the server keeps no more
PLAIN = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~")  # as they are in a URL
SECRETS = ("HEARTBEAT_PING_KEY", "HEARTBEAT_FALLBACK_SLACK", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
REMEDIES = dict.fromkeys((301, 302, 307, 308), "redirects are not followed: set HEARTBEAT_URL to the last one") | {
    400: "check the exit status (0-255), run_id (a uuid) and for_",
    404: "check the job's name and HEARTBEAT_PING_KEY, or pass create=True to have the job made",
    409: "several jobs have this name: use the job's uuid",
}


class PingError(Exception):
    """A ping was not delivered: what was wrong, where, and what would be right."""


def ping(  # noqa: PLR0913 - each option is one part of a ping; a bag of options would only hide them
    slug: str,
    body: str | bytes | None = None,
    *,
    kind: Kind = "success",
    exit_status: int | None = None,
    run_id: str | None = None,
    duration: float | None = None,
    at: dt.datetime | float | None = None,
    for_: str | None = None,
    metrics: Mapping[str, float] | None = None,
    create: bool = False,
    raise_errors: bool | None = None,
    timeout: float | None = None,
) -> bool:
    """Say that something happened to a job; True when the server took it.

    slug: the job's name, its uuid, or its whole ping URL. body: text or bytes, the last 10,000 bytes of it.
    exit_status: 0-255, in place of kind. at: when it happened (aware datetime or epoch seconds), by default now.
    for_: the slot it is for ("2026-11-22"). metrics: numbers by name ({"rows": 3}). duration, timeout: seconds.
    A failure is one line on stderr and False; PingError with raise_errors=True or HEARTBEAT_RAISE=1.
    """
    event: Event = {
        "slug": slug,
        "kind": kind,
        "exit_status": exit_status,
        "run_id": run_id,
        "for_": for_,
        "at": at,
        "duration": duration,
        "metrics": metrics,
        "create": create,
        "body": body,
        "timeout": timeout,
    }
    return _tell(event, raise_errors)


def start(slug: str, body: str | bytes | None = None, **options: Unpack[Options]) -> bool:
    """Say that a run began. Options as for `ping`."""
    return ping(slug, body, kind="start", **options)


def success(slug: str, body: str | bytes | None = None, **options: Unpack[Options]) -> bool:
    """Say that a run did its work. Options as for `ping`."""
    return ping(slug, body, kind="success", **options)


def fail(slug: str, body: str | bytes | None = None, **options: Unpack[Options]) -> bool:
    """Say that a run failed. Options as for `ping`."""
    return ping(slug, body, kind="fail", **options)


def log(slug: str, body: str | bytes | None = None, **options: Unpack[Options]) -> bool:
    """Leave a note with the job; it changes no verdict. Options as for `ping`."""
    return ping(slug, body, kind="log", **options)


async def aping(
    slug: str, body: str | bytes | None = None, *, kind: Kind = "success", **options: Unpack[Options]
) -> bool:
    """`ping`, while the event loop goes on."""
    import asyncio

    return await asyncio.to_thread(lambda: ping(slug, body, kind=kind, **options))


class Run:
    """One run of a job, for `with` and `async with`: `start`, then `success` or `fail`. Stops no exception.

    metrics: numbers by name, told with its end; the job fills it in.
    """

    def __init__(self, slug: str, **options: Unpack[RunOptions]) -> None:
        self.slug, self.id = slug, options.get("run_id") or _run_of(slug) or _new_id()
        self._options: RunOptions = {**options, "run_id": self.id}
        self.metrics: dict[str, float] = {}

    def __enter__(self) -> Self:
        start(self.slug, **self._options)
        self._began, self._process = time.monotonic(), os.getpid()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if os.getpid() != self._process:  # a forked child comes by here too, and the run is not its own
            return
        took = round(time.monotonic() - self._began, 3)
        kind, status, body = _outcome(error)
        options = self._options if error is None else {**self._options, "raise_errors": False}  # the job's is raised
        ping(self.slug, body, kind=kind, exit_status=status, duration=took, metrics=self.metrics, **options)

    async def __aenter__(self) -> Self:
        import asyncio

        return await asyncio.to_thread(self.__enter__)  # the event loop does not wait for our network

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        import asyncio

        await asyncio.to_thread(self.__exit__, _, error, __)

    def log(self, text: str | bytes) -> bool:
        """Leave a note with this run."""
        return log(self.slug, text, **self._options)


run = Run  # `with heartbeat.run("daily-report"):` reads as what it does


def job(slug: str, **options: Unpack[RunOptions]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """`@heartbeat.job("daily-report")`: every call of the function, sync or async, is a run."""
    import functools
    import inspect

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"@heartbeat.job({slug!r}) on a generator: put `with heartbeat.run(...)` inside it")

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            with Run(slug, **options):
                return function(*args, **kwargs)

        async def call_async(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 - what R awaits to
            async with Run(slug, **options):
                return await function(*args, **kwargs)  # type: ignore[misc] # R is awaitable here

        wrapper: Any = call_async if inspect.iscoroutinefunction(function) else call
        return functools.update_wrapper(wrapper, function)

    return decorate


def _outcome(error: BaseException | None) -> tuple[Kind, int | None, str | None]:
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return "success", None, None
    if isinstance(error, SystemExit):
        if isinstance(error.code, int):  # cut to 8 bits as the system does, but exit(256) was not meant as success
            return "fail", error.code & 0xFF or 1, None
        return "fail", 1, str(error.code)
    import traceback

    return "fail", None, "".join(traceback.format_exception(error))


def disabled() -> bool:
    """Whether nothing is to be told (HEARTBEAT_DISABLED=1), as on a developer's machine and in tests."""
    return _env("HEARTBEAT_DISABLED") not in ("", "0")


def _tell(event: Event, raise_errors: bool | None) -> bool:
    if disabled():
        return True
    slug, status = str(event["slug"]), event["exit_status"]
    what = f"{event['kind'] if status is None else f'exit status {status}'} of {_shown(slug)!r}"
    try:
        run_id = event["run_id"] or _run_of(event["slug"])
        event = {
            **event,
            "run_id": run_id,
            "at": _epoch(event["at"]),
            "timeout": event["timeout"] or _timeout(event["kind"]),
        }
        note = _deliver(event, what)
    except Exception as problem:  # noqa: BLE001 - the job goes on, whatever is wrong with us
        note = _clean(_reason(problem), slug)
        if raise_errors or (raise_errors is None and _env("HEARTBEAT_RAISE") not in ("", "0")):
            raise PingError(note) from None
        warn(f"{what} was not delivered: {note}")
        return False
    if note:
        warn(f"{what} was not delivered: {_clean(note, slug)}")
    return True


def _deliver(event: Event, what: str) -> str:
    """Tell it where it belongs, else leave evidence in S3; what to warn of ("": nothing). Raises what stopped it."""
    home, shelf = _env("HEARTBEAT_URL"), _env("HEARTBEAT_FALLBACK_S3")
    try:
        if home.startswith("s3://"):
            _write_evidence(home, event)
        else:
            _post(event)
    except Exception as problem:  # noqa: BLE001 - what we were called with may be wrong in any way
        why = _reason(problem)
    else:
        return ""
    if shelf and event["kind"] != "log" and not home.startswith("s3://"):
        try:
            return f"{why}; evidence was written to {_write_evidence(shelf, event)} instead"
        except PingError as problem:
            why += f"; nor was evidence written: {problem}"
    raise PingError(why + _tell_slack(event, what, why))


def _post(event: Event) -> None:
    step = f"/{event['kind'] if event['exit_status'] is None else event['exit_status']}".removesuffix("/success")
    query = {
        "rid": event["run_id"],
        "for": event["for_"],
        "duration": event["duration"],
        "at": f"{_epoch(event['at']):.3f}",
        "create": "1" if event["create"] else None,
    }
    numbers = "".join(f"&metric={_quoted(f'{name}:{number}')}" for name, number in _metrics(event).items())
    headers = {
        "Heartbeat-Id": os.urandom(16).hex(),  # the same for every try, so that a ping counts once
        "User-Agent": "heartbeat-python",
        "Content-Type": "text/plain; charset=utf-8",
    }
    url, data, timeout = _url(event["slug"], step, query) + numbers, _bytes(event["body"]), event["timeout"] or TIMEOUT
    if problem := _bounded(lambda: _try_often(url, data, headers, timeout), timeout):
        raise PingError(f"{_shown(url)} {problem}")


def _metrics(event: Event) -> dict[str, float]:
    metrics = dict(event["metrics"] or {})
    for name, number in metrics.items():
        if not isinstance(number, int | float) or number - number != 0:  # neither infinite nor "not a number"
            raise PingError(f"the metric {name}={number!r} is no number")
    return metrics


def _tell_slack(event: Event, what: str, why: str) -> str:
    """Only how a run ended is told: an outage shall not make a message at each step."""
    webhook = _env("HEARTBEAT_FALLBACK_SLACK")
    if not webhook or event["kind"] not in ("success", "fail"):
        return ""
    if not webhook.startswith(("http://", "https://")):
        return "; HEARTBEAT_FALLBACK_SLACK is no URL of a webhook"
    import json
    from platform import node

    text = f"Heartbeat could not be told: {what} on {node()} ({_clean(why, event['slug'])})"
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    data, headers = json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
    timeout = event["timeout"] or TIMEOUT
    problem = _bounded(lambda: _try(webhook, data, headers, timeout)[0], timeout)
    return "; Slack could not be told either" if problem else "; Slack was told"


def _write_evidence(home: str, event: Event) -> str:
    """Write an object below s3://bucket/prefix, and say which."""
    bucket, _, prefix = home.removeprefix("s3://").partition("/")
    if not home.startswith("s3://") or not bucket:
        raise PingError(f"{home!r} is no place in S3; give it the form s3://bucket/prefix")
    if "://" in event["slug"] or _is_uuid(event["slug"]):
        raise PingError("evidence in S3 is named by the job's name: use that, not its uuid or URL")
    key = f"{prefix.strip('/')}/{event['slug']}/{event['for_'] or _day(event)}".lstrip("/")
    timeout = event["timeout"] or TIMEOUT
    if event["kind"] == "log":
        return _put(bucket, f"{key}.log", _bytes(event["body"]), "text/plain; charset=utf-8", timeout)
    return _put(bucket, f"{key}.json", _evidence(event), "application/json", timeout)


def _evidence(event: Event) -> bytes:
    import json

    kinds = {"start": "started", "fail": "fail"}
    status = event["exit_status"]
    value = {
        "status": kinds.get(event["kind"], "success") if status is None else ("fail" if status else "success"),
        "exit_status": status,
        "duration": event["duration"],
        "run_id": event["run_id"],
        "metrics": _metrics(event) or None,
        "at": round(_epoch(event["at"]), 3),
        "message": _bytes(event["body"]).decode(errors="replace") or None,
    }
    return json.dumps({name: one for name, one in value.items() if one is not None}, ensure_ascii=False).encode()


def _day(event: Event) -> str:
    """On which the run began: its start and its end shall meet in one object, though midnight lie between them."""
    import datetime as dt

    began, zone = _epoch(event["at"]) - (event["duration"] or 0), None
    if name := _env("HEARTBEAT_TIMEZONE"):
        from zoneinfo import ZoneInfo

        try:
            zone = ZoneInfo(name)
        except Exception:  # noqa: BLE001 - a name can be wrong in five ways, each with an error of its own
            raise PingError(f"HEARTBEAT_TIMEZONE={name!r} is no time zone; give it the form Asia/Tokyo") from None
    return f"{dt.datetime.fromtimestamp(began, zone):%Y-%m-%d}"  # without a zone it is the machine's


def _put(bucket: str, key: str, data: bytes, content_type: str, timeout: float) -> str:
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise PingError("boto3 writes evidence to S3, and is not installed; pip install boto3") from None
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None
    config = Config(
        connect_timeout=timeout,
        read_timeout=timeout,
        retries={"mode": "standard", "total_max_attempts": TRIES},
        s3={"addressing_style": "path" if endpoint else "auto"},
    )

    def put() -> str:
        try:  # AWS_REGION is what Lambda and ECS set; boto3 itself reads only AWS_DEFAULT_REGION
            s3 = boto3.Session().client(
                "s3", endpoint_url=endpoint, region_name=os.environ.get("AWS_REGION") or None, config=config
            )
            s3.put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type)
        except Exception as problem:  # noqa: BLE001 - botocore's errors, which are not named here: it may be absent
            return f"was not written ({problem}); check the bucket, AWS_REGION and the credentials"
        return ""

    if problem := _bounded(put, TRIES * timeout):
        raise PingError(f"s3://{bucket}/{key} {problem}")
    return f"s3://{bucket}/{key}"


def _run_of(slug: str) -> str | None:
    """The run that Heartbeat's trigger started, if it is one of this job."""
    return _env("HEARTBEAT_RUN_ID") or None if _env("HEARTBEAT_JOB") == slug else None


def _new_id() -> str:
    """A random uuid; the module of this name would load six more."""
    text = os.urandom(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}"


def _url(slug: str, step: str, query: dict[str, str | float | None]) -> str:
    if slug.startswith(("http://", "https://")):
        path = [_checked(slug)]
    else:
        home = _checked(_setting("HEARTBEAT_URL", "the server's address, like https://heartbeat.example.org"))
        path = [home.removesuffix("/ping"), "ping"]
        if _is_uuid(slug):
            path += [slug.lower()]
        else:
            key = _setting("HEARTBEAT_PING_KEY", "the ping key, or name the job by its uuid")
            path += [_quoted(key), _quoted(slug)]
    options = "&".join(f"{name}={_quoted(str(value))}" for name, value in query.items() if value is not None)
    return f"{'/'.join(path)}{step}?{options}"


def _quoted(text: str) -> str:
    """As urllib.parse.quote, which is slower to load."""
    data = text.encode(errors="surrogateescape")
    return "".join(chr(byte) if chr(byte) in PLAIN else f"%{byte:02X}" for byte in data)


def _env(name: str) -> str:
    """Without the CR at the end that a file of settings written on Windows leaves."""
    return os.environ.get(name, "").strip()


def _setting(name: str, remedy: str) -> str:
    if value := _env(name):
        return value
    raise PingError(f"{name} is not set; set it to {remedy}")


def _is_uuid(slug: str) -> bool:
    return [len(part) for part in slug.split("-")] == [8, 4, 4, 4, 12] and not slug.lower().strip("0123456789abcdef-")


def _checked(url: str) -> str:
    if not url.startswith(("http://", "https://")) or not url.isascii() or set(url) & set(" ?#@"):
        raise PingError("the URL is not one to call; give it the form https://heartbeat.example.org")  # may hold a key
    return url.rstrip("/")


def _epoch(at: dt.datetime | float | None) -> float:
    if at is None or isinstance(at, int | float):
        return time.time() if at is None else at
    if at.tzinfo is None:
        raise PingError(f"at={at} has no time zone; pass an aware datetime or epoch seconds")
    return at.timestamp()


def _bytes(body: str | bytes | None) -> bytes:
    return (body.encode(errors="backslashreplace") if isinstance(body, str) else body or b"")[-BODY_MAX:]


def _timeout(kind: Kind) -> float:
    text, most = _env("HEARTBEAT_TIMEOUT") or str(TIMEOUT), START_MAX if kind == "start" else 3600.0
    if text.replace(".", "", 1).isdecimal() and float(text) > 0:
        return min(float(text), most)
    warn(f"HEARTBEAT_TIMEOUT={text!r} is no number of seconds; taking {TIMEOUT:g}")
    return min(TIMEOUT, most)


def _bounded(work: Callable[[], str], seconds: float) -> str:
    """Work in a thread that can be left behind: a socket's timeout bounds neither DNS nor an answer that drips."""
    import threading

    problems = [f"did not answer within {seconds:g} s; is it up?"]
    thread = threading.Thread(target=lambda: problems.append(work()), daemon=True)
    try:
        thread.start()
        thread.join(seconds)
    except RuntimeError:  # no more threads: the interpreter is about to exit, or the machine is full
        thread.run()
    return problems[-1]


def _try_often(url: str, data: bytes, headers: dict[str, str], timeout: float) -> str:
    left, ends = timeout, time.monotonic() + timeout
    for tried in range(TRIES):
        most = left if tried == TRIES - 1 else left / 2  # so that a server that hangs is asked more than once
        problem, wait = _try(f"{url}&sent={time.time():.3f}", data, headers, most)  # by our clock, as `at` is
        left = ends - time.monotonic()
        if wait is None or tried == TRIES - 1 or left <= 0:
            break
        jitter = 0.5 + os.urandom(1)[0] / 255  # the random module would roll the same in all forked workers
        time.sleep(min(wait + timeout * BACKOFF * 2**tried * jitter, left / 2))
        left = ends - time.monotonic()
    return problem


def _try(url: str, data: bytes, headers: dict[str, str], timeout: float) -> tuple[str, float | None]:
    """What went wrong (nothing: ""), and the seconds that the server wants before the next try (None: do not try)."""
    try:
        return (_post_by_urllib if _has_proxies() else _post_directly)(url, data, headers, timeout)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "reason", problem)
        return f"cannot be reached ({reason}); is it up, is HEARTBEAT_URL right?", 0.0


def _has_proxies() -> bool:
    """Or may have: macOS and Windows know of proxies that are not in the environment."""
    names = {name.lower() for name in os.environ}
    return not UNIX or sys.platform == "darwin" or not names.isdisjoint(("http_proxy", "https_proxy"))


def _post_by_urllib(url: str, data: bytes, headers: dict[str, str], timeout: float) -> tuple[str, float | None]:
    from http.client import HTTPException
    from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

    request = Request(url, data, headers, method="POST")  # noqa: S310 - it is http(s), as was checked
    opener = OpenerDirector()  # without redirects and cookies
    for handler in (ProxyHandler, HTTPHandler, HTTPSHandler):
        opener.add_handler(handler())
    try:
        with opener.open(request, timeout=timeout) as answer:
            return _read(answer)
    except HTTPException as problem:
        raise ValueError(repr(problem)) from None


def _post_directly(url: str, data: bytes, headers: dict[str, str], timeout: float) -> tuple[str, float | None]:
    """Without urllib and http.client: to load them takes longer than all the rest of a ping."""
    if not url.isprintable() or " " in url:
        raise ValueError("the URL has a space or a control character in it")
    scheme, _, rest = url.partition("://")
    place, _, target = rest.partition("/")
    fields = {"Host": place, "Connection": "close", "Content-Length": str(len(data)), **headers}
    head = [f"POST /{target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    with _connected(scheme, place, timeout) as connection, connection.makefile("rb") as stream:
        connection.sendall("\r\n".join(head).encode("ascii") + data)
        return _read(_Answer(stream))


def _connected(scheme: str, place: str, timeout: float) -> socket.socket:
    import socket

    host, _, port = place[1:].partition("]") if place.startswith("[") else place.partition(":")
    address: Any = (host.encode("ascii"), int(port.lstrip(":") or (80 if scheme == "http" else 443)))  # bytes: no IDNA
    connection = socket.create_connection(address, timeout)
    if scheme == "http":
        return connection
    import ssl

    return ssl.create_default_context().wrap_socket(connection, server_hostname=host)


class _Answer:
    """As much of http.client's HTTPResponse as `_read` wants."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.status, self.headers = stream, 0, dict[str, str]()
        for _ in range(FIELDS_MAX):
            line = stream.readline(CHUNK).decode("latin-1").strip()
            if line.startswith("HTTP/1."):
                self.status = int(line[9:12])
            elif not self.status:
                raise ValueError("no answer in HTTP")
            elif not line and self.status // 100 > 1:  # else it ends "100 Continue" or its like
                return
            name, _, value = line.partition(":")
            self.headers[name.title()] = value.strip()

    def read(self, size: int) -> bytes:
        """The beginning of the body, or of its first chunk."""
        if "Transfer-Encoding" in self.headers:
            return self._stream.read(min(size, int(self._stream.readline(CHUNK).partition(b";")[0], 16)))
        return self._stream.read(min(size, int(self.headers.get("Content-Length", size))))


def _read(answer: HTTPResponse | _Answer) -> tuple[str, float | None]:
    if answer.status in range(200, 300):
        return "", None
    said = f"answered {answer.status} {answer.read(200).decode(errors='replace')!r}"
    if answer.status in (408, 429, *range(500, 600)):
        wait = answer.headers.get("Retry-After", "")
        return f"{said}; try later", float(wait) if wait.isdecimal() else 0.0
    remedy = answer.headers.get("Heartbeat-Hint") or REMEDIES.get(answer.status, "check HEARTBEAT_URL and the ping key")
    return f"{said}; {remedy}", None


def _shown(name: str) -> str:
    """As much as may be logged: a URL's path holds a key, and a uuid is one."""
    return f"{name[:8]}…" if _is_uuid(name) else "/".join(name.split("/", 3)[:3])


def _clean(text: str, slug: str) -> str:
    """Without what an answer or an error may repeat of our secrets."""
    import re

    for secret in (slug.partition("://")[2].partition("/")[2], *(os.environ.get(name, "") for name in SECRETS)):
        for form in filter(None, {secret, _quoted(secret)}):
            text = text.replace(form, "…")
    return re.sub(r"(?i)\b([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", r"\1…", text)


def _reason(problem: Exception) -> str:
    return str(problem) if isinstance(problem, PingError) else repr(problem)


def warn(text: str) -> None:
    """A line on stderr, if there is one."""
    import contextlib

    line = "".join(c if c.isprintable() else " " for c in text)
    with contextlib.suppress(AttributeError, OSError, ValueError):  # no stderr, or a closed one: nobody to tell
        sys.stderr.write(f"heartbeat: {line}\n")


UNIX = os.name == "posix"
CHUNK = 65_536  # bytes; what a pipe holds on Linux
LEFT_MAX = 64  # chunks still read once the command has ended: two pipes of the largest size an ordinary user can set
HEAD, NOTE = 2_000, 60  # bytes of a long output's beginning, and of the line that says what was left out
KILL_AFTER = 10.0  # seconds between SIGTERM and SIGKILL
STDIN, STDOUT, STDERR = range(3)
FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
NOT_EXECUTABLE, NOT_FOUND, SIGNALLED = 126, 127, 128  # the exit statuses of POSIX's shell
TIMED_OUT = 124  # as `timeout` of coreutils
BUSY, NO_STATE, NOT_WRITTEN = 75, 73, 74  # EX_TEMPFAIL, EX_CANTCREAT and EX_IOERR of sysexits.h
BLIND = 0.2  # seconds between looks at the command, when no signal can tell that it has ended


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `heartbeat exec`, under the names by which `run_command` takes them."""
    flag = parser.add_argument
    flag("slug", help="the job's name, its uuid, or its whole ping URL")
    flag("argv", metavar="command", nargs="A...", help="the command and its arguments, after --")
    flag("--no-start", dest="start", action="store_false", help="tell only how it ended")
    flag("--no-output", dest="output", action="store_false", help="do not read the output: no tail, but a terminal")
    flag("--timeout", dest="limit", type=span, metavar="TIME", help="stop it after so long (90s, 15m): exit status 124")
    flag("--lock", action="store_true", help="do not begin while another one runs on this machine: exit status 75")
    flag("--every-slot-once", action="store_true", help="do nothing if the slot's run has succeeded on this machine")
    flag("--run-id", metavar="UUID", help="the run's id (by default a new one)")
    flag("--for", dest="for_", metavar="SLOT", help="the slot it is for, like 2026-11-22")
    flag("--create", action="store_true", help="have the job made if there is none of this name")
    add_metric(parser)


def add_metric(parser: argparse.ArgumentParser) -> None:
    """`--metric rows=3`, as often as there are some."""
    import argparse

    class Add(argparse.Action):
        def __call__(self, _: Any, namespace: Any, value: Any, __: str | None = None) -> None:  # noqa: ANN401 - argparse's
            name, _, number = value.partition("=")
            try:
                namespace.metrics = {**(namespace.metrics or {}), name: float(number)}
            except ValueError:
                raise argparse.ArgumentError(self, f"{value!r} is no metric; give it the form rows=3") from None

    what = "a number that is told with the end, like rows=3; once for each"
    parser.add_argument("--metric", dest="metrics", action=Add, metavar="NAME=N", help=what)


def span(text: str) -> float:
    """Seconds of 90, 90s, 15m or 1h30m."""
    import argparse
    import re

    if not (found := re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", text)) or not any(
        found.groups("0")
    ):
        raise argparse.ArgumentTypeError(f"{text!r} is no time; give it the form 90s, 15m or 1h30m")
    days, hours, minutes, seconds = map(int, found.groups("0"))
    if not (total := ((days * 24 + hours) * 60 + minutes) * 60 + seconds):
        raise argparse.ArgumentTypeError(f"{text!r} would leave no time at all; give it the form 90s, 15m or 1h30m")
    return float(total)


def run_command(argv: Sequence[str], *, slug: str, **options: Unpack[ExecOptions]) -> int:
    """Run a command as a run of a job, and answer its exit status; 128+n when signal n ended it.

    The command comes first: it starts at once and runs whether or not the server is up, and it keeps its streams and
    its signals. limit: seconds until it is stopped. every_slot_once: needs for_, and locks as lock does.
    Raises ValueError when it was not given, and on Windows, where there are no such locks.
    """
    import contextlib

    open_streams()
    argv = argv[1:] if argv[:1] == ["--"] else argv
    if not argv:
        raise ValueError("there is no command; write it behind --")
    once, slot = options.get("every_slot_once", False), options.get("for_")
    if once and not slot:
        raise ValueError("--every-slot-once needs the slot: --for 2026-11-22")
    if not once and not options.get("lock"):
        return _run_and_tell(argv, slug, options)
    if not UNIX:
        raise ValueError(
            "--lock and --every-slot-once need Unix; on Windows let the task scheduler start one at a time"
        )
    with contextlib.ExitStack() as held:
        state = MachineState(slug)
        if refusal := state.claim(held, slot if once else None):
            return _not_begun(slug, *refusal, options)
        status = _run_and_tell(argv, slug, options)
        if once and slot and status == 0:
            state.add(slot)
    return status


def open_streams() -> None:
    """A standard stream that is closed leads nowhere from now on; else a pipe or file of ours would get its number."""
    import contextlib

    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _told(slug: str, options: ExecOptions) -> RunOptions:
    """What the pings of the run have in common."""
    return {
        "run_id": options.get("run_id") or _run_of(slug) or _new_id(),
        "for_": options.get("for_"),
        "create": options.get("create", False),
        "raise_errors": False,
    }


def _not_begun(slug: str, status: int, why: str, options: ExecOptions) -> int:
    said = _say(why)
    if status == BUSY:
        log(slug, said, **_told(slug, options))
    elif status:
        fail(slug, said, **_told(slug, options))
    return status


class MachineState:
    """What exec remembers of a job on this machine: a file that is locked while it runs, with the slots done in it."""

    KEPT = 1_000

    def __init__(self, slug: str) -> None:
        from pathlib import Path

        # Path.home and Path.expanduser would raise where there is no home; this does not.
        home = Path(os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")) / "heartbeat"  # noqa: PTH111 - see above
        self.slug, self.folder = slug, Path(os.environ.get("HEARTBEAT_STATE") or home)
        self.path = self.folder / f"{_quoted(slug)[:200]}.lock"

    def claim(self, held: contextlib.ExitStack, slot: str | None) -> tuple[int, str] | None:
        """Lock it until `held` ends; else the exit status, and why the command must not begin."""
        import fcntl

        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as problem:
            return NO_STATE, f"{self.path} cannot be locked ({problem.strerror}); set HEARTBEAT_STATE to another folder"
        held.callback(os.close, self.fd)
        if os.fstat(self.fd).st_nlink > 1:  # in a folder that others may write to, it may be a file of ours
            return NO_STATE, f"{self.path} has a second name (a hard link); set HEARTBEAT_STATE to another folder"
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return BUSY, f"{_shown(self.slug)!r} runs already on this machine ({self.path} is locked); not begun"
        os.set_inheritable(self.fd, True)  # when we are killed, the command still runs, and still holds it
        held.callback(fcntl.flock, self.fd, fcntl.LOCK_UN)  # but what it leaves running behind it does not
        return (0, f"{slot} of {_shown(self.slug)!r} was done on this machine; not again") if self.has(slot) else None

    def has(self, slot: str | None) -> bool:
        """Whether the slot was done here."""
        return slot is not None and slot in self._slots()

    def add(self, slot: str) -> None:
        """Raises nothing: the run was done, whatever becomes of our note."""
        import contextlib

        slots = [*self._slots(), slot][-self.KEPT :]
        with contextlib.suppress(OSError):
            os.pwrite(self.fd, data := "".join(f"{one}\n" for one in slots).encode(), 0)
            os.truncate(self.fd, len(data))

    def _slots(self) -> list[str]:
        return os.pread(self.fd, 1 << 20, 0).decode(errors="replace").splitlines()


def _run_and_tell(argv: Sequence[str], slug: str, options: ExecOptions) -> int:
    import threading

    told = _told(slug, options)
    began, began_at = time.monotonic(), time.time()
    starting = threading.Thread(target=lambda: ping(slug, kind="start", at=began_at, **told), daemon=True)
    with Signals() as signals:
        status, kept = run_child(argv, signals, starting, options)
        duration, ended_at = round(time.monotonic() - began, 3), time.time()
        if starting.is_alive():  # a start that comes after its end would look like another run
            starting.join(TIMEOUT)
        ping(slug, kept, exit_status=status, duration=duration, at=ended_at, metrics=options.get("metrics"), **told)
    return status


def run_child(
    command: Sequence[str], signals: Signals, starting: threading.Thread, options: ExecOptions
) -> tuple[int, bytes]:
    """Exit status, and what is kept of the output."""
    import contextlib
    import subprocess

    limit, kept = options.get("limit"), _Kept()
    pipe = subprocess.PIPE if options.get("output", True) and UNIX else None
    apart = limit is not None and UNIX and not _at_terminal()  # so that what it started can be stopped with it
    try:
        signals.begin()
        # The command is what the user asked to run. It inherits what we did: a lock, a shell's <(process).
        child = subprocess.Popen(  # noqa: S603 - see above
            command, stdout=pipe, stderr=pipe, bufsize=0, close_fds=False, start_new_session=apart
        )
    except OSError as problem:
        return _not_started(command[0], problem)
    with child:
        send = (lambda number: os.killpg(child.pid, number)) if apart else child.send_signal
        signals.forward_to(send)
        if options.get("start", True):
            with contextlib.suppress(RuntimeError):  # no more threads: the command goes on without
                starting.start()
        stop = _Limit(send, limit)
        _pass_through(child, signals.woken, stop, kept) if UNIX else _wait(child, stop)
        status = child.wait()
    for stream, why in kept.lost.items():
        kept.add(_say(f"standard {'output' if stream == STDOUT else 'error'} was not written: {why}"))
    if stop.stopped:
        kept.add(_say(f"{command[0]} was stopped after {limit:g} s (--timeout)"))
        return TIMED_OUT, kept.text()
    if status == 0 and kept.lost:  # as tee does: to its end, and then not as if nothing had been
        return NOT_WRITTEN, kept.text()
    return (status if status >= 0 else SIGNALLED - status), kept.text()


def _not_started(name: str, problem: OSError) -> tuple[int, bytes]:
    said = _say(f"{name}: {problem.strerror}")
    return NOT_FOUND if isinstance(problem, FileNotFoundError) else NOT_EXECUTABLE, said


def _say(text: str) -> bytes:
    import contextlib

    said = f"heartbeat exec: {text}\n".encode(errors="backslashreplace")
    with contextlib.suppress(OSError):
        _write(STDERR, said)
    return said


class _Limit:
    """Stops a command that takes too long: SIGTERM, and some seconds later SIGKILL."""

    def __init__(self, send: Callable[[int], None], seconds: float | None) -> None:
        self.send, self.at, self.stopped = send, None if seconds is None else time.monotonic() + seconds, False

    def left(self) -> float | None:
        """Do what is due; the seconds until more is."""
        import contextlib
        import signal

        if self.at is None or (now := time.monotonic()) < self.at:
            return None if self.at is None else self.at - now
        with contextlib.suppress(ProcessLookupError):
            self.send(getattr(signal, "SIGKILL", signal.SIGTERM) if self.stopped else signal.SIGTERM)
        self.at, self.stopped = None if self.stopped else now + KILL_AFTER, True
        return None if self.at is None else KILL_AFTER


class _Kept:
    """Of an output what is told: all of it, or its beginning and its end. lost: which stream, and why it was lost."""

    def __init__(self) -> None:
        self.lost: dict[int, str] = {}
        self.head, self.tail, self.size = bytearray(), bytearray(), 0

    def add(self, data: bytes) -> None:
        room = HEAD - len(self.head)
        self.size += len(data)
        self.head += data[:room]
        self.tail += data[room:]
        del self.tail[: HEAD - BODY_MAX]

    def text(self) -> bytes:
        if self.size <= BODY_MAX:
            return bytes(self.head + self.tail)
        note = f"\n[... {self.size - BODY_MAX + NOTE:,} bytes left out ...]\n".encode()
        return bytes(self.head + note + self.tail[NOTE:])


class Signals:
    """While entered, passes signals on to the command; `woken` is readable when one came, or when the command ended.

    It is -1 where we are not told of signals.
    """

    def __enter__(self) -> Self:
        import contextlib

        self._send: Callable[[int], None] | None = None
        self._early: list[int] = []
        self._begun = False
        self._undo = contextlib.ExitStack()
        self.woken = -1
        if UNIX:
            try:
                self._watch()
            except (OSError, ValueError):  # no descriptors left, or no main thread: the command runs all the same
                self._undo.close()
                self.woken = -1
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def begin(self) -> None:
        """The command is about to be there: a key at the terminal reaches it from now on."""
        self._begun = True

    def forward_to(self, send: Callable[[int], None]) -> None:
        """The command runs now: it gets what came before, and what comes."""
        self._send = send
        for number in self._early:
            send(number)

    def _watch(self) -> None:
        import signal

        self.woken, wake = os.pipe()
        self._undo.callback(os.close, self.woken)
        self._undo.callback(os.close, wake)
        os.set_blocking(wake, False)
        self._undo.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(wake, warn_on_full_buffer=False))
        self._handle(signal.SIGCHLD, lambda *_: None)  # even where it was ignored: that would lose the exit status
        for number in (getattr(signal, name) for name in FORWARDED):
            if signal.getsignal(number) is not signal.SIG_IGN:  # what nohup ignores, the command shall ignore too
                self._handle(number, self._forward)

    def _handle(self, number: int, handler: Callable[[int, FrameType | None], None]) -> None:
        import signal

        self._undo.callback(signal.signal, number, signal.signal(number, handler) or signal.SIG_DFL)

    def _forward(self, number: int, _: FrameType | None) -> None:
        import contextlib
        import signal

        if self._begun and number in (signal.SIGINT, signal.SIGQUIT) and _at_terminal():
            return
        if self._send is None:
            self._early.append(number)
        else:
            with contextlib.suppress(ProcessLookupError):
                self._send(number)


def _at_terminal() -> bool:
    """In a terminal's foreground a key's signal reaches the command too; twice means "at once" to some programs."""
    import contextlib

    for stream in (STDIN, STDOUT, STDERR):
        with contextlib.suppress(OSError):
            if os.tcgetpgrp(stream) == os.getpgrp():
                return True
    return False


def _pass_through(child: subprocess.Popen[bytes], woken: int, stop: _Limit, kept: _Kept) -> None:
    """Pass the command's output on until the command has ended; keep of both streams as they came."""
    import selectors

    with selectors.PollSelector() as streams:  # of all kinds the one that takes no descriptor
        if woken >= 0:
            streams.register(woken, selectors.EVENT_READ)
        for pipe, target in ((child.stdout, STDOUT), (child.stderr, STDERR)):
            if pipe:
                streams.register(pipe, selectors.EVENT_READ, (pipe, target))
        while child.poll() is None:
            left = stop.left()
            _step(streams, kept, left if woken >= 0 else min(left or BLIND, BLIND))
            reap_orphans(child.pid)
        if woken >= 0:
            streams.unregister(woken)
        for _ in range(LEFT_MAX):  # what the command itself wrote; who it left behind may write for ever
            if not _step(streams, kept, 0):
                break


def reap_orphans(command: int) -> None:
    """As process 1 (of a container), wait for those that lost their parents; else they stay, dead, in its table."""
    import contextlib

    if os.getpid() != 1:
        return
    look = os.WEXITED | os.WNOHANG | os.WNOWAIT
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, look)) and ended.si_pid != command:
            os.waitpid(ended.si_pid, 0)


def _wait(child: subprocess.Popen[bytes], stop: _Limit) -> None:
    import contextlib
    import subprocess

    while child.returncode is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(stop.left())


def _step(streams: selectors.BaseSelector, kept: _Kept, timeout: float | None) -> bool:
    """Pass on one chunk of each stream that has one; False when none had."""
    ready = streams.select(timeout)
    for key, _ in ready:
        data = os.read(key.fd, CHUNK)
        if key.data is None:
            continue
        pipe, target = key.data
        kept.add(data)
        try:
            goes_on = bool(data) and _write(target, data)
        except OSError as problem:  # a full disk must not stop the command; the tail goes on
            goes_on = True
            if not _is_lost_terminal(target, problem):
                kept.lost.setdefault(target, problem.strerror or repr(problem))
        if not goes_on:
            streams.unregister(pipe)
            pipe.close()
    return bool(ready)


def _write(target: int, data: bytes) -> bool:
    """False when nobody reads any more: then the command shall be told by SIGPIPE, as without us. Raises OSError."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(target, rest) :]
        except BlockingIOError:  # whoever shares the stream with us made it non-blocking
            import select

            select.select([], [target], [])
        except BrokenPipeError:
            return False
    return True


def _is_lost_terminal(target: int, problem: OSError) -> bool:
    """Whoever looked on has gone, as after the end of an ssh: that is no failure of the run."""
    import errno
    import stat

    return problem.errno == errno.EIO and stat.S_ISCHR(os.fstat(target).st_mode)


def _main(arguments: Sequence[str]) -> int:
    """The program that this file is when it was copied alone."""
    import argparse

    parser = argparse.ArgumentParser(prog="heartbeat.py", description="Tells Heartbeat what a job did.")
    commands = parser.add_subparsers(required=True, metavar="exec")
    add_arguments(commands.add_parser("exec", help="run a command as a run of a job"))
    try:
        return run_command(**vars(parser.parse_args(arguments)))
    except ValueError as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
