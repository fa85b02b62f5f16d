"""Which files the jobs are in: one, several (`a.yaml:b.yaml`, as in PATH), or all of a folder."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ENDINGS = ("yaml", "yml")


def together(paths: Iterable[str]) -> str:
    """Several files as one value."""
    return os.pathsep.join(paths)


def absolute(path: Path) -> str:
    """The same place, whatever folder one is in."""
    return together(str(each.resolve()) for each in _each(path))


def are_there(path: Path) -> bool:
    """Whether there is anything to read."""
    return any(each.exists() for each in _each(path))


def patterns(path: Path) -> tuple[str, ...]:
    """What to look for, each as `glob` takes it: a file by its name, a folder's by their endings."""
    found: list[str] = []
    for each in _each(path):
        name = glob.escape(str(each))
        found += [f"{name}{os.sep}*.{ending}" for ending in ENDINGS] if each.is_dir() else [name]
    return tuple(found)


def matching(pattern: str) -> list[Path]:
    """The files that a pattern stands for, sorted."""
    return [Path(name) for name in sorted(glob.glob(pattern))]  # noqa: PTH207 - with an absolute pattern, too


def listed(path: Path) -> list[Path]:
    """The files to read, those that are not there included; empty: a folder without any."""
    found: list[Path] = []
    for each in _each(path):
        inside = [file for pattern in patterns(each) for file in matching(pattern)]
        found += sorted(inside) if each.is_dir() else [each]
    return found


def _each(path: Path) -> list[Path]:
    if path.exists():
        return [path]
    return [Path(text) for text in str(path).split(os.pathsep) if text] or [path]
