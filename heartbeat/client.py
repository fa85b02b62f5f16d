# ruff: noqa: PLC0415 - modules are loaded when a ping is sent, so that importing this file costs next to nothing
"""The client: tells Heartbeat what a job did, and never breaks the job.

One file, standard library only: it may be copied alone into a project. Settings come from the environment:
HEARTBEAT_URL (the server), HEARTBEAT_PING_KEY, HEARTBEAT_TIMEOUT (seconds), HEARTBEAT_RAISE (1: raise PingError).
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


TRIES = 3
TIMEOUT = 10.0  # seconds to connect, and to wait for an answer; a ping with all its tries takes TRIES times this
BACKOFF = 0.05  # of the timeout: the pause before the second try, doubled before the third
BODY_MAX = 10_000  # bytes; the server keeps no more
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
    try:
        step = f"/{kind if exit_status is None else exit_status}".removesuffix("/success")
        query = {"rid": run_id, "for": for_, "duration": duration, "at": _epoch(at), "create": "1" if create else None}
        data = body.encode(errors="backslashreplace") if isinstance(body, str) else body or b""
        _send(_url(slug, step, query), data[-BODY_MAX:], timeout or _timeout())
    except Exception as problem:
        if raise_errors or (raise_errors is None and os.environ.get("HEARTBEAT_RAISE", "0") not in ("", "0")):
            raise
        what = kind if exit_status is None else f"exit status {exit_status}"
        cause = problem if isinstance(problem, PingError) else repr(problem)
        _warn(f"{what} of {_shown(str(slug))!r} was not delivered: {cause}")
        return False
    return True


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
    if url.startswith("s3://"):
        raise PingError("this version cannot write to s3://; set HEARTBEAT_URL to the server's http(s) address")
    if not url.startswith(("http://", "https://")) or not url.isascii() or set(url) & set(" ?#@"):
        raise PingError("the URL is not one to call; give it the form https://heartbeat.example.org")  # may hold a key
    return url.rstrip("/")


def _epoch(at: dt.datetime | float | None) -> str:
    if at is not None and not isinstance(at, int | float):
        if at.tzinfo is None:
            raise PingError(f"at={at} has no time zone; pass an aware datetime or epoch seconds")
        at = at.timestamp()
    return f"{time.time() if at is None else at:.3f}"


def _timeout() -> float:
    text = os.environ.get("HEARTBEAT_TIMEOUT") or str(TIMEOUT)
    if text.replace(".", "", 1).isdecimal() and float(text) > 0:
        return min(float(text), 3600.0)
    _warn(f"HEARTBEAT_TIMEOUT={text!r} is no number of seconds; taking {TIMEOUT:g}")
    return TIMEOUT


def _send(url: str, data: bytes, timeout: float) -> None:
    """In a thread that can be left behind: a socket's timeout bounds neither DNS nor an answer that drips."""
    import threading

    problems = [f"did not answer within {TRIES * timeout:g} s; is it up?"]
    thread = threading.Thread(target=lambda: problems.append(_try_often(url, data, timeout)), daemon=True)
    try:
        thread.start()
        thread.join(TRIES * timeout)
    except RuntimeError:  # no more threads: the interpreter is about to exit, or the machine is full
        thread.run()
    if problem := problems[-1]:
        raise PingError(f"{_shown(url)} {problem}")


def _try_often(url: str, data: bytes, timeout: float) -> str:
    ping_id = os.urandom(16).hex()  # the same for every try, so that the server knows a ping that it has already
    for tried in range(TRIES):
        problem, wait = _try(url, data, ping_id, timeout)
        if wait is None or tried == TRIES - 1:
            break
        jitter = 0.5 + os.urandom(1)[0] / 255  # the random module would roll the same in all forked workers
        time.sleep(min(wait, timeout) + timeout * BACKOFF * 2**tried * jitter)
    return problem


def _try(url: str, data: bytes, ping_id: str, timeout: float) -> tuple[str, float | None]:
    """What went wrong (nothing: ""), and the seconds that the server wants before the next try (None: do not try)."""
    from http.client import HTTPException
    from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

    headers = {"Heartbeat-Id": ping_id, "User-Agent": "heartbeat-python", "Content-Type": "text/plain; charset=utf-8"}
    request = Request(url, data, headers, method="POST")  # noqa: S310 - _checked has seen that it is http(s)
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


def _warn(text: str) -> None:
    import contextlib

    line = "".join(c if c.isprintable() else " " for c in text)
    with contextlib.suppress(AttributeError, OSError, ValueError):  # no stderr, or a closed one: nobody to tell
        sys.stderr.write(f"heartbeat: {line}\n")
