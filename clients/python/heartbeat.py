# ruff: noqa: PLC0415 - modules are loaded when a ping is sent, so that importing this file costs next to nothing
"""The client: tells Heartbeat what a job did, and never breaks the job.

One file, standard library only: it may be copied alone into a project. Settings come from the environment:
HEARTBEAT_URL (the server, or s3://bucket/prefix for evidence), HEARTBEAT_PING_KEY, HEARTBEAT_TIMEOUT (seconds),
HEARTBEAT_RAISE (1: raise PingError), HEARTBEAT_TIMEZONE (of the dates in S3 keys), and where to turn when the server
cannot be told: HEARTBEAT_FALLBACK_S3 (s3://bucket/prefix), HEARTBEAT_FALLBACK_SLACK (an incoming webhook).

As a program, `python3 heartbeat.py exec SLUG -- COMMAND` runs a command as a run of a job.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False  # importing typing would cost more than all the rest of this file
if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from http.client import HTTPResponse
    from typing import Any, Literal, ParamSpec, Self, TypedDict, TypeVar, Unpack

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

    class Event(TypedDict):
        """What is told; `_tell` fills in what was not given."""

        slug: str
        kind: Kind
        exit_status: int | None
        run_id: str | None
        for_: str | None
        at: dt.datetime | float | None
        duration: float | None
        create: bool
        body: str | bytes | None
        timeout: float | None


TRIES = 3
TIMEOUT = 10.0  # seconds to connect, and to wait for an answer; a ping with all its tries takes TRIES times this
BACKOFF = 0.05  # of the timeout: the pause before the second try, doubled before the third
BODY_MAX = 10_000  # bytes; the server keeps no more
SECRETS = ("HEARTBEAT_PING_KEY", "HEARTBEAT_FALLBACK_SLACK", "AWS_SECRET_ACCESS_KEY")
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
    create: bool = False,
    raise_errors: bool | None = None,
    timeout: float | None = None,
) -> bool:
    """Say that something happened to a job; True when the server took it.

    slug: the job's name, its uuid, or its whole ping URL. body: text or bytes, the last 10,000 bytes of it.
    exit_status: 0-255, in place of kind. at: when it happened (aware datetime or epoch seconds), by default now.
    for_: the slot it is for ("2026-11-22"). duration, timeout: seconds.
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


class Run:
    """One run of a job, for `with` and `async with`: `start`, then `success` or `fail`. Stops no exception."""

    def __init__(self, slug: str, **options: Unpack[RunOptions]) -> None:
        import uuid

        self.slug, self.id = slug, options.get("run_id") or str(uuid.uuid4())
        self._options: RunOptions = {**options, "run_id": self.id}

    def __enter__(self) -> Self:
        start(self.slug, **self._options)
        self._began = time.monotonic()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        took = round(time.monotonic() - self._began, 3)
        kind, status, body = _outcome(error)
        options = self._options if error is None else {**self._options, "raise_errors": False}  # the job's is raised
        ping(self.slug, body, kind=kind, exit_status=status, duration=took, **options)

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


def _tell(event: Event, raise_errors: bool | None) -> bool:
    slug, status = str(event["slug"]), event["exit_status"]
    what = f"{event['kind'] if status is None else f'exit status {status}'} of {_shown(slug)!r}"
    try:
        event = {**event, "at": _epoch(event["at"]), "timeout": event["timeout"] or _timeout()}
        note = _deliver(event, what)
    except Exception as problem:  # noqa: BLE001 - the job goes on, whatever is wrong with us
        note = _clean(_reason(problem), slug)
        if raise_errors or (raise_errors is None and os.environ.get("HEARTBEAT_RAISE", "0") not in ("", "0")):
            raise PingError(note) from None
        _warn(f"{what} was not delivered: {note}")
        return False
    if note:
        _warn(f"{what} was not delivered: {_clean(note, slug)}")
    return True


def _deliver(event: Event, what: str) -> str:
    """Tell it where it belongs, else leave evidence in S3; what to warn of ("": nothing). Raises what stopped it."""
    home, shelf = (os.environ.get(name, "").strip() for name in ("HEARTBEAT_URL", "HEARTBEAT_FALLBACK_S3"))
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
    raise PingError(why + _tell_slack(event, f"{what} on {_host()} ({_clean(why, event['slug'])})"))


