"""Management keys: who may look, and who may act. Kept as hashes in a document; shown once, when they are made.

A plain SHA-256 is enough: a key is 160 random bits, which nobody finds by trying, however fast the hash is.
"""

from __future__ import annotations

import hmac
import re
import secrets
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from heartbeat.errors import BadSetting, NotNow
from heartbeat.verbs import documents

if TYPE_CHECKING:
    from heartbeat.store.protocol import Store

KEYS = "management-keys"
"""Document: for each name the hash, the rights, and when the key was made."""
KEYS_MAX = 100
BUSY = "the keys kept changing; try again"
PREFIX = "hbm_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 @._-]{0,99}")


class Rights(StrEnum):
    """What a key opens."""

    READ = "read"
    WRITE = "write"


class Holder(Struct, frozen=True, kw_only=True):
    """Whose key it is, and what it opens. created: milliseconds since the epoch."""

    name: str
    rights: Rights
    created: int


def add(store: Store, name: str, rights: Rights, now: int) -> str:
    """Make a key and answer it, this once only. Raises BadSetting, NotNow (the name is taken), TooBusy."""
    if not _NAME.fullmatch(name):
        raise BadSetting(f"{name!r} is no name for a key; write up to 100 letters, digits, spaces, @ . _ and -")
    token = PREFIX + secrets.token_urlsafe(20)

    def with_it(value: object) -> object:
        kept = _kept(value)
        if name in kept:
            raise NotNow(f"there is a key of the name {name!r} already; remove it first, or choose another name")
        if len(kept) >= KEYS_MAX:
            raise NotNow(f"there are {KEYS_MAX} keys already; remove one first")
        return kept | {name: {"hash": _hash(token), "rights": str(rights), "created": now}}

    documents.edit(store, KEYS, with_it, BUSY)
    return token


def remove(store: Store, name: str) -> None:
    """Take a key away. Raises NotNow when there is none of that name, TooBusy."""

    def without_it(value: object) -> object:
        kept = _kept(value)
        if name not in kept:
            raise NotNow(f"there is no key of the name {name!r}; `heartbeat key list` shows them")
        return {other: key for other, key in kept.items() if other != name}

    documents.edit(store, KEYS, without_it, BUSY)


def holders(store: Store) -> list[Holder]:
    """Everybody who has a key, by name."""
    kept = _kept(store.document(KEYS).value)
    return [_holder(name, kept[name]) for name in sorted(kept)]


def holder(store: Store, token: str) -> Holder | None:
    """Whose key this is; None when it is nobody's."""
    given = _hash(token)
    found = None
    # Every key is compared, so the time that it takes tells nothing.
    for name, value in _kept(store.document(KEYS).value).items():
        if hmac.compare_digest(given, str(value["hash"])):
            found = _holder(name, value)
    return found


def _kept(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value or {})


def _holder(name: str, value: dict[str, Any]) -> Holder:
    return Holder(name=name, rights=Rights(value["rights"]), created=value["created"])


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()
