"""A job's name from its command: what a person would call it. Never uses what may be secret: options, values, URLs."""

from __future__ import annotations

import re
from itertools import count, pairwise
from urllib.parse import urlsplit

from heartbeat.config.values import SLUG, UUID
from heartbeat.importing.programs import ASIDE, FETCHERS, GENERIC, GIVES_TEXT, INTERPRETER, ONLY_RUN, SHELLS, WITH_VALUE
from heartbeat.importing.words import pieces

LONGEST = 50
_WORDS_MAX = 2
"""Words after the program that become part of the name."""
_EXTENSION = re.compile(r"\.(?:sh|bash|py|rb|php|pl|js|mjs|ts|jar|exe|phar|service)$", re.IGNORECASE)
_SUBCOMMAND = re.compile(r"[A-Za-z][A-Za-z_]*[0-9]{0,2}(?:[:.-][A-Za-z_]+){0,4}")
_SUBCOMMAND_MAX = 32
_VALUE = re.compile(r"[0-9]+[smhd]?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)


class Names:
    """Names used so far; each is used once."""

    def __init__(self, taken: set[str] | None = None, *, prefix: str = "") -> None:
        self._taken = set(taken or ())
        self._prefix = prefix

    def new(self, wish: str) -> str:
        """The wished name, with the first number after it that makes it new if necessary."""
        base = slugged(f"{self._prefix}{wish}") or "job"
        for number in count(1):
            name = base if number == 1 else f"{base}-{number}"
            if name not in self._taken:
                self._taken.add(name)
                return name
        raise AssertionError


def slugged(text: str) -> str:
    """The text as a job's name; empty if nothing is left of it."""
    name = re.sub(r"[^a-z0-9_-]+", "-", text.lower())
    name = re.sub(r"-{2,}", "-", name).strip("-_")[:LONGEST].rstrip("-_")
    if re.fullmatch(UUID, name):
        name = f"job-{name}"
    return name if re.fullmatch(SLUG, name) else ""


def name_of(command: str) -> str:
    """A name for a command; `job` if nothing in it will do."""
    parts = [words for part in _parts(command) if (words := _without_wrappers(part))]
    inner = next((found for words in parts if (found := _inner(words))), None)
    if inner is not None:
        return name_of(inner)
    best = next((words for words in parts if not _is_aside(words)), parts[0] if parts else [])
    return slugged("-".join(_named(best))) or "job"


def _parts(command: str) -> list[list[str]]:
    """The programs that the command runs, each with its words unquoted and without redirections."""
    parts: list[list[str]] = [[]]
    redirected = False
    for kind, text in pieces(command):
        if kind == "operator" or (kind == "word" and text in {"{", "}"}):
            parts.append([])
        elif kind == "redirect":
            redirected = "&" not in text
        elif text == "#":
            break
        elif kind in {"word", "dynamic"}:
            if not redirected:
                parts[-1].append(_unquoted(text))
            redirected = False
    return [part for part in parts if part]


def _unquoted(word: str) -> str:
    return re.sub(
        r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"|\\(.)", lambda f: f[1] or f[2] or f[3] or "", word, flags=re.DOTALL
    )


def _without_wrappers(words: list[str]) -> list[str]:
    """The words from the program that does the work."""
    place = 0
    wrapped = False
    while place < len(words):
        word = words[place]
        base = _base(word)
        if base == "flock" and not wrapped:
            return _after_lock(words[place + 1 :])
        if _ASSIGNMENT.fullmatch(word):
            place += 1
        elif base in ONLY_RUN or _is_variable(base):
            wrapped = True
            place += 1
        elif wrapped and word.startswith("-"):
            place += 2 if word in WITH_VALUE else 1
        elif wrapped and _VALUE.fullmatch(word):
            place += 1
        else:
            break
    return words[place:]


def _is_variable(word: str) -> bool:
    """Whether only the shell knows what this word will be."""
    return "$" in word or "`" in word or word.startswith("((")


def _is_aside(words: list[str]) -> bool:
    """Whether the words are rarely the work itself; `perl -e 'sleep …'` is one such."""
    program = _base(words[0])
    return program in ASIDE or (INTERPRETER.fullmatch(program) is not None and _is_inline(words[1:]))


def _is_inline(words: list[str]) -> bool:
    return _script(words) is None and bool(words) and words[0] in {"-e", "-r", "-c", "-ne", "-le"}


def _after_lock(words: list[str]) -> list[str]:
    """The words after `flock [-n] [-w 5] FILE`."""
    place = 0
    while place < len(words) and words[place].startswith("-"):
        place += 2 if words[place] in {"-w", "-E"} else 1
    rest = words[place + 1 :]
    return ["sh", *rest] if rest[:1] == ["-c"] else _without_wrappers(rest)


def _inner(words: list[str]) -> str | None:
    """The command passed to a shell as text."""
    if _base(words[0]) not in SHELLS:
        return None
    return next((text for flag, text in pairwise(words) if flag in GIVES_TEXT), None)


def _base(word: str) -> str:
    return word.rstrip("/").rpartition("/")[2]


def _named(words: list[str]) -> list[str]:
    if not words:
        return []
    program, rest = _base(words[0]), words[1:]
    if INTERPRETER.fullmatch(program) and (script := _script(rest)):
        program, rest = script
    elif program in FETCHERS:
        return _fetched(program, rest)
    name = _EXTENSION.sub("", program)
    if name in GENERIC:
        return _aimed(name, rest)
    return [name, *_subcommands(rest)]


def _script(words: list[str]) -> tuple[str, list[str]] | None:
    """What an interpreter runs, and the words after it."""
    for place, word in enumerate(words):
        if word in {"-m", "-jar"} and place + 1 < len(words):
            return _base(words[place + 1]), words[place + 2 :]
        if not word.startswith("-"):
            return None if _is_variable(_base(word)) else (_base(word), words[place + 1 :])
        if word in {"-e", "-r", "-c"}:  # a program in the option's value
            return None
    return None


def _subcommands(words: list[str]) -> list[str]:
    found: list[str] = []
    for word in words[:_WORDS_MAX]:
        plain = _EXTENSION.sub("", _base(word)) if not found and _EXTENSION.search(word) else word
        if not _SUBCOMMAND.fullmatch(plain) or len(plain) > _SUBCOMMAND_MAX:
            break
        found.append(plain)
    return found


def _aimed(name: str, words: list[str]) -> list[str]:
    paths = [word for word in words if "/" in word and "$" not in word and not word.startswith("-")]
    target = slugged(_base(paths[0]).lstrip(".")) if paths else ""
    if name == "run-parts" and target:
        return [target]
    return [name, target] if target else [name]


def _fetched(name: str, words: list[str]) -> list[str]:
    url = next((word for word in words if word.startswith(("http://", "https://"))), "")
    try:
        host, path = urlsplit(url).hostname or "", urlsplit(url).path
    except ValueError:
        return [name]
    end = _EXTENSION.sub("", _base(path))
    if not host or _is_variable(host):
        return [name]
    return [host.removeprefix("www."), end if _SUBCOMMAND.fullmatch(end) else ""]
