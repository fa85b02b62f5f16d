"""A jobs file applied as people agreed: one that removes many jobs, or takes over another file's, waits for a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec import Struct
from msgspec.structs import replace

from heartbeat.config.declared import ConfigFile
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

FAMILIES = "families"
"""Document: for each folder of files, or file that includes others, the owners that it declared last."""
BUSY = "others kept applying their files"


class Consent(Struct, frozen=True, kw_only=True):
    """What a person agreed to: that jobs are removed, that they are taken over from another file."""

    removals: bool = False
    adopt: bool = False

    def covers(self, found: Objection) -> bool:
        """Whether this objection is settled."""
        return self.removals if found.option == REMOVALS else self.adopt


NONE = Consent()


def with_heirs(store: Store, config: Config) -> Config:
    """The configuration, with the owners that the same folder (or including file) declared before and no longer does.

    Their jobs go with their file, unless it has moved to another folder.
    """
    families = _families(store)
    before = set(families.get(_root(config), ()))
    elsewhere = {owner for root, owners in families.items() if root != _root(config) for owner in owners}
    heirs = [ConfigFile(owner=owner) for owner in sorted(before - elsewhere - config.owners)]
    return replace(config, origins=(*config.origins, *heirs)) if heirs else config


def weighed(store: Store, config: Config, consent: Consent = NONE) -> tuple[Plan, tuple[Objection, ...]]:
    """What applying the file would do, and what of it nobody has agreed to."""
    whole = with_heirs(store, config)
    todo = plan_for(store, whole)
    if todo.empty:
        return todo, ()
    found = objections(whole, todo, _places(store))
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
    places = {origin.owner: "" if origin.named else origin.path for origin in config.origins}
    if any(_places(store).get(owner, "") != place for owner, place in places.items()):
        documents.edit(store, PLACES, lambda value: {**(value or {}), **places}, BUSY)
    root, owners = _root(config), sorted(config.owners)
    if root and _families(store).get(root) != owners:
        documents.edit(store, FAMILIES, lambda value: {**(value or {}), root: owners}, BUSY)


def _root(config: Config) -> str:
    """What names the family: where its files are looked for. A single file has none."""
    single = len(config.watched) == 1 and len(config.origins) <= 1
    return "" if single else "\n".join(dict.fromkeys(config.watched))


def _places(store: Store) -> dict[str, str]:
    return cast("dict[str, str]", store.document(PLACES).value or {})


def _families(store: Store) -> dict[str, list[str]]:
    return cast("dict[str, list[str]]", store.document(FAMILIES).value or {})
