"""The service's own small records, kept as documents: silences, the clock's book, and which alerts died."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct
from msgspec.structs import asdict

from heartbeat.core.blind import LONG, Blind
from heartbeat.errors import TooBusy
from heartbeat.model import Document, Mark, Noun, Silence
from heartbeat.verbs import documents
from heartbeat.verbs.stuck import Stuck

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from heartbeat.model import Delivery
    from heartbeat.store.protocol import Store

SILENCES = "silences"
CLOCK = "clock"
DEAD = "dead-deliveries"
DEAD_MAX = 20
"""Dead deliveries that are still named; all of them are counted."""
_NONE_DEAD: dict[str, Any] = {"count": 0, "latest": []}
BLINDS_MAX = 20
"""Blind times remembered, for judging slots whose time reaches back into one."""


def silences(store: Store) -> list[Silence]:
    """All silences that are kept, past ones included."""
    return _silences(store.document(SILENCES).value)


def edit_silences(store: Store, renew: Callable[[list[Silence]], list[Silence]]) -> None:
    """Keep what `renew` makes of the silences. Raises TooBusy."""
    documents.edit(
        store,
        SILENCES,
        lambda value: [asdict(s) for s in renew(_silences(value))],
        "the silences kept changing; try again",
    )


def _silences(value: object) -> list[Silence]:
    return [Silence(**each) for each in cast("list[dict[str, Any]]", value or [])]


class Back(Noun, frozen=True, kw_only=True):
    """The clock was set, back or forward.

    at: when that was noticed, by the new clock; before: what the old one said; after: the job up to which all have been
    moved to the new clock, None once they have been.
    """

    at: int
    before: int
    after: str | None


class ClockBook(Noun, frozen=True, kw_only=True):
    """What the sweep remembers of itself.

    mark: how far it has looked; alive: when a sweep last ran; blinds: when nobody listened; stuck: what it could not
    judge; patience: after a longer time without a sweep nobody was listening, as the last sweeper said; back: the clock
    was set.
    """

    version: int
    mark: Mark
    alive: int
    blinds: tuple[Blind, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    patience: int = LONG
    back: Back | None = None

    def moved(self, now: int) -> int:
        """By how much this very look found the clock to have been set."""
        return self.back.at - self.back.before if self.back is not None and self.back.at == now else 0

    def document(self) -> Document:
        """The clock's book as its next version."""
        blinds = [[blind.start, blind.end] for blind in self.blinds[-BLINDS_MAX:]]
        value: dict[str, Any] = {"mark": [self.mark.at, self.mark.key], "alive": self.alive, "blinds": blinds}
        value["patience"] = self.patience
        if self.back is not None:
            value["back"] = [self.back.at, self.back.before, self.back.after]
        if self.stuck:
            value["stuck"] = [[each.slug, each.since, each.again, each.why] for each in self.stuck]
        return Document(name=CLOCK, version=self.version + 1, value=value)


def clock(store: Store, now: int) -> ClockBook:
    """The clock's book; a service that never swept starts now, having missed nothing."""
    found = store.document(CLOCK)
    if found.value is None:
        return ClockBook(version=found.version, mark=Mark(at=now), alive=now)
    value = cast("dict[str, Any]", found.value)
    blinds = tuple(Blind(start=start, end=end) for start, end in value["blinds"])
    at, key = value["mark"]
    stuck = tuple(Stuck(slug=s, since=since, again=again, why=why) for s, since, again, why in value.get("stuck", ()))
    return ClockBook(
        version=found.version,
        mark=Mark(at=at, key=key),
        alive=value["alive"],
        blinds=blinds,
        stuck=stuck,
        patience=value.get("patience", LONG),
        back=_back(value.get("back")),
    )


def _back(value: list[Any] | None) -> Back | None:
    return None if value is None else Back(at=value[0], before=value[1], after=value[2])


class Dead(Struct, frozen=True, kw_only=True):
    """What was never delivered: how many so far, and the latest of them."""

    count: int
    latest: tuple[Delivery, ...]


def note_dead(store: Store, rows: Sequence[Delivery]) -> None:
    """Remember deliveries that died. People were told through the fallback; this is for those who look later."""
    names = [[row.id, row.alert.incident] for row in rows]

    def add(value: Any) -> object:  # noqa: ANN401 - JSON of ours
        value = value or _NONE_DEAD
        return {"count": value["count"] + len(names), "latest": [*value["latest"], *names][-DEAD_MAX:]}

    with suppress(TooBusy):  # a pass of deliveries is not given up for it
        documents.edit(store, DEAD, add, "the list of what was never delivered kept changing")


def dead_count(store: Store) -> int:
    """How many deliveries ever died."""
    value = cast("dict[str, Any]", store.document(DEAD).value or _NONE_DEAD)
    return int(value["count"])


def dead(store: Store) -> Dead:
    """What was never delivered; rows that retention has removed are only counted."""
    value = cast("dict[str, Any]", store.document(DEAD).value or _NONE_DEAD)
    found = {row.id: row for incident in {i for _, i in value["latest"]} for row in store.deliveries(incident)}
    return Dead(count=value["count"], latest=tuple(found[name] for name, _ in value["latest"] if name in found))
