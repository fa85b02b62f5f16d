"""Which lines of a crontab have a user behind the time: cron goes by where a file lies, but a copy may lie anywhere."""

from __future__ import annotations

import re

from heartbeat.importing.crontab import CrontabEntry, Unreadable, read_line
from heartbeat.importing.programs import ASIDE, FETCHERS, GENERIC, INTERPRETER, ONLY_RUN, SHELLS

SURE = frozenset(
    (
        *("root", "www-data", "nobody", "apache", "nginx", "postgres", "daemon", "ubuntu", "ec2-user", "debian"),
        *("centos", "vagrant", "munin", "Debian-exim", "jenkins", "logcheck", "smmsp"),
    )
)
"""Users whose names hardly any program has. One of them in front of a command makes the file a system crontab."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\$?")
_PROGRAMS = ASIDE | ONLY_RUN | GENERIC | FETCHERS | SHELLS


def lines_with_users(text: str) -> frozenset[int]:
    """The numbers of the lines that have a user's name; none if no line has one that is sure."""
    words = {number: found for number, line in enumerate(text.split("\n"), 1) if (found := _words(line))}
    sure = {number for number, (first, _) in words.items() if first in SURE}
    if not sure:
        return frozenset()
    return frozenset(sure | {number for number, (first, second) in words.items() if _is_user(first, second)})


def _words(line: str) -> tuple[str, str] | None:
    """The first two words behind the time."""
    try:
        said = read_line(line, system=False)
    except Unreadable:
        return None
    words = said.command.split() if isinstance(said, CrontabEntry) else []
    return (words[0], words[1]) if len(words) > 1 else None


def _is_user(first: str, second: str) -> bool:
    """Whether the first word looks like a user, and the second like the beginning of a command."""
    named = _NAME.fullmatch(first) and not _is_program(first)
    return bool(named) and (second.startswith(("/", "./", "~", "$", "[", "(")) or _is_program(second))


def _is_program(word: str) -> bool:
    return word in _PROGRAMS or INTERPRETER.fullmatch(word) is not None
