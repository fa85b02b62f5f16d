"""The shape that every source is read into: a text in, its jobs out, and what could not be read with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """One job as its source has it.

    name: as people know it there; times: its schedules; zone: empty for the source's usual one; line: where it begins,
    0 if unknown; grace: milliseconds, None to go by the gap; late: milliseconds that its runs may be late there;
    slug: the name to keep as it is, empty to make one.
    """

    name: str
    times: tuple[str, ...]
    zone: str = ""
    line: int = 0
    dialect: str = ""
    grace: int | None = None
    late: int = 0
    description: str = ""
    enabled: bool = True
    slug: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One job that cannot be read, and why."""

    name: str
    why: str
    line: int = 0


Found = SourceEntry | LeftOut
Reader = Callable[[str], Iterable[Found]]
"""Reads a text. Raises Unreadable when it is nothing of this source at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A source.

    zone: of times that name none, empty for this machine's; zone_from: who says so; files: where it is usually;
    tells: how its jobs report; get: how to get the text, if it is no file; api: the path and the header of the key with
    which it can be asked for the text, and the variable that holds the key; empty if it cannot.
    """

    read: Reader
    zone: str
    zone_from: str
    tells: str
    files: tuple[str, ...] = ()
    get: str = ""
    api: tuple[str, str, str] | tuple[()] = ()
