"""The service's own small records, kept as documents: silences, the clock's book, and what was asked for in vain."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from heartbeat.model import Document, Silence
from heartbeat.overdue import Blind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from heartbeat.store.protocol import Store

SILENCES = "silences"
CLOCK = "clock"
BLINDS_MAX = 5
"""Blind times remembered: a slot whose window reaches back into one of them is judged with it."""


def silences(store: Store) -> list[Silence]:
    """All silences that are kept, past ones included."""
    return [Silence(**value) for value in cast("list[dict[str, Any]]", store.document(SILENCES).value or [])]


def silences_document(kept: Iterable[Silence], before: Document) -> Document:
    """The next version of the silences' document."""
    return Document(name=SILENCES, version=before.version + 1, value=[asdict(silence) for silence in kept])


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What the sweep remembers of itself.

    checkpoint: everything due before it has been looked at; alive: when a sweep last ran; blinds: when none did.
    """

    version: int
    checkpoint: int
    alive: int
    blinds: tuple[Blind, ...] = ()

    def document(self) -> Document:
        """The clock's book as its next version."""
        blinds = [[blind.start, blind.end] for blind in self.blinds[-BLINDS_MAX:]]
        value = {"checkpoint": self.checkpoint, "alive": self.alive, "blinds": blinds}
        return Document(name=CLOCK, version=self.version + 1, value=value)


def clock(store: Store, now: int) -> Clock:
    """The clock's book; a service that never swept starts now, having missed nothing."""
    found = store.document(CLOCK)
    if found.value is None:
        return Clock(version=found.version, checkpoint=now, alive=now)
    value = cast("dict[str, Any]", found.value)
    blinds = tuple(Blind(start=start, end=end) for start, end in value["blinds"])
    return Clock(version=found.version, checkpoint=value["checkpoint"], alive=value["alive"], blinds=blinds)
