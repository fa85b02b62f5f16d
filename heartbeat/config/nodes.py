"""YAML text → a tree that knows where everything is.

The tree is built from the parser's events, not by `yaml.compose`, so that depth and size are bounded before anything
grows: an alias reuses its node, and the tree it would unfold to is counted (the "billion laughs"). The parser
in C is used where PyYAML has it; both give the same results here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from msgspec import Struct, field

from heartbeat.config.findings import Findings, Mistake, Position, quoted
from heartbeat.config.unreadable import check_characters, explain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml._yaml import Mark as CMark

DEPTH_MAX = 40
VALUES_MAX = 1_000_000
"""Values in a file with all aliases unfolded: about 100,000 jobs."""
LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_FORMS = yaml.resolver.Resolver.yaml_implicit_resolvers
"""What a plain value may be, by its first character, as (tag, form)."""
KINDS = {
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "timestamp": "a date",
    "merge": "a merge",
}
"""What YAML 1.1 takes a value for, and what messages call it."""


class Placed(Struct, frozen=True, kw_only=True, gc=False):
    """What stands in the file. start_mark: where it begins, as the parser says it."""

    start_mark: yaml.Mark | CMark | None

    @property
    def place(self) -> Position:
        """Where it begins."""
        return _place(self)


class Scalar(Placed, frozen=True, kw_only=True, gc=False):
    """One plain or quoted value as written; kind: what YAML 1.1 takes it for (str, int, bool, null …)."""

    text: str
    kind: str
    weight: int = 1
    height: int = 0


class Sequence(Placed, frozen=True, kw_only=True, gc=False):
    """A list. weight: values in it, unfolded; height: levels below it."""

    items: tuple[Node, ...]
    weight: int
    height: int


class Mapping(Placed, frozen=True, kw_only=True, gc=False):
    """Keys with their values, merge keys (`<<`) applied."""

    pairs: dict[str, tuple[Scalar, Node]]
    weight: int
    height: int


Node = Scalar | Sequence | Mapping


def compose(text: str, findings: Findings, loader: type = LOADER) -> Node | None:
    """The file's tree, None when it is empty; raises Mistake where nothing more can be read."""
    check_characters(text)
    try:
        return _Composer(iter(loader(text).get_event, None), findings).document()
    except yaml.MarkedYAMLError as error:
        raise explain(error, text) from None


class _Composer(Struct):
    """Turns events into nodes."""

    events: Iterator[yaml.Event]
    findings: Findings
    anchors: dict[str, Node] = field(default_factory=dict)

    def document(self) -> Node | None:
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        node = self._node(next(self.events), "", 0)
        next(self.events)
        last = next(self.events)
        if not isinstance(last, yaml.StreamEndEvent):
            raise Mistake(_place(last), "", "a second document begins here; leave one, without `---` between")
        return node

    def _node(self, event: yaml.Event, path: str, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path, depth)
        if depth > DEPTH_MAX:
            raise _too_deep(event, path)
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = Scalar(start_mark=event.start_mark, text=event.value, kind=_kind(event, path))
        else:
            _refuse_tag(event, path)
            make = self._sequence if isinstance(event, yaml.SequenceStartEvent) else self._mapping
            node = make(event, path, depth)
        if anchor := getattr(event, "anchor", None):
            self.anchors[anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent, path: str, depth: int) -> Node:
        node = self.anchors.get(event.anchor or "")
        if node is None:
            problem = f"`*{event.anchor}` stands for `&{event.anchor}`, which is not written before it"
            raise Mistake(_place(event), path, f"{problem}; a value that begins with * must be quoted")
        if depth + node.height > DEPTH_MAX:
            raise _too_deep(event, path)
        return node

    def _sequence(self, start: yaml.Event, path: str, depth: int) -> Sequence:
        items, weight = [], 1
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._node(event, path, depth + 1))
            weight = _checked(weight + items[-1].weight, event, path)
        height = 1 + max((item.height for item in items), default=0)
        return Sequence(start_mark=start.start_mark, items=tuple(items), weight=weight, height=height)

    def _mapping(self, start: yaml.Event, path: str, depth: int) -> Mapping:
        own: dict[str, tuple[Scalar, Node]] = {}
        merged: dict[str, tuple[Scalar, Node]] = {}
        weight, height = 1, 0
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event, path)
            below = f"{path}.{key.text}" if path else key.text
            value = self._node(next(self.events), below, depth + 1)
            weight, height = _checked(weight + value.weight, event, path), max(height, value.height)
            if key.kind == "merge":
                merged = _merged(value, below) | merged
            elif own.setdefault(key.text, (key, value))[0] is not key:
                self._twice(own[key.text][0], key, below)
        return Mapping(start_mark=start.start_mark, pairs=merged | own, weight=weight, height=height + 1)

    def _key(self, event: yaml.Event, path: str) -> Scalar:
        key = self._node(event, path, 0)
        if not isinstance(key, Scalar):
            problem = "a list or mapping cannot be a key; a value that begins with { or [ must be quoted"
            raise Mistake(_place(event), path, problem)
        if key.kind not in {"str", "merge"}:
            problem = f"YAML reads the key {key.text[:40]} as {KINDS[key.kind]}; quote it: {quoted(key.text)}"
            self.findings.mistake(Mistake(key.place, path, problem))
        return key

    def _twice(self, first: Scalar, key: Scalar, path: str) -> None:
        problem = f"this name appears twice; the first is on line {first.place.line}"
        self.findings.mistake(Mistake(key.place, path, problem))


def _checked(weight: int, event: yaml.Event, path: str) -> int:
    if weight > VALUES_MAX:
        raise Mistake(_place(event), path, f"more than {VALUES_MAX:,} values when all aliases are unfolded; use fewer")
    return weight


def _merged(value: Node, path: str) -> dict[str, tuple[Scalar, Node]]:
    """What `<<` brings in. YAML's merge key: of two mappings in a list, the first wins."""
    pairs: dict[str, tuple[Scalar, Node]] = {}
    for mapping in value.items if isinstance(value, Sequence) else (value,):
        if not isinstance(mapping, Mapping):
            raise Mistake(mapping.place, path, "`<<` takes a mapping or a list of mappings: <<: *base")
        pairs = mapping.pairs | pairs
    return pairs


def _kind(event: yaml.ScalarEvent, path: str) -> str:
    if event.tag not in {None, "!"}:
        return _tagged(event, path)
    if event.implicit[0]:  # plain
        for tag, form in _FORMS.get(event.value[:1], ()):
            kind = tag.removeprefix(_STANDARD)
            if form.match(event.value):
                return kind if kind in KINDS else "str"
    return "str"


def _tagged(event: yaml.ScalarEvent, path: str) -> str:
    kind = str(event.tag).removeprefix(_STANDARD)
    if kind not in KINDS:
        raise Mistake(_place(event), path, f"the tag {quoted(str(event.tag))} is not understood; leave it out")
    return kind


def _refuse_tag(event: yaml.Event, path: str) -> None:
    tag = getattr(event, "tag", None)
    if tag not in {None, "!", _STANDARD + "map", _STANDARD + "seq"}:
        raise Mistake(_place(event), path, f"the tag {quoted(str(tag))} is not understood; leave it out")


def _too_deep(event: yaml.Event, path: str) -> Mistake:
    return Mistake(_place(event), path[:200], f"more than {DEPTH_MAX} levels deep; nothing in a jobs file is")


def _place(there: yaml.Event | Placed) -> Position:
    mark = there.start_mark
    return Position(mark.line + 1, mark.column + 1) if mark else Position()
