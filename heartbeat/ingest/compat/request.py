"""What the readers for other services share: a request, what it says, and the answer."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID, uuid5

from msgspec.structs import replace

from heartbeat.ingest.ping import DURATION_MAX, NOT_FOUND, Ping, Refusal
from heartbeat.model import BODY_MAX, SECOND, Kind, Signal
from heartbeat.text.sanitize import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NAME_MAX = 100
WORD_MAX = 1_000
"""Characters of a value that we look at."""
EXIT_STATUS_MAX = 255
_RUNS = UUID("5f0b6bd2-0b0e-4a9b-9e43-7a4d7c1e0a10")
"""Namespace of run ids made from another service's name for a run."""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_SAME = frozenset({"", "production", "prod", "none"})
"""Environments that do not make it another job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompatRequest:
    """parts: of the path below the service's own, decoded; query: options from the URL, then from a form.

    headers: by lower-case name; received: milliseconds.
    """

    parts: tuple[str, ...]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    received: int

    def option(self, *names: str) -> str:
        """The first of these options that has a value, or ""."""
        return next((values[-1] for name in names if (values := self.query.get(name)) and values[-1]), "")

    def signal(self, slug: str, kind: Kind, body: str) -> Signal:
        """A signal that came now. body: cut to what is kept."""
        return Signal(slug=slug, kind=kind, at=self.received, received=self.received, body=cut(body, BODY_MAX))

    @property
    def text(self) -> str:
        """The body."""
        return self.body[:BODY_MAX].decode("utf-8", "replace")

    @property
    def note(self) -> str:
        """The body, unless it holds the options."""
        return "" if is_form(self.headers) else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class CompatPings:
    """What a request says. remark: added to the answer when a job is unknown."""

    pings: tuple[Ping, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A request of which only the key has been read: we do nothing expensive for anybody without one.

    key: must be a ping key, or None if the request names its job by uuid; told: reads the rest.
    """

    key: str | None
    told: Callable[[], CompatPings | Refusal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """An answer."""

    status: int
    text: str
    json: bool = False


class Service(Protocol):
    """One module of this package."""

    WRONG_KEY: int
    """The HTTP status for a wrong key."""

    def read(self, request: CompatRequest) -> Sealed | Refusal:
        """What a request says, once its key has been checked, or why it says nothing."""

    def done(self, request: CompatRequest) -> Words:
        """The answer when everything was recorded."""

    def refused(self, status: int, text: str) -> Words:
        """The answer when it was not."""


def is_form(headers: Mapping[str, str]) -> bool:
    """Whether a body holds options, as `curl -d` sends them."""
    return headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded")


def plain(status: int, text: str) -> Words:
    """A refusal for services without a format of their own."""
    return Words(status=status, text=text)


def by_token(token: str, signal: Signal) -> Sealed | Refusal:
    """Other services put a token into a job's URL; here it is the job's uuid, or `<ping key>.<slug>`."""
    if _UUID.fullmatch(token):
        return _sealed(None, Ping(signal=signal, uuid=token.lower()))
    key, _, slug = token.rpartition(".")
    return by_key(key, slug_of(slug), signal)


def by_key(key: str, slug: str, signal: Signal) -> Sealed | Refusal:
    """A ping key and a name, separately."""
    if not key or not slug:
        return NOT_FOUND
    return _sealed(key, Ping(signal=replace(signal, slug=slug)))


def _sealed(key: str | None, ping: Ping) -> Sealed:
    return Sealed(key=key, told=lambda: CompatPings(pings=(ping,)))


def word(value: object) -> str:
    """A value that should be a text or a number; "" if it is neither."""
    return str(value)[:WORD_MAX] if isinstance(value, str | int | float) else ""


def slug_of(name: str, environment: str = "") -> str:
    """Another service's name for a job as one of ours: `Nightly Backup` becomes nightly-backup.

    There an environment other than production is another job, so it is here: `nightly-backup-staging`.
    """
    full = name if environment.lower() in _SAME else f"{name}-{environment}"
    return re.sub(r"[^-_a-z0-9]+", "-", full[:WORD_MAX].lower()).strip("-")[:NAME_MAX]


def run_of(slug: str, name: str) -> str:
    """The run id for what another service calls a run; "" for ""."""
    return str(uuid5(_RUNS, f"{slug}/{name}")) if name else ""


def number(text: object) -> float | None:
    """A finite number, or None."""
    try:
        value = float(word(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def exit_status(text: str) -> int | None:
    """0 to 255, or None."""
    digits = text if text.isascii() and text.isdecimal() else ""
    return int(digits) if digits and len(digits) < NAME_MAX and int(digits) <= EXIT_STATUS_MAX else None


def milliseconds(seconds: object) -> int | None:
    """A duration, or None if it is not one."""
    value = number(seconds)
    return round(value * SECOND) if value is not None and 0 <= value <= DURATION_MAX else None
