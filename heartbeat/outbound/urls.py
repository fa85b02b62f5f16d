"""What the URL and the headers of a request must look like. No network, and no message shows a value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from heartbeat.errors import BadSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def flaw(url: str) -> str:
    """What is wrong with a URL to call, phrased to follow the setting's name; "" for nothing."""
    parts = _parts(url)
    if parts is None or not url.isascii() or not url.isprintable() or " " in url:
        return "must be an http or https URL with a host, such as https://example.com/hook"
    if "@" in parts.netloc:
        return "must not hold a user or password; give a header such as Authorization"
    return ""


def header_flaw(headers: Mapping[str, str]) -> str:
    """The same for headers, phrased to follow the header's name."""
    for name, value in headers.items():
        if not _HEADER.fullmatch(name):
            return "is not a valid header name; write letters, digits and -"
        if not value.isascii() or not value.isprintable():
            return "must have a value of printable ASCII on one line"
    return ""


def check_url(key: str, url: str) -> None:
    """Raises BadSetting for what is no URL that may be called."""
    if problem := flaw(url):
        raise BadSetting(f"{key} {problem}")


def host_of(url: str) -> tuple[str, int]:
    """Host and port of a flawless URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if good else None
