"""A command in pieces, as a shell splits it: `$(date +%d)` is one word, whatever stands in it."""

from __future__ import annotations

import re

_BETWEEN = re.compile(
    r"""(?P<space>[ \t]+)
    |(?P<redirect>[0-9]?(?:>>|>\||>|<)(?:&[0-9-]|(?=[ \t]*[\w./~"'$])))
    |(?P<operator>&&|\|\||;;|[&|;()]|\n)""",
    re.VERBOSE,
)
_STILL = re.compile(
    r"""(?:'[^']*'|"(?:[^"\\`$]|\\.|\$(?=[A-Za-z_{](?!\())|\$(?=["\s]))*"|\\.|\$[A-Za-z_]\w*|\$\{\w+\}|[^\s'"\\`$&|;<>()\#])+""",
    re.DOTALL,
)
"""What is the same whenever the shell reads it, but for plain variables."""
_SPECIAL = re.compile(r"\$[0-9?$!*@#-]")
_ARITHMETIC = re.compile(r"\(\((?:[^()]|\$?\([^()]*\))*\)\)")
_NESTING_MAX = 50


def pieces(command: str) -> list[tuple[str, str]]:
    """The command in parts, each with its kind: space, word, dynamic, redirect, operator or other.

    dynamic: a word with a substitution in it, or bash's `((…))`; other: what no shell would take for any of these, or a
    comment's sign.
    """
    found, place = [], 0
    while place < len(command):
        kind, end = _piece(command, place)
        found.append((kind, command[place:end]))
        place = end
    return found


def _piece(text: str, place: int) -> tuple[str, int]:
    if arithmetic := _ARITHMETIC.match(text, place):
        return "dynamic", arithmetic.end()
    between = _BETWEEN.match(text, place)
    if between:
        return between.lastgroup or "other", between.end()
    end, dynamic = _word(text, place)
    if end == place:
        return "other", place + 1
    return ("dynamic" if dynamic else "word"), end


def _word(text: str, start: int) -> tuple[int, bool]:
    """Where the word ends, and whether there is a substitution in it."""
    place, dynamic = start, False
    while place < len(text):
        if still := _STILL.match(text, place):
            place = still.end()
        elif text[place] == "#" and place > start:
            place += 1
        elif (end := _substitution(text, place, 0)) > place:
            place, dynamic = end, True
        else:
            break
    return place, dynamic


def _substitution(text: str, place: int, depth: int) -> int:
    """Where `$(…)`, `${…}`, backticks, or quotes with those in them end; `place` itself if none begins here."""
    if depth > _NESTING_MAX:
        return place
    for opening, closing in (("$(", ")"), ("${", "}"), ("`", "`"), ('"', '"')):
        if text.startswith(opening, place):
            return _closed(text, place, place + len(opening), closing, depth)
    special = _SPECIAL.match(text, place)
    return special.end() if special else place


def _closed(text: str, start: int, inside: int, closing: str, depth: int) -> int:
    """The place after the closing sign; `start` if there is none."""
    place = inside
    while place < len(text):
        if text[place] == closing:
            return place + 1
        if text[place] == "\\":
            place += 2
        elif text[place] == "'" and closing != '"':
            end = text.find("'", place + 1)
            place = end + 1 if end > 0 else len(text)
        elif text[place] == "(" and closing == ")":
            end = _closed(text, place, place + 1, ")", depth + 1) if depth < _NESTING_MAX else place
            place = max(end, place + 1)
        else:
            place = max(_substitution(text, place, depth + 1), place + 1)
    return start
