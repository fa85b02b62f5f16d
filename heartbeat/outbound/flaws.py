"""What is wrong with settings of channels and triggers: asked by who reads a jobs file, and by who builds from it.

A reader does not know what `${env:…}` stands for; `secrets.unresolved` has put UNKNOWN there, and a flaw is only what
would be wrong whatever stood in its place. Nothing here uses the network, and no flaw shows a value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from heartbeat.errors import BadSetting
from heartbeat.outbound.urls import flaw, header_flaw, host_of
from heartbeat.secrets import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_WORD = re.compile(r"[\x21-\x7e]+")
_ANYTHING = "x"


class Flaw(NamedTuple):
    """One flaw. path: the setting, and what is below it; problem: phrased to follow the setting's name."""

    path: tuple[str, ...]
    problem: str


def refuse(flaws: Iterable[Flaw]) -> None:
    """Raises BadSetting for the first, if there are any."""
    for path, problem in flaws:
        raise BadSetting(f"{'.'.join(path)} {problem}")


def url_flaws(key: str, url: str, *, allow_private: bool = False) -> Iterator[Flaw]:
    """A URL that could never be called."""
    scheme, there, rest = url.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    if UNKNOWN in scheme + authority:
        if there and UNKNOWN not in scheme and (problem := flaw(f"{scheme}://{_ANYTHING}")):
            yield Flaw((key,), problem)
        return
    known = url.replace(UNKNOWN, _ANYTHING)
    problem = flaw(known) or _place_flaw(known, allow_private=allow_private)
    if problem:
        yield Flaw((key,), problem)


def _place_flaw(url: str, *, allow_private: bool) -> str:
    from heartbeat.outbound.addresses import literal, refusal  # noqa: PLC0415 - loads ssl; only who has such a URL

    address = literal(host_of(url)[0])
    problem = refusal(address, allow_private=allow_private) if address else ""
    return problem and f"leads to {address}, {problem}"


def header_flaws(headers: Mapping[str, str], key: str = "headers") -> Iterator[Flaw]:
    """Headers that may not be sent."""
    for name, value in headers.items():
        if problem := header_flaw({name: value.replace(UNKNOWN, _ANYTHING)}):
            yield Flaw((key, name), problem)


def word_flaws(key: str, value: str) -> Iterator[Flaw]:
    """A secret that goes into a header: no blank, no line break, nothing but ASCII."""
    if not _WORD.fullmatch(value.replace(UNKNOWN, _ANYTHING)):
        yield Flaw((key,), "must be one word of printable ASCII, without blanks and line breaks")


def form_flaws(key: str, value: str, form: re.Pattern[str], problem: str, *, begins: str = "") -> Iterator[Flaw]:
    """A text that must match. begins: how each good one begins, for those of which only the beginning is known."""
    known, cut, _ = value.partition(UNKNOWN)
    good = known[: len(begins)] == begins[: len(known)] if cut else form.fullmatch(value)
    if not good:
        yield Flaw((key,), problem)
