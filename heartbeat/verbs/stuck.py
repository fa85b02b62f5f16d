"""What no sweep manages to judge is an illness and not a race. Pure, except for telling it.

A job whose change is refused again and again though sweeps come back to it, whose row cannot be read, or at which our
own code breaks, must neither stop the sweep for the others nor make it spin. It is remembered by name, tried again
after as long as it has been stuck (a second at first, a minute at most), and told once it has been so for a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.model import MINUTE, SECOND, Noun
from heartbeat.verbs.illness import fall_ill, get_well

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from heartbeat.store.protocol import Store

TOLD_AFTER = MINUTE
NAMES_MAX = 5
"""Jobs that the illness names."""
STUCK_MAX = 500
"""Jobs remembered; with more than this, the mark stays where it is."""
SICKNESS = "sweep/stuck"
REFUSED = "what is decided of it is refused again and again"


class Stuck(Noun, frozen=True, kw_only=True):
    """A job that could not be judged. since: the first time; again: when it is tried next; why: in words."""

    slug: str
    since: int
    again: int
    why: str


def waiting(known: Sequence[Stuck], now: int) -> set[str]:
    """The jobs whose next try has not come yet."""
    return {each.slug for each in known if now < each.again}


def renewed(known: Sequence[Stuck], failed: Mapping[str, str], settled: Collection[str], now: int) -> tuple[Stuck, ...]:
    """The jobs stuck after a sweep. failed: those that it could not judge, and why; settled: all that it looked at."""
    before = {each.slug: each for each in known if each.slug not in settled or each.slug in failed}
    for slug, why in failed.items():
        since = before[slug].since if slug in before else now
        again = now + min(max(now - since, SECOND), MINUTE)
        before[slug] = Stuck(slug=slug, since=since, again=again, why=why)
    return tuple(sorted(before.values(), key=lambda each: (each.since, each.slug)))


def tell(store: Store, before: Sequence[Stuck], after: Sequence[Stuck], now: int, service: Sequence[str]) -> None:
    """What has been stuck for long enough is an illness, which is over when nothing is stuck any more."""
    ill = [each for each in after if now - each.since >= TOLD_AFTER]
    if ill:
        fall_ill(store, SICKNESS, _words(ill), now, service)
    elif before and not after:
        get_well(store, SICKNESS, now, service)


def _words(ill: Sequence[Stuck]) -> str:
    names = ", ".join(f"{each.slug} ({each.why})" for each in ill[:NAMES_MAX])
    more = f" and {len(ill) - NAMES_MAX} more" if len(ill) > NAMES_MAX else ""
    what = "1 job cannot be judged" if len(ill) == 1 else f"{len(ill)} jobs cannot be judged"
    return f"{what}, and nobody is told of what becomes of it: {names}{more}; it is tried again every minute. Report it"
