"""How a channel takes what it is sent: what every process on the same store must know of it.

Each channel has a document, read once in a pass that has something for it. Nothing is written for a channel that is
well and has no pace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct
from msgspec.structs import replace

from heartbeat.errors import TooBusy
from heartbeat.model import MINUTE, NEVER, SECOND, Change, Commit, Document
from heartbeat.verbs import documents
from heartbeat.verbs.illness import FADES, fall_ill, get_well, illnesses

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from heartbeat.model import Delivery
    from heartbeat.store.protocol import Store

KIND = "channel"
"""The beginning of the names of the documents and the illnesses."""
LIMIT = 1_000
STUCK = "deliver/stuck"
STUCK_AFTER = 1 * MINUTE
"""A delivery that nobody could claim for this long after its time is an illness."""
ILL_AFTER = 5 * MINUTE
"""A channel that takes nothing for this long is an illness of the service; one that refuses, at the second try."""
SLOW = 1 * SECOND
"""The pause between sends after a receiver has asked for fewer."""
SLOW_FOR = 10 * MINUTE
"""How long sends stay slow after the pause that it asked for."""


class Traffic(Struct, frozen=True, kw_only=True):
    """One channel. definition: the one for which the instants hold; version: of the document.

    until: leave it alone till then, as it asked; slow: till then it gets at most one message a second; free: when its
    pace lets the next send start; since: the first failure with no success after it, None while it takes what it is
    sent; ill: people have been told so.
    """

    name: str
    version: int = 0
    definition: str = ""
    until: int = 0
    slow: int = 0
    free: int = 0
    since: int | None = None
    ill: bool = False

    def of(self, definition: str) -> Traffic:
        """The same for this definition; a new receiver has not asked for anything yet."""
        if self.definition == definition:
            return self
        return replace(self, definition=definition, until=0, slow=0, free=0)

    def paused(self, until: int) -> Traffic:
        """Leave it alone till then: the receiver asked for it."""
        until = max(until, self.until)
        return replace(self, until=until, slow=until + SLOW_FOR)

    def pace(self, usual: int, now: int) -> int:
        """The pause from one send to the next."""
        return max(usual, SLOW) if now < self.slow else usual


def read(store: Store, name: str) -> Traffic:
    """What is known of the channel."""
    found = store.document(_named(name))
    value = cast("dict[str, Any]", found.value or {})
    return Traffic(name=name, version=found.version, **value)


def update(store: Store, known: Traffic, change: Callable[[Traffic], Traffic]) -> Traffic:
    """What is known after a change. known: as it was last read here; `change` is applied to what it has become.

    Raises TooBusy, StoreUnavailable.
    """
    for _ in range(documents.ATTEMPTS_MAX):  # not `edit`: a pass begins with what it has read
        after = change(known)
        if after == known:
            return known
        after = replace(after, version=known.version + 1)
        if store.commit([Change(documents=(_as_document(after),))]) == [Commit.STORED]:
            return after
        known = read(store, known.name)
    raise TooBusy(f"what is known of the channel {known.name} kept changing; the next pass notes it")


def ail(store: Store, known: Traffic, text: str, now: int, service: Sequence[str]) -> Traffic:
    """It takes nothing, and people must know: told to these channels, once."""
    # Written first, or nobody would know to say that it is over.
    known = update(store, known, lambda each: replace(each, ill=True))
    fall_ill(store, _named(known.name), text, now, service)
    return known


def recover(store: Store, known: Traffic, now: int, service: Sequence[str]) -> Traffic:
    """It takes messages again. Costs nothing if nobody was told that it did not."""
    if known.ill:
        get_well(store, _named(known.name), now, service)
    return update(store, known, lambda each: replace(each, since=None, ill=False))


def forget(store: Store, names: Collection[str], now: int, service: Sequence[str]) -> None:
    """A channel that is no longer one of these, and for which nothing waits, cannot be ill."""
    channels = [ill.name.partition("/")[2] for ill in illnesses(store) if ill.name.startswith(f"{KIND}/")]
    for name in channels:
        waiting = name in names or any(row.channel == name for row in store.outbox(NEVER - 1, LIMIT))
        if not waiting:
            recover(store, replace(read(store, name), ill=True), now, service)


def unclaimed(store: Store, rows: Sequence[Delivery], now: int, service: Sequence[str]) -> None:
    """Claims were refused. Usually somebody else was faster; if nobody has moved the row, it is not a race."""
    for row in rows:
        if now - row.next_at >= STUCK_AFTER and row in store.deliveries(row.alert.incident):
            text = f"an alert cannot be claimed, so nobody sends it: {row.id}; it is tried again and again. Report it"
            fall_ill(store, STUCK, text, now, service, fades=FADES)


def _named(channel: str) -> str:
    return f"{KIND}/{channel}"


def _as_document(known: Traffic) -> Document:
    kept = ("definition", "until", "slow", "free", "since", "ill")
    value = {key: getattr(known, key) for key in kept}
    return Document(name=_named(known.name), version=known.version, value=value)
