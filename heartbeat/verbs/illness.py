"""The service's own illnesses: what does not pass by itself is told once, and shown until it is over.

A lost race is decided again, and nobody need know. What is lost again and again is not a race: a row that no sweep can
judge, a delivery that nobody can claim, a channel that takes nothing, a jobs file that cannot be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from heartbeat.core.addressing import address
from heartbeat.core.alerts import illness_alert
from heartbeat.model import MINUTE, Alert, Change, Event, Illness
from heartbeat.text.sanitize import sound
from heartbeat.verbs import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heartbeat.model import Document
    from heartbeat.store.protocol import Store

    Known = dict[str, Illness]
    Renew = Callable[[Known], tuple[Known, list[Alert]] | None]
    """What ailed the service -> what ails it now, and what is told of it; None: there is nothing to write."""

ILLNESSES = "illnesses"
"""The document that holds them."""
REFRESH = MINUTE
"""A lasting illness is written down again no more often than this."""
FADES = 10 * MINUTE
"""For an illness that shows only by its attacks: without one for this long, it is over."""


def illnesses(store: Store) -> tuple[Illness, ...]:
    """What ails the service now, by name."""
    return tuple(_read(store.document(ILLNESSES)).values())


def fall_ill(  # noqa: PLR0913, PLR0917 - the last has a default
    store: Store, name: str, text: str, now: int, service: Sequence[str] | None, fades: int = 0
) -> None:
    """The service has the illness `name` (short and stable, such as "sweep/stuck"); told to these channels when new.

    service: None where no channels are known; the next `review` tells it. Raises TooBusy, StoreUnavailable.
    """
    text = sound(text)

    def renew(known: Known) -> tuple[Known, list[Alert]] | None:
        old = known.get(name)
        if old is not None and now < old.last + REFRESH and old.text == text:
            return None
        base = old or Illness(name=name, text=text, since=now, last=now, count=0, fades=fades)
        new = replace(base, text=text, last=now, count=base.count + 1, told=base.told or service is not None)
        return known | {name: new}, [illness_alert(new, Event.ILL, now)] if new.told and not base.told else []

    _edit(store, renew, service, now)


def get_well(store: Store, name: str, now: int, service: Sequence[str]) -> None:
    """The illness is over, and people are told if there was one. Raises TooBusy, StoreUnavailable."""
    _edit(store, lambda known: _without(known, [name], now), service, now)


def review(store: Store, now: int, service: Sequence[str]) -> tuple[Illness, ...]:
    """What ails the service now, after telling what was noticed by those who know no channels."""
    known = illnesses(store)
    faded = [each.name for each in known if each.fades and now > each.last + each.fades]
    if faded:
        _edit(store, lambda known: _without(known, faded, now), service, now)
    for each in known:
        if not each.told and each.name not in faded:
            fall_ill(store, each.name, each.text, max(now, each.last + REFRESH), service)
    return tuple(each for each in known if each.name not in faded)


def _without(known: Known, names: Sequence[str], now: int) -> tuple[Known, list[Alert]] | None:
    over = [known[name] for name in names if name in known]
    if not over:
        return None
    rest = {name: each for name, each in known.items() if name not in names}
    return rest, [illness_alert(each, Event.WELL, now) for each in over if each.told]


def _edit(store: Store, renew: Renew, service: Sequence[str] | None, now: int) -> None:
    def change(before: Document) -> Change | None:
        renewed = renew(_read(before))
        if renewed is None:
            return None
        known, told = renewed
        value = {e.name: [e.text, e.since, e.last, e.count, e.told, e.fades] for e in known.values()}
        return address(Change(documents=(documents.following(before, value),), alerts=tuple(told)), service or (), now)

    documents.decide(store, ILLNESSES, change, "the list of illnesses kept changing; the next look notes it again")


def _read(document: Document) -> Known:
    value = cast("dict[str, Any]", document.value or {})
    return {
        name: Illness(name=name, text=text, since=since, last=last, count=count, told=told, fades=fades)
        for name, (text, since, last, count, told, fades) in sorted(value.items())
    }
