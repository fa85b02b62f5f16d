"""What a store holds before and after a request, and whether the request may have done that.

It knows none of our readers.
"""

import gzip
import re
import zlib
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from fuzz.routes import DOCUMENTED, ELSEWHERE, UNREADABLE, Names

MANY = 10_000
DASHED = re.compile(rb"[^-_a-z0-9\n]+")


@dataclass(frozen=True)
class Page:
    """The signals of the jobs that are watched, and the names of all there are."""

    signals: dict[str, int]
    jobs: frozenset[str]


class Ledger:
    """store: read beside the one who writes it."""

    def __init__(self, store, names: Names) -> None:
        self.store, self.names = store, names
        self.page = self.read()

    def read(self) -> Page:
        loaded = self.store.load(list(self.names.slugs))
        signals = {slug: loaded[slug].state.signals for slug in self.names.slugs}
        return Page(signals, frozenset(self.store.names("", MANY)))

    def wrong(self, raw: bytes, statuses: list[int]) -> list[str]:
        """What the request did and must not have done; raw: all of it; statuses: how it was answered."""
        before, self.page = self.page, self.read()
        said, taken = texts(raw), sum(status // 100 == 2 for status in statuses)
        may = max(said.count(b"check_in"), 1) * taken
        found = []
        for slug, uuid in zip(self.names.slugs, self.names.uuids, strict=True):
            more = self.page.signals[slug] - before.signals[slug]
            # docs/migrating.md: of a name, what is neither letter nor digit becomes a dash
            named = uuid.encode() in said or (
                slug.encode() in DASHED.sub(b"-", said) and self.names.key.encode() in said
            )
            if more > (may if named else 0):
                found.append(f"{more} signals of {slug} recorded, {taken} taken, named with a key: {named}")
        found += [f"{slug} was made" for slug in self.page.jobs - before.jobs if not (taken and b"create" in said)]
        return found + [f"{slug} is gone" for slug in before.jobs - self.page.jobs]


def documented(first: str, status: int) -> bool:
    """Whether a route (by the first part of its path) may answer so."""
    return status in DOCUMENTED.get(first, ELSEWHERE) | UNREADABLE


def texts(raw: bytes) -> bytes:
    """All that a request may be understood to say: as it is, %-decoded, unpacked."""
    head, _, body = raw.partition(b"\r\n\r\n")
    unpacked = b""
    at = raw.find(b"\x1f\x8b")
    if at >= 0:
        try:
            unpacked = zlib.decompressobj(31).decompress(raw[at:], 100_000)
        except (zlib.error, gzip.BadGzipFile):
            unpacked = b""
    return b"\n".join((raw, unquote_to_bytes(head.replace(b"+", b" ")), body, unpacked)).lower()
