"""The one way out for HTTP: alerts to webhooks and Slack, starts of runs, our own heartbeat to whoever watches us.

What it never does: follow a redirect (a 30x is the answer), take a proxy from the environment, connect to an address
that was not checked (`outbound.addresses`), read more of an answer than asked for, or take longer than it was given.
One deadline covers everything from the name look-up to the last byte of the answer, so a receiver cannot hold us with
a byte now and then:

    name ── connect ── TLS ── request ── status, headers ── as much of the body as is wanted
    └──────────────── SendFailed: nothing was sent ──┘└─ SendFailed(sent=True): nobody can know ─┘

Where requests may arrive twice, a thread keeps its connection for the next one, to the address that was checked. If the
other side hung up in between, without a word, the request goes out again on a new connection (RFC 9112, 9.3.1).
"""

from __future__ import annotations

import io
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from heartbeat.errors import SendFailed
from heartbeat.outbound.addresses import Deadline, Guard, is_quiet
from heartbeat.outbound.urls import flaw, header_flaw, host_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from _typeshed import WriteableBuffer

REDIRECTS = range(300, 400)
"""RFC 9110: redirection."""
NOT_NOW = frozenset({408, 425, 429})
"""RFC 9110, 8470, 6585: the receiver did nothing with the request, and takes it later."""
REST_MAX, REST_WAIT = 4_096, 0.05
"""Bytes of an answer's rest that are read, and seconds waited for them, so that the connection can be kept."""
NOT_FOLLOWED = "redirects are not followed, give the final URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What is sent. None of it is ever shown: any part may be secret."""

    url: str = field(repr=False)
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What came back. headers: by lower-case name; body: no more of it than was asked for."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def taken(self) -> bool:
        """2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - RFC 9110: successful

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        return self.body.decode("utf-8", "replace")


class Sender:
    """Sends requests. Thread-safe.

    seconds: for one whole request; limit: bytes of an answer's body to read, 0: the status is the answer; keep: use a
    connection again, for requests with an idempotency key.
    """

    def __init__(
        self,
        guard: Guard | None = None,
        *,
        seconds: float,
        limit: int = 0,
        keep: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._guard, self._seconds, self._limit, self._clock = guard or Guard(), seconds, limit, clock
        self._keep, self._thread = keep, threading.local()

    def send(self, request: HttpRequest, sent: Callable[[], None] = lambda: None) -> HttpAnswer:
        """The answer, whatever its status. sent: called once the request is out. Raises SendFailed."""
        if flaw(request.url) or header_flaw(request.headers):
            raise SendFailed("the URL or a header cannot be sent", refused=True)
        (host, port), secure = host_of(request.url), urlsplit(request.url).scheme == "https"
        place = f"{host}:{port}"
        until = Deadline(self._clock() + self._seconds, self._clock)
        kept: _Kept | None = self._thread.__dict__.pop("kept", None)
        if kept is not None and kept.place == (place, secure) and is_quiet(kept.wire):
            with suppress(_HungUpError):
                return self._exchange(kept, until, request, sent)
        fresh = _Kept((place, secure), self._guard.connect(host, port, secure=secure, until=until))
        return self._exchange(fresh, until, request, sent)

    def _exchange(self, kept: _Kept, until: Deadline, request: HttpRequest, sent: Callable[[], None]) -> HttpAnswer:
        wire = _Wire(kept.wire, until)
        try:
            answer = self._speak(wire, request, sent)
        except TimeoutError:
            problem = f"no complete answer within {self._seconds:g} s"
        except (OSError, ValueError, HTTPException) as error:
            problem = type(error).__name__  # its text may repeat what was sent
            if kept.used and not wire.heard and isinstance(error, ConnectionError):
                raise _HungUpError from None
        else:
            if wire.is_free:
                kept.used, self._thread.kept = True, kept
            return answer
        finally:
            if not wire.is_free:
                kept.wire.close()
        raise SendFailed(f"{kept.place[0]} did not answer ({problem})", sent=True)

    def _speak(self, wire: _Wire, request: HttpRequest, sent: Callable[[], None]) -> HttpAnswer:
        url = urlsplit(request.url)
        connection = HTTPConnection(url.hostname or "")
        connection.sock = wire
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = {"Host": url.netloc} | {name.title(): value for name, value in request.headers.items()}
        headers |= {} if self._keep else {"Connection": "close"}
        connection.request(request.method, path, request.body or None, headers)
        sent()
        with connection.getresponse() as answer:
            found = HttpAnswer(
                status=answer.status,
                reason=answer.reason,
                headers={name.lower(): value for name, value in answer.getheaders()},
                body=answer.read(self._limit) if self._limit else b"",
            )
            length = REST_MAX + 1 if answer.will_close or answer.length is None else answer.length
            if self._keep and found.taken and length <= REST_MAX:
                wire.until = Deadline(self._clock() + REST_WAIT, self._clock)
                with suppress(OSError, HTTPException):
                    answer.read()
                    wire.is_free = True
            return found


class _HungUpError(Exception):
    """The other side closed a connection that was kept, before it said a word."""


class _Kept:
    """A connection, and where it leads. It ends with the thread that has it."""

    def __init__(self, place: tuple[str, bool], wire: socket.socket) -> None:
        self.place, self.wire, self.used = place, wire, False

    def __del__(self) -> None:
        self.wire.close()


class _Wire:
    """What http.client needs from a socket, on one already connected. No wait outlasts the deadline."""

    def __init__(self, wire: socket.socket, until: Deadline) -> None:
        self._wire, self.until = wire, until
        self.heard = self.is_free = False

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self._wire.settimeout(self.until.left())
            rest = rest[self._wire.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_AnswerReader(self))

    def receive(self, buffer: WriteableBuffer) -> int:
        self._wire.settimeout(self.until.left())
        count = self._wire.recv_into(buffer)
        self.heard |= count > 0
        return count

    def close(self) -> None:
        """Does nothing: whoever connected it closes it."""


class _AnswerReader(io.RawIOBase):
    def __init__(self, wire: _Wire) -> None:
        super().__init__()
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        return self._wire.receive(buffer)
