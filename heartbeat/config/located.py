"""One value at its place in the file, with the readings that all kinds of values share."""

from __future__ import annotations

from msgspec import Struct

from heartbeat.config.findings import Findings, Mistake, Position, printable, quoted
from heartbeat.config.nodes import KINDS, Mapping, Node, Scalar, Sequence

_TRUE, _FALSE = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})
_DIGITS_MAX = 18


class Located(Struct, frozen=True, gc=False):
    """A node, where findings go, its key and what that is a key of."""

    node: Node
    findings: Findings
    name: str = ""
    above: Located | None = None

    @property
    def path(self) -> str:
        """The keys that lead here: `jobs.daily-report.grace`."""
        above = self.above.path if self.above else ""
        return f"{above}.{self.name}" if above else self.name

    @property
    def place(self) -> Position:
        """Where the value begins."""
        return self.node.place

    def mistake(self, problem: str) -> Mistake:
        """A mistake at this place, to be raised or kept."""
        return Mistake(self.place, self.path, problem)

    def doubt(self, problem: str) -> None:
        """Keep a warning about this value."""
        self.findings.doubt(self.place, self.path, problem)

    def scalar(self) -> str:
        """The value as written, whatever YAML takes it for."""
        if not isinstance(self.node, Scalar):
            raise self.mistake(f"found {_shape(self.node)}; write a single value")
        if self.node.kind == "null" and not self.node.text:
            raise self.mistake("there is no value; write one, or leave out the key")
        return self.node.text

    def text(self) -> str:
        """The value if it is text; what YAML 1.1 takes for something else must be quoted."""
        text = self.scalar()
        if self.is_null():
            raise self.mistake(f"{text} is not a text; write one, or leave out the key")
        if isinstance(self.node, Scalar) and self.node.kind != "str":
            taken = f"YAML reads {printable(text[:40])} as {KINDS[self.node.kind]}"
            raise self.mistake(f"{taken}; quote it: {quoted(text)}")
        return text

    def is_null(self, *, written: bool = False) -> bool:
        """Whether there is no value; `written`: only if `null` or `~` says so, as people do to undo a default."""
        return isinstance(self.node, Scalar) and self.node.kind == "null" and (self.node.text != "" or not written)

    def entries(self) -> dict[str, Located]:
        """A mapping's values by key."""
        if not isinstance(self.node, Mapping):
            raise self.mistake(f"found {_shape(self.node)}; write a mapping: `key: value`, or {{}} for none")
        findings = self.findings
        return {key: Located(value, findings, key, self) for key, (_, value) in self.node.pairs.items()}

    def key(self, name: str) -> Located:
        """The key itself as a value, for mistakes in its name."""
        pairs = self.node.pairs if isinstance(self.node, Mapping) else {}
        return Located(pairs[name][0], self.findings, name, self)

    def elements(self) -> tuple[Located, ...]:
        """The values of a list; a single value is a list of one."""
        if isinstance(self.node, Mapping):
            raise self.mistake("found a mapping; write one value, or a list")
        items = self.node.items if isinstance(self.node, Sequence) else (self.node,)
        return tuple([Located(item, self.findings, self.name, self.above) for item in items])

    def plain(self) -> object:
        """The value as a Python object, for what we pass on unchanged."""
        if isinstance(self.node, Mapping):
            return {key: spot.plain() for key, spot in self.entries().items()}
        if isinstance(self.node, Sequence):
            return [spot.plain() for spot in self.elements()]
        return _converted(self.node)


def is_true(text: str) -> bool | None:
    """How YAML 1.1 reads `true`, `yes`, `on` and their opposites; None for anything else."""
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _converted(node: Scalar) -> object:
    if node.kind == "null":
        return None
    if node.kind == "bool":
        return is_true(node.text)
    if node.kind == "int" and node.text.isdecimal() and len(node.text) <= _DIGITS_MAX:
        return int(node.text)
    return node.text


def _shape(node: Node) -> str:
    if isinstance(node, Scalar):
        return "nothing" if node.kind == "null" else "a single value"
    return "a list" if isinstance(node, Sequence) else "a mapping"
