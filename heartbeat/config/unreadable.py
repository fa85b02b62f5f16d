"""Text that is not YAML at all: where it breaks, and what would be right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from heartbeat.config.findings import Mistake, Position, printable

if TYPE_CHECKING:
    import yaml

SIZE_MAX = 20_000_000
"""Bytes of a file: room for about 100,000 jobs. More are declared by several files."""
_FORBIDDEN = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"

_WORDS: tuple[tuple[str, str, bool], ...] = (
    (r"nesting depth", "more than 40 levels deep; nothing in a jobs file is", False),
    (r"escape|hex|Unicode", "a backslash in double quotes begins an escape; write the value in single quotes", False),
    (r"alias|anchor", 'a value that begins with * or & must be quoted: "*/5 * * * *"', False),
    (r"quoted scalar", "the quote that opens here is not closed", True),
    (r"flow|expected ',' or", "a comma or closing bracket is missing; a value that begins with { or [ is quoted", True),
    (r"mapping values", "a value with `: ` in it must be quoted; or the line is indented too far", False),
    (r"simple key|expected ':'", "a key without its colon; write `key: value`", False),
    (r"tag", "a value that begins with ! must be quoted", False),
    (r"directive|document start", "a line may not begin with %; quote the value", False),
    (r"block|expected key|indent", "this does not fit the lines above: check the indentation and the quotes", False),
)
"""(what the parser says, what to tell, whether the place is where the broken value begins): the first that fits.

The two parsers of PyYAML word their errors differently; each form fits both."""


def decode(raw: bytes) -> str:
    """The file's text without a UTF-8 byte order mark; any other encoding is refused, and the message says where."""
    if len(raw) > SIZE_MAX:
        raise Mistake(Position(), "", f"the file has {len(raw):,} bytes; at most {SIZE_MAX:,} are read: split it")
    if raw.startswith(_UTF16):
        raise Mistake(Position(), "", "the file is UTF-16; save it as UTF-8")
    raw = raw.removeprefix(_BOM)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        problem = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8 (is it Shift_JIS or Latin-1?)"
        raise Mistake(_end_of(before), "", problem) from None


def check_characters(text: str) -> None:
    """Refuse a text that is too long, or contains what YAML allows only as an escape."""
    if len(text) > SIZE_MAX:
        raise Mistake(Position(), "", f"the file has {len(text):,} characters; at most {SIZE_MAX:,} are read: split it")
    if found := _FORBIDDEN.search(text):
        problem = f"the character {printable(found[0])} is not allowed in YAML; remove it"
        raise Mistake(_end_of(text[: found.start()]), "", problem)


def explain(error: yaml.MarkedYAMLError, text: str) -> Mistake:
    """The parser's complaint with its place, in words that say what to write."""
    said = f"{error.context or ''} {error.problem or ''}"
    at = _place(error.problem_mark or error.context_mark)
    lines = text.splitlines()[at.line - 1 : at.line]
    advice, at_start = _advice(said, lines[0] if lines else "", at.column - 1)
    place = _place(error.context_mark) if at_start and error.context_mark else at
    return Mistake(place, "", f"this is not YAML: {advice}")


def _advice(said: str, line: str, column: int) -> tuple[str, bool]:
    char, before = line[column : column + 1], line[:column].rstrip()[-1:]
    if char == "\t":
        return "a tab cannot indent; use spaces", False
    if char and char in "@`%" and "token" in said:
        return f"a value that begins with {char} must be quoted", False
    if char and before and before in "}]'\"" and "expected" in said and "or" not in said.split():
        return "text after a closing bracket or quote; quote the whole value", False
    return next(((words, start) for form, words, start in _WORDS if re.search(form, said)), (said.strip(), False))


def _place(mark: yaml.Mark | None) -> Position:
    return Position(mark.line + 1, mark.column + 1) if mark else Position()


def _end_of(before: str) -> Position:
    lines = (before + ".").splitlines()
    return Position(len(lines), len(lines[-1]))
