"""A YAML or JSON text as plain values that know their lines. Every scalar stays the text that was written.

Templates are not carried out: what stands alone on its line is left out, and a value with one in it says so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from heartbeat.importing.crontab import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = "⟨template⟩"
_LINES = re.compile(r"^[ \t]*(?:\{\{.*?\}\}|<%.*?%>)[ \t]*$", re.MULTILINE)
_INSIDE = re.compile(r"\{\{.*?\}\}|<%.*?%>")
_DEPTH_MAX = 60


class LinedMap(dict[str, Any]):
    """A mapping. line: where it begins; lines: where each key stands."""

    line = 0

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}

    def text(self, *names: str) -> str:
        """The first of these keys that has a single value, in any case and with or without `_`; empty if none has."""
        known = {_folded(key): key for key in self}
        for name in names:
            value = self.get(known.get(_folded(name), ""))
            if isinstance(value, str):
                return value.strip()
        return ""


def _folded(key: str) -> str:
    return re.sub(r"[_:-]", "", key).lower()


class _PlainLoader(yaml.SafeLoader):
    """Takes nothing for a number or a date, and every tag for the value behind it."""


def _construct(loader: _PlainLoader, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)
        found = LinedMap()
        found.line = node.start_mark.line + 1
        for key, value in node.value:
            name = str(loader.construct_object(key, deep=True)) if isinstance(key, yaml.ScalarNode) else "?"
            found[name] = below = loader.construct_object(value, deep=True)
            found.lines[name] = key.start_mark.line + 1
            if isinstance(below, LinedMap):
                below.line = found.lines[name]
        return found
    if isinstance(node, yaml.SequenceNode):
        return [loader.construct_object(each, deep=True) for each in node.value]
    return str(node.value)


_PlainLoader.yaml_implicit_resolvers = {"<": [("tag:yaml.org,2002:merge", re.compile(r"^<<$"))]}
_PlainLoader.yaml_constructors = {}
_PlainLoader.add_multi_constructor("", _construct)


def documents(text: str) -> list[Any]:
    """The documents in a text. Raises Unreadable, with the line, if it is neither YAML nor JSON."""
    plain = _INSIDE.sub(TEMPLATE, _LINES.sub("", text))
    try:
        found = list(yaml.load_all(plain, Loader=_PlainLoader))
    except yaml.MarkedYAMLError as bad:
        line = f"line {bad.problem_mark.line + 1}: " if bad.problem_mark else ""
        raise Unreadable(f"{line}it is neither YAML nor JSON: {bad.problem or bad.context}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as bad:
        raise Unreadable(f"it is neither YAML nor JSON: {str(bad).splitlines()[0]}") from None
    return [each for each in found if each]


def mappings(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], LinedMap]]:
    """Every mapping in a value, from the outside, with the keys that lead to it."""
    if len(path) > _DEPTH_MAX:
        return
    if isinstance(value, LinedMap):
        yield path, value
        for key, below in value.items():
            yield from mappings(below, (*path, key))
    elif isinstance(value, list):
        for each in value:
            yield from mappings(each, path)
