"""The other side may echo what we sent: a token, a path, a header. We show and keep its words without them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from heartbeat.secrets import REFERENCE

SHORTEST = 6
"""Characters. Anything shorter is not a secret, and would turn up in every other word."""
PIECE = 4
"""Characters of a secret that still count as one at the end of a text that was cut."""
TOKEN = 16
"""Minimum length for part of a path to count as a token, where the URL as a whole is not secret."""
CREDENTIALS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
SHOWN = "…"
_SECRET = re.compile(r"token|secret|passw|credential|auth|cookie|key|headers", re.IGNORECASE)
_HOST = re.compile(r"https?://(?:\$\{[^}]*\}|[^/?#$])*")
_QUERY = re.compile(r"([?&][^=&]*=)[^&\0]+")
_LONG = re.compile(rf"[\w-]{{{TOKEN},}}")
_PUBLIC = re.compile(r"\.(content-type|accept)$", re.IGNORECASE)


def veiled(text: str, secrets: Iterable[str]) -> str:
    """The text with `…` for every secret, also as URLs, JSON and forms encode it, and for one cut off at the end."""
    for secret in sorted({form for each in secrets for form in _forms(each)}, key=len, reverse=True):
        text = text.replace(secret, SHOWN)
        cut = next((size for size in range(len(secret) - 1, PIECE - 1, -1) if text.endswith(secret[:size])), 0)
        text = text[: len(text) - cut] + SHOWN if cut else text
    return text


def secrets_of(settings: Mapping[str, object], resolve: Callable[[str], str]) -> frozenset[str]:
    """What is secret in a target's settings: resolved references, tokens, headers, and tokens and queries in URLs."""
    found = (part for name, value in _leaves(settings) for part in _parts(name, value, resolve))
    return frozenset(part for part in found if len(part) >= SHORTEST)


def credentials(environ: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Our AWS credentials, if they are in the environment. AWS repeats the token when a signature is wrong."""
    return frozenset(environ[name] for name in CREDENTIALS if environ.get(name))


def secrets_of_url(url: str, shortest: int = SHORTEST) -> frozenset[str]:
    """The parts of a URL's path that are long enough, and the values of its query."""
    try:
        parts = urlsplit(url)
    except ValueError:  # not a URL, so never called
        return frozenset()
    steps = {step for step in parts.path.split("/") if len(step) >= shortest}
    return frozenset({*steps, *(value for _, value in parse_qsl(parts.query)), parts.query} - {""})


def masked(name: str, value: object) -> object:
    """A setting as it may be shown: a secret in plain text becomes `…`, a reference stays as it is."""
    if isinstance(value, Mapping):
        return {key: masked(f"{name}.{key}", below) for key, below in value.items()}
    if not isinstance(value, str):
        return value
    refers = bool(REFERENCE.search(value))
    if _is_secret(name) and not refers:
        return SHOWN
    return _hidden(value) if refers or _is_url(value) else value


def _hidden(value: str) -> str:
    """A value with references, or a URL: without long words other than the host, and without query values."""
    begin = _HOST.match(value)
    host = begin[0] if begin else ""
    rest = value.removeprefix(host)
    references = [found[0] for found in REFERENCE.finditer(rest)]
    rest = REFERENCE.sub("\0", rest)
    shown = host + _LONG.sub(SHOWN, _QUERY.sub(rf"\1{SHOWN}", rest))
    for reference in references:
        shown = shown.replace("\0", reference, 1)
    return shown


def _is_secret(name: str) -> bool:
    return bool(_SECRET.search(name)) and not _PUBLIC.search(name)


def _is_url(value: str) -> bool:
    return value.startswith(("http://", "https://"))


def _leaves(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _leaves(below, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for below in value:
            yield from _leaves(below, name)
    elif isinstance(value, str):
        yield name, value


def _parts(name: str, value: str, resolve: Callable[[str], str]) -> Iterator[str]:
    known = [resolve(reference[0]) for reference in REFERENCE.finditer(value)]
    whole = resolve(value)
    for secret in [*known, *([whole] if _is_secret(name) else [])]:
        yield from (secret, secret.rpartition(" ")[2])  # `Bearer …`
    for url in filter(_is_url, [*known, whole]):
        yield from secrets_of_url(url, TOKEN)


def _forms(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), unquote(secret))
    yield json.dumps(secret)[1:-1]
