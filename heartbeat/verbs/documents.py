"""The service's small documents: read, decided anew, set; again when somebody else was faster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heartbeat.errors import TooBusy
from heartbeat.model import Change, Commit, Document

if TYPE_CHECKING:
    from collections.abc import Callable

    from heartbeat.store.protocol import Store

ATTEMPTS_MAX = 20


def edit(store: Store, name: str, renew: Callable[[Any], object], busy: str) -> None:
    """Set the document to what `renew` makes of its value (None: never written).

    Raises TooBusy, with `busy` as its words, and whatever `renew` raises.
    """
    decide(store, name, lambda before: Change(documents=(following(before, renew(before.value)),)), busy)


def decide(store: Store, name: str, change: Callable[[Document], Change | None], busy: str) -> None:
    """The same with all that the new document is committed with; None: nothing is to be written."""
    for _ in range(ATTEMPTS_MAX):
        decided = change(store.document(name))
        if decided is None or store.commit([decided]) == [Commit.STORED]:
            return
    raise TooBusy(busy)


def keep(store: Store, before: Document, value: object) -> Document | None:
    """One attempt, for a claim and for what can wait: the document as it is now, None when somebody else was faster."""
    after = following(before, value)
    return after if store.commit([Change(documents=(after,))]) == [Commit.STORED] else None


def following(before: Document, value: object) -> Document:
    """The document's next version."""
    return Document(name=before.name, version=before.version + 1, value=value)
