r"""A crontab line's command: what cron passes to the shell, and the same with `heartbeat exec` in front.

cron: `\%` is a percent sign. At the first plain one the command ends, and standard input begins.
"""

from __future__ import annotations

import re
import shlex
from enum import Enum, auto
from itertools import pairwise

from heartbeat.importing.guard import without_failing_guard
from heartbeat.importing.words import pieces

_INPUT = re.compile(r"(?:[^\\%]|\\.|\\$)*", re.DOTALL)
_PROGRAM = re.compile(r"[\w.+@:/-]+", re.ASCII)
_BARE = re.compile(r"[\w.+@:/=,\s-]*", re.ASCII)
_BACKGROUND = re.compile(r"(?<![&>])&(?![&>0-9-])|&>")
_QUOTED = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|\\.", re.DOTALL)
_FAMILY = frozenset({"sh", "bash", "dash", "ash", "ksh", "ksh93", "mksh", "zsh", "rbash"})
_OF_THE_SHELL = frozenset(
    {
        ".",
        ":",
        "[",
        "alias",
        "bg",
        "break",
        "builtin",
        "case",
        "cd",
        "command",
        "continue",
        "coproc",
        "declare",
        "do",
        "done",
        "echo",
        "elif",
        "else",
        "esac",
        "eval",
        "exec",
        "exit",
        "export",
        "fc",
        "fg",
        "fi",
        "for",
        "function",
        "getopts",
        "hash",
        "history",
        "if",
        "in",
        "jobs",
        "kill",
        "let",
        "local",
        "noglob",
        "printf",
        "pushd",
        "popd",
        "pwd",
        "read",
        "readonly",
        "return",
        "select",
        "set",
        "shift",
        "shopt",
        "source",
        "test",
        "then",
        "time",
        "times",
        "trap",
        "type",
        "typeset",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "until",
        "wait",
        "while",
        "true",
        "false",
        "dirs",
        "disown",
        "enable",
        "help",
        "logout",
        "mapfile",
        "suspend",
    }
)
"""What the shell does itself, or differently from the program of the same name: `echo`, `time`."""


class Unwrappable(Exception):
    """The line cannot be changed without the risk of changing what it does; the text says why."""


class Form(Enum):
    """What a command consists of, as far as it matters here."""

    PLAIN = auto()  # one program with its arguments and redirections: can follow `--` unchanged
    SHELL = auto()  # anything else for a shell


def split_input(raw: str) -> tuple[str, str]:
    """The command as written, and the rest from the first unescaped percent sign."""
    form = _INPUT.match(raw)
    end = form.end() if form else 0
    return raw[:end], raw[end:]


def given(raw: str) -> str:
    """What the shell gets from the command as written."""
    return re.sub(r"\\(.)", lambda found: "%" if found[1] == "%" else found[0], raw, flags=re.DOTALL)


def form_of(command: str) -> Form:
    """Whether the command is one program with its arguments, and can keep its redirections outside."""
    found = [(kind, text) for kind, text in pieces(command) if kind != "space"]
    if any(kind in {"operator", "other", "dynamic"} for kind, _ in found) or not found or found[0][0] != "word":
        return Form.SHELL
    first = found[0][1]
    plain = _PROGRAM.fullmatch(first) and first not in _OF_THE_SHELL and not _writes_errors(found)
    return Form.PLAIN if plain else Form.SHELL


def _writes_errors(found: list[tuple[str, str]]) -> bool:
    """Whether standard error overwrites a file: our warnings must not get into that. In a log they may."""
    targets = [target for (_, sign), (_, target) in pairwise(found) if sign.lstrip("0123456789") in {">", ">|"}]
    return any(kind == "redirect" and text.startswith("2") for kind, text in found) and any(
        target != "/dev/null" for target in targets
    )


def goes_on(command: str, shell: str) -> bool:
    """Whether the shell ends before a part of the command that it left in the background."""
    bare = _QUOTED.sub("Q", command)
    found = _BACKGROUND.findall(bare)
    return any(each == "&" or _name(shell) not in {"bash", "zsh"} for each in found)


def wrap(raw: str, slug: str, *, shell: str = "/bin/sh", program: str = "heartbeat") -> str:
    """A line's command, as written, turned into a run of the job. Raises Unwrappable.

    shell: the SHELL that cron passes the line to; program: how to call `heartbeat` there.
    """
    before, rest = split_input(raw)
    command = given(before)
    if "\0" in raw:
        raise Unwrappable("it holds a NUL, which no command can")
    if command.startswith("-"):
        raise Unwrappable("its command begins with -, which the shell takes for an option")
    start = f"{program} exec {'--no-output ' if goes_on(command, shell) else ''}{slug} -- "
    if form_of(command) is Form.PLAIN and (_name(shell) in _FAMILY or _BARE.fullmatch(command)):
        return f"{start}{raw}"
    if _name(shell) not in _FAMILY:
        raise Unwrappable(f"SHELL={shell} may quote in its own way: put `heartbeat exec {slug} --` into it by hand")
    called = "sh" if shell == "/bin/sh" else quoted(shell)
    # No `'` changes how cron treats the percent signs after it, so the line can be quoted as it is.
    return f"{start}{called} -c {_in_quotes(without_failing_guard(before))}{rest}"


def quoted(text: str) -> str:
    """A word quoted for the shell in a crontab line."""
    return shlex.quote(text).replace("%", r"\%")


def _in_quotes(text: str) -> str:
    body = text.replace("'", "'\\''")
    return f"'{body}'"


def _name(shell: str) -> str:
    return shell.rpartition("/")[2]
