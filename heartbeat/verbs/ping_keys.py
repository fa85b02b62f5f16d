"""The ping keys that a service keeps itself: the newest, and for a while after a rotation those before it.

The newest stands alone in its document: an older version, and the stack's output `ShowPingKey`, look for it there.
Those before it are in another one, each with its end; a rotation writes both in one commit.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from heartbeat.errors import NotNow
from heartbeat.model import Change
from heartbeat.verbs import documents

if TYPE_CHECKING:
    from heartbeat.model import Document
    from heartbeat.store.protocol import Store

NEWEST = "ping-key"
REST = "ping-keys"
"""Document: `before`, and `given`, which is how many keys the service takes from its environment instead of these."""
BEFORE_MAX = 5
"""Old keys that may be valid at once."""


class OldKey(Struct, frozen=True, kw_only=True):
    """until: milliseconds since the epoch, from which on it opens nothing."""

    key: str
    until: int


class PingKeys(Struct, frozen=True, kw_only=True):
    """newest: "" if none was made yet; given: how many the service takes from its environment instead."""

    newest: str
    before: tuple[OldKey, ...] = ()
    given: int = 0

    @property
    def valid(self) -> tuple[str, ...]:
        """All that open something, the newest first."""
        return (self.newest, *(old.key for old in self.before)) if self.newest else ()

    @property
    def next_end(self) -> int | None:
        """When the next of them ends."""
        return min((old.until for old in self.before), default=None)


def read(store: Store, now: int) -> PingKeys:
    """What is kept; keys whose time is over are not among it."""
    rest = store.document(REST)
    return PingKeys(newest=_text(store.document(NEWEST)), before=_before(rest, now), given=_given(rest))


def first(store: Store) -> tuple[str, bool]:
    """The newest key, made when there is none yet; and whether it was made now."""
    found = store.document(NEWEST)
    if found.value is not None:
        return str(found.value), False
    fresh = documents.keep(store, found, _new_key()) is not None
    return str(store.document(NEWEST).value), fresh


def rotate(store: Store, now: int, keep: int) -> PingKeys:
    """Make a key. The one before it, and those before that, stay valid for at most `keep` more milliseconds.

    Raises NotNow where the service takes the keys of its environment, TooBusy.
    """
    if given := read(store, now).given:
        raise NotNow(
            f"the service takes {given} key{'s' * (given > 1)} from its environment: write a new one in front of "
            "HEARTBEAT_PING_KEY there (PingKey of a stack), with a comma, and restart it; take the old one out later"
        )
    fresh = _new_key()

    def renewed(newest: Document) -> Change:
        rest = store.document(REST)
        known = [*_before(rest, now)]
        if newest.value is not None:
            known.insert(0, OldKey(key=_text(newest), until=now + keep))
        ends = [(old.key, min(old.until, now + keep)) for old in known[:BEFORE_MAX]]
        left = [{"key": key, "until": until} for key, until in ends if until > now]
        return Change(documents=(documents.following(newest, fresh), documents.following(rest, {"before": left})))

    documents.decide(store, NEWEST, renewed, "the ping key kept changing; try again")
    return read(store, now)


def note_given(store: Store, count: int) -> None:
    """Remember how many keys the environment gives, for those who would rotate one that nobody takes."""
    found = store.document(REST)
    if _given(found) != count:
        documents.keep(store, found, {**_rest(found), "given": count})


def _text(found: Document) -> str:
    return "" if found.value is None else str(found.value)


def _rest(found: Document) -> dict[str, Any]:
    return cast("dict[str, Any]", found.value or {})


def _given(rest: Document) -> int:
    return int(_rest(rest).get("given", 0))


def _before(rest: Document, now: int) -> tuple[OldKey, ...]:
    kept = _rest(rest).get("before", ())
    return tuple(OldKey(key=each["key"], until=each["until"]) for each in kept if each["until"] > now)


def _new_key() -> str:
    import secrets  # noqa: PLC0415 - once in the life of a store; a cold start need not pay for it

    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(22))
