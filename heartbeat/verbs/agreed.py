"""A jobs file applied as people agreed: one that removes many jobs, or takes over another file's, waits for a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec import Struct

from heartbeat.config.objections import REMOVALS, objections, refusal
from heartbeat.errors import NotAgreed
from heartbeat.verbs import documents
from heartbeat.verbs.apply import apply, plan_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.config import Config, Plan
    from heartbeat.config.objections import Objection
    from heartbeat.store.protocol import Store

PLACES = "places"
"""Document: for each owner whose file has no `name`, the path of that file, by which two of them are told apart."""


class Consent(Struct, frozen=True, kw_only=True):
    """What a person agreed to: that jobs are removed, that they are taken over from another file."""

    removals: bool = False
    adopt: bool = False

    def covers(self, found: Objection) -> bool:
        """Whether this objection is settled."""
        return self.removals if found.option == REMOVALS else self.adopt


NONE = Consent()


def weighed(store: Store, config: Config, consent: Consent = NONE) -> tuple[Plan, tuple[Objection, ...]]:
    """What applying the file would do, and what of it nobody has agreed to."""
    todo = plan_for(store, config)
    if todo.empty:
        return todo, ()
    found = objections(config, todo, _places(store))
    return todo, tuple(each for each in found if not consent.covers(each))


def apply_agreed(store: Store, config: Config, now: int, consent: Consent = NONE, *, given: str = "") -> Plan:
    """Apply the file. given: how it was named. Raises NotAgreed; then nothing has changed."""
    todo, against = weighed(store, config, consent)
    carry_out(store, config, now, todo, against, given=given)
    return todo


def carry_out(  # noqa: PLR0913 - what `weighed` said, and of which file
    store: Store, config: Config, now: int, todo: Plan, against: Sequence[Objection], *, given: str = ""
) -> None:
    """Do what `weighed` said just now, unless there is something against it: NotAgreed."""
    if against:
        name = given or config.name
        raise NotAgreed(refusal(config, against, name), refusal(config, against, name, brief=True))
    apply(store, config, now, todo)
    _remember(store, config)


def _remember(store: Store, config: Config) -> None:
    known = _places(store)
    places = {origin.owner: "" if origin.named else origin.path for origin in config.origins}
    if any(known.get(owner, "") != place for owner, place in places.items()):
        documents.edit(store, PLACES, lambda value: {**(value or {}), **places}, "others kept applying their files")


def _places(store: Store) -> dict[str, str]:
    return cast("dict[str, str]", store.document(PLACES).value or {})
