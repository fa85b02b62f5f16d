"""The service's own illnesses: what does not pass by itself, told once, shown until it is over.

A lost race is decided again and nobody need know. What is lost again and again is no race: a row that no sweep can
judge, a delivery that nobody can claim, a channel that takes nothing, a jobs file that cannot be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from heartbeat.alerts import illness_alert
from heartbeat.clean import sound
from heartbeat.errors import TooBusy
from heartbeat.model import MINUTE, Change, Commit, Document, Event, Illness
from heartbeat.outbox import address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.model import Alert
    from heartbeat.store.protocol import Store

ILLNESSES = "illnesses"
"""The document that holds them."""
REFRESH = MINUTE
"""An illness that goes on is written down again no more often than this."""
ATTEMPTS_MAX = 20


def illnesses(store: Store) -> tuple[Illness, ...]:
    """What ails the service now, by name."""
    return _read(store.document(ILLNESSES))


def fall_ill(store: Store, name: str, text: str, now: int, service: Sequence[str]) -> None:
    """The service is ill in the way `name` (short and stable, such as "sweep/stuck"): told to these channels when new.

    Raises TooBusy, StoreUnavailable.
    """
    text = sound(text)
    for _ in range(ATTEMPTS_MAX):
        before = store.document(ILLNESSES)
        known = {each.name: each for each in _read(before)}
        old = known.get(name)
        if old is not None and now < old.last + REFRESH and old.text == text:
            return
        since, count = (old.since, old.count + 1) if old else (now, 1)
        new = Illness(name=name, text=text, since=since, last=now, count=count)
        told = [] if old else [illness_alert(new, Event.ILL, now)]
        if _keep(store, before, known | {name: new}, told, service, now):
            return
    raise TooBusy("the list of illnesses kept changing; the next look notes it again")


def get_well(store: Store, name: str, now: int, service: Sequence[str]) -> None:
    """That illness is over: told when there was one. Raises TooBusy, StoreUnavailable."""
    for _ in range(ATTEMPTS_MAX):
        before = store.document(ILLNESSES)
        known = {each.name: each for each in _read(before)}
        over = known.pop(name, None)
        if over is None:
            return
        if _keep(store, before, known, [illness_alert(over, Event.WELL, now)], service, now):
            return
    raise TooBusy("the list of illnesses kept changing; the next look notes it again")


def _keep(  # noqa: PLR0913, PLR0917 - one document, and what is told with it
    store: Store, before: Document, known: dict[str, Illness], told: list[Alert], service: Sequence[str], now: int
) -> bool:
    value = {each.name: [each.text, each.since, each.last, each.count] for each in known.values()}
    after = Document(name=ILLNESSES, version=before.version + 1, value=value)
    change = address(Change(documents=(after,), alerts=tuple(told)), service, now)
    return store.commit([change]) == [Commit.STORED]


def _read(document: Document) -> tuple[Illness, ...]:
    value = cast("dict[str, Any]", document.value or {})
    found = [
        Illness(name=name, text=text, since=since, last=last, count=count)
        for name, (text, since, last, count) in value.items()
    ]
    return tuple(sorted(found, key=lambda each: each.name))
