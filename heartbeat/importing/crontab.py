"""A line of a crontab: a job, a setting, or neither; and what the comments above it say.

Read as Debian's cron does, and a little more leniently.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heartbeat.config.doubts import gap_ms
from heartbeat.errors import BadSchedule
from heartbeat.importing.flavour import UNKNOWN
from heartbeat.importing.shell import split_input
from heartbeat.model import MINUTE
from heartbeat.schedule import Schedule, parse
from heartbeat.text.sanitize import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.importing.flavour import Flavour

GRACE = 10 * MINUTE
"""The default of jobs.yaml."""
LONGEST = 150
"""Characters of a description."""
_FEW = 3
_SETTING = re.compile(
    r"""[ \t]*(?P<name>"[^"]*"|'[^']*'|[^\s="'][^\s=]*)?\s*=\s*"""
    r"""(?P<value>"[^"]*"|'[^']*'|[^"'\s].*)""",
    re.DOTALL,
)
_NICKNAME = re.compile(r"(?P<time>@every[ \t]+[^ \t]+|@[^ \t]+)(?P<rest>[ \t]+.*|)", re.DOTALL)
_FIELDS = re.compile(r"(?P<time>(?:[^ \t]+[ \t]+){4}[^ \t]+)(?P<rest>[ \t]+.*|)", re.DOTALL)
_USER = re.compile(r"[ \t]+(?P<user>[^ \t]+)(?P<rest>[ \t]+.*|)", re.DOTALL)
_NAMES = re.compile(r"jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun", re.IGNORECASE)
_ALIASES = {"@every_minute": "* * * * *"}
"""From FreeBSD's cron."""
_LEGEND = re.compile(
    r"\bdom\b|\bdow\b|command to be executed|day of (?:month|week)|crontab|^[-=*#|+.\s]", re.IGNORECASE
)
_TEXT = re.compile(r"[^\W\d_]{2}")


class Unreadable(Exception):
    """A line that cannot become a job; the text says why, and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A variable that applies to the lines after it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrontabEntry:
    """A line that runs something. before: the line up to the command; command: the rest, percent signs as written."""

    time: str
    user: str
    before: str
    command: str


def read_line(line: str, *, system: bool) -> CrontabEntry | Setting | None:
    """What a line says, None when it says nothing (blank, or a comment). system: it contains a user's name.

    line: without its final newline. Raises Unreadable.
    """
    text = line.strip(" \t\r")
    if not text or text.startswith("#"):
        return None
    if setting := _SETTING.fullmatch(line.rstrip()):
        return Setting(name=_bare(setting["name"] or ""), value=_bare(setting["value"]))
    return _entry(line, system=system)


def _bare(text: str) -> str:
    return text[1:-1] if text[:1] in {'"', "'"} and text[:1] == text[-1:] and len(text) > 1 else text


def _entry(line: str, *, system: bool) -> CrontabEntry:
    text = line.lstrip(" \t")
    form = (_NICKNAME if text.startswith("@") else _FIELDS).fullmatch(text)
    if form is None:
        raise Unreadable("it is no setting and has no five time fields, such as 0 9 * * *")
    time, rest, user = form["time"], form["rest"], ""
    if system:
        named = _USER.fullmatch(rest)
        user, rest = (named["user"], named["rest"]) if named else ("", "")
    command = rest.lstrip(" \t")
    if not split_input(command)[0].strip():
        raise Unreadable("there is no command in it" + (" behind the user's name" if system else ""))
    return CrontabEntry(time=time, user=user, before=line[: len(line) - len(command)], command=command)


def read_time(time: str, zone: str, flavour: Flavour = UNKNOWN) -> Schedule:
    """The schedule of an entry's time. Raises Unreadable, with the reason, if its runs could not be expected."""
    if not time.isascii() or re.search(r"[^\t -~]", time):
        raise Unreadable("there is a character in its time that is no plain letter, digit or sign")
    if time.startswith("-") and not flavour.dash:
        raise Unreadable(f"{flavour.name} takes no - before the time (cronie does, to keep the run out of its log)")
    text = time.removeprefix("-")
    text = _ALIASES.get(text, re.sub(r"[ \t]+", " ", text))
    if text == "@reboot":
        raise Unreadable("@reboot: when the machine starts, at no time that could be expected")
    if text.startswith("@every "):
        text = text.removeprefix("@")
    elif not text.startswith("@") and re.search(r"[A-Za-z#?]", _NAMES.sub("", text)):
        raise Unreadable(
            f"{text}: L, W, # and ? are not of every cron, and Debian's reads them otherwise or not at all"
        )
    elif "~" in text:
        raise Unreadable(f"{text}: with ~ the time is drawn by lot; write one time")
    try:
        return parse(text, zone)
    except BadSchedule as bad:
        raise Unreadable(str(bad)) from None


def grace_for(schedule: Schedule, *, late: int = 0) -> int | None:
    """No longer than the time between two runs, and how late they may be on top of it; None for the default."""
    gap = gap_ms(schedule)
    grace = (GRACE if gap is None else min(gap, GRACE)) + late
    return None if grace == GRACE else grace


def described(above: Sequence[str]) -> str:
    """The comment lines directly above a job as its description; empty if they do not describe it."""
    texts = [line.strip().lstrip("#").strip() for line in above]
    if not texts or len(texts) > _FEW or any(_LEGEND.search(text) or _is_line(text) for text in texts):
        return ""
    whole = one_line(" ".join(texts))
    return whole if len(whole) <= LONGEST and _TEXT.search(whole) else ""


def _is_line(text: str) -> bool:
    """Whether this is a commented-out job or setting."""
    try:
        return read_line(text, system=False) is not None
    except Unreadable:
        return False