def _post(event: Event) -> None:
    step = f"/{event['kind'] if event['exit_status'] is None else event['exit_status']}".removesuffix("/success")
    query = {
        "rid": event["run_id"],
        "for": event["for_"],
        "duration": event["duration"],
        "at": f"{_epoch(event['at']):.3f}",
        "create": "1" if event["create"] else None,
    }
    headers = {
        "Heartbeat-Id": os.urandom(16).hex(),  # the same for every try, so that a ping counts once
        "User-Agent": "heartbeat-python",
        "Content-Type": "text/plain; charset=utf-8",
    }
    url, data, timeout = _url(event["slug"], step, query), _bytes(event["body"]), event["timeout"] or TIMEOUT
    if problem := _bounded(lambda: _try_often(url, data, headers, timeout), TRIES * timeout):
        raise PingError(f"{_shown(url)} {problem}")


def _tell_slack(event: Event, what: str) -> str:
    """Only how a run ended is told: an outage shall not make a message at each step."""
    import json

    webhook = os.environ.get("HEARTBEAT_FALLBACK_SLACK", "").strip()
    if not webhook or event["kind"] not in ("success", "fail"):
        return ""
    if not webhook.startswith(("http://", "https://")):
        return "; HEARTBEAT_FALLBACK_SLACK is no URL of a webhook"
    text = f"Heartbeat could not be told: {what}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
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
        "at": round(_epoch(event["at"]), 3),
        "message": _bytes(event["body"]).decode(errors="replace") or None,
    }
    return json.dumps({name: one for name, one in value.items() if one is not None}, ensure_ascii=False).encode()


def _day(event: Event) -> str:
    """On which the run began: its start and its end shall meet in one object, though midnight lie between them."""
    import datetime as dt

    began, zone = _epoch(event["at"]) - (event["duration"] or 0), None
    if name := os.environ.get("HEARTBEAT_TIMEZONE", "").strip():
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


def _url(slug: str, step: str, query: dict[str, str | float | None]) -> str:
    from urllib.parse import quote, urlencode

    if slug.startswith(("http://", "https://")):
        path = [_checked(slug)]
    else:
        path = [_checked(_setting("HEARTBEAT_URL", "the server's address, like https://heartbeat.example.org")), "ping"]
        if _is_uuid(slug):
            path += [slug.lower()]
        else:
            key = _setting("HEARTBEAT_PING_KEY", "the ping key, or name the job by its uuid")
            path += [quote(key, safe=""), quote(slug, safe="")]
    return f"{'/'.join(path)}{step}?{urlencode({name: v for name, v in query.items() if v is not None})}"


def _setting(name: str, remedy: str) -> str:
    if value := os.environ.get(name, "").strip():
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


def _timeout() -> float:
    text = os.environ.get("HEARTBEAT_TIMEOUT") or str(TIMEOUT)
    if text.replace(".", "", 1).isdecimal() and float(text) > 0:
        return min(float(text), 3600.0)
    _warn(f"HEARTBEAT_TIMEOUT={text!r} is no number of seconds; taking {TIMEOUT:g}")
    return TIMEOUT


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
    for tried in range(TRIES):
        problem, wait = _try(url, data, headers, timeout)
        if wait is None or tried == TRIES - 1:
            break
        jitter = 0.5 + os.urandom(1)[0] / 255  # the random module would roll the same in all forked workers
        time.sleep(min(wait, timeout) + timeout * BACKOFF * 2**tried * jitter)
    return problem


def _try(url: str, data: bytes, headers: dict[str, str], timeout: float) -> tuple[str, float | None]:
    """What went wrong (nothing: ""), and the seconds that the server wants before the next try (None: do not try)."""
    from http.client import HTTPException
    from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

    request = Request(url, data, headers, method="POST")  # noqa: S310 - it is http(s), as was checked
    opener = OpenerDirector()  # with the environment's proxies; without redirects and cookies
    for handler in (ProxyHandler, HTTPHandler, HTTPSHandler):
        opener.add_handler(handler())
    try:
        with opener.open(request, timeout=timeout) as answer:
            return _read(answer)
    except (OSError, ValueError, HTTPException) as problem:
        reason = getattr(problem, "reason", problem)
        return f"cannot be reached ({reason}); is it up, is HEARTBEAT_URL right?", 0.0


def _read(answer: HTTPResponse) -> tuple[str, float | None]:
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
    from urllib.parse import quote

    for secret in (slug.partition("://")[2].partition("/")[2], *(os.environ.get(name, "") for name in SECRETS)):
        for form in filter(None, {secret, quote(secret, safe="")}):
            text = text.replace(form, "…")
    return re.sub(r"(?i)\b([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", r"\1…", text)


def _reason(problem: Exception) -> str:
    return str(problem) if isinstance(problem, PingError) else repr(problem)


def _host() -> str:
    import platform

    return platform.node()


def _warn(text: str) -> None:
    import contextlib

    line = "".join(c if c.isprintable() else " " for c in text)
    with contextlib.suppress(AttributeError, OSError, ValueError):  # no stderr, or a closed one: nobody to tell
        sys.stderr.write(f"heartbeat: {line}\n")
