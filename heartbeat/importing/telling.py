"""Commands that already report: through Heartbeat's own command, or by fetching a ping URL."""

from __future__ import annotations

import re
from dataclasses import dataclass

from heartbeat.config.values import SLUG, UUID

_OWN = re.compile(
    r"(?:^|[\s;&|(/'\"])heartbeat(?:(?:\.py)?['\"]?\s+(?:exec|ping)|\.sh['\"]?\s+(?:run|ping|start|success|fail|log))"
    r"\s+(?P<rest>.*)",
    re.DOTALL,
)
_FETCH = re.compile(r"(?:^|[\s;&|(/'\"`])(?:curl|wget)\s", re.DOTALL)
_URL = re.compile(r"https?://[^\s'\"|;&<>()`]+")
_PINGS = re.compile(
    r"https?://(?P<host>[^/\s]+)(?:/.*)?(?:"
    r"(?<=hc-ping\.com)/.+|(?<=nosnch\.in)/.+|(?<=cronitor\.link)/.+|(?<=cronitor\.io)/.+"
    r"|/ping/.+|/hc/.+|/snitch/.+|/api/push/.+|/api/v[0-9]+/heartbeat/.+|/v2/heartbeats/.+"
    r"|/api/[0-9]+/cron/.+|/p/[^/]+/.+)"
)
_BY_SLUG = re.compile(
    rf"(?:hc-ping\.com|/ping|/hc)/[^/]+/(?P<slug>{SLUG})(?:/(?:start|fail|log|[0-9]{{1,3}}))?/?(?:\?.*)?$"
)
_UUID = re.compile(UUID)
_VALUED = frozenset(
    {"--run-id", "--rid", "--for", "--timeout", "--lock", "--body", "--exit-status", "--every-slot-once"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Whom a command reports to. slug: the job's name there, empty if unreadable; host: another service's."""

    slug: str
    host: str = ""


def telling(command: str) -> Telling | None:
    """Whom the command already reports to; None for nobody."""
    if own := _OWN.search(command):
        return Telling(slug=_slug(own["rest"]))
    if not _FETCH.search(command):
        return None
    for url in _URL.findall(command):
        if found := _PINGS.match(url):
            named = _BY_SLUG.search(url)
            plain = named and not _UUID.fullmatch(named["slug"])
            return Telling(slug=named["slug"] if named and plain else "", host=found["host"].rpartition("@")[2])
    return None


def _slug(rest: str) -> str:
    """The first word that is neither an option nor an option's value."""
    words = rest.split()
    place = 0
    while place < len(words):
        word = words[place].strip("'\"")
        if word.startswith("-"):
            place += 2 if word in _VALUED else 1
            continue
        return word if re.fullmatch(SLUG, word) and not _UUID.fullmatch(word) else ""
    return ""
