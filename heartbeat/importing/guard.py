"""Guards: `[ "$(date +%d)" = 01 ] && report` decides whether there is something to do.

For cron it is the same whether a guard says no or the work fails: the line ends with a failure. For us it is not: a day
without work is no failed day. So the guard becomes the condition of an `if`, whose end is a success when it says no.
The `if` stands inside of `heartbeat exec`, so that such a day is heard of; outside of it the day would be missed.
"""

from __future__ import annotations

from typing import NamedTuple

from heartbeat.importing.words import pieces

_GUARDS = frozenset(
    ("[", "[[", "test", "grep", "egrep", "fgrep", "zgrep", "pgrep", "pidof", "which", "command", "type", "hash")
)
"""Not `mountpoint`: a disk that is missing is no day off."""
_ENDS = frozenset({";", "&", "\n", ";;"})
_LOOPS = frozenset({"if", "then", "else", "elif", "do", "while", "until", "for", "case", "esac", "fi", "done"})
_OPENS, _CLOSES = frozenset({"(", "{"}), frozenset({")", "}"})


class _Listed(NamedTuple):
    """What stands between two operators of the outermost level. joint: the operator before it."""

    joint: str
    text: str


def without_failing_guard(command: str) -> str:
    """The command, with the guards before its last part as conditions. Unchanged where none decides how it ends."""
    parts = _parts(command)
    last = _last_list(parts)
    guards = [place for place in range(last, len(parts) - 1) if _is_guard(parts, place)]
    if not guards or any(part.joint == "||" for part in parts[last + 1 :]):
        return command
    first = after = guards[0]
    while after in guards:
        after = _next(parts, after)
    before, guard, rest = parts[:first], parts[first:after], parts[after:]
    head = "".join(part.joint + part.text for part in before) + guard[0].joint
    gap = " " if head and not head.endswith(" ") else ""
    return f"{head}{gap}if {_joined(guard)}; then {_joined(rest)}; fi"


def has_hidden_guard(command: str) -> bool:
    """Whether a guard in a loop or in brackets may make the command end with a failure."""
    inner = command.strip()
    if inner.startswith("(") and inner.endswith(")"):
        return without_failing_guard(inner[1:-1]) != inner[1:-1]
    parts = _parts(command)
    hidden = [place for place, part in enumerate(parts) if part.text.split()[:1] and part.text.split()[0] in _LOOPS]
    return any(
        _is_guard([_Listed("", parts[place].text.split(maxsplit=1)[-1]), *parts[place + 1 :]], 0) for place in hidden
    ) and parts[-1].text.strip() in {"fi", "done"}


def _parts(command: str) -> list[_Listed]:
    """The parts; none if something in the command is not understood, a comment for example."""
    found, joint, text, depth = [], "", "", 0
    for kind, piece in pieces(command):
        if kind == "other":
            return []
        depth += (piece in _OPENS) - (piece in _CLOSES)
        if kind == "operator" and depth == 0 and piece not in _CLOSES:
            found.append(_Listed(joint, text))
            joint, text = piece, ""
        else:
            text += piece
    if text.strip() or joint != ";":
        found.append(_Listed(joint, text))
    return found


def _last_list(parts: list[_Listed]) -> int:
    """Where the list begins whose end is the command's."""
    return max((place for place, part in enumerate(parts) if part.joint in _ENDS), default=0)


def _next(parts: list[_Listed], place: int) -> int:
    """The part after this one and those that it is piped into."""
    place += 1
    while place < len(parts) and parts[place].joint == "|":
        place += 1
    return place


def _is_guard(parts: list[_Listed], place: int) -> bool:
    """Whether a guard begins here: what `&&` follows, and whose last program only looks at something."""
    after = _next(parts, place)
    if after >= len(parts) or parts[after].joint != "&&" or parts[place].joint == "|":
        return False
    words = parts[after - 1].text.replace("!", " ", 1).split() if after - place == 1 else parts[after - 1].text.split()
    looks = bool(words) and (words[0].rpartition("/")[2] in _GUARDS or words[0].startswith("(("))
    return looks or words[:2] in (["systemctl", "is-active"], ["systemctl", "is-enabled"])


def _joined(parts: list[_Listed]) -> str:
    return (parts[0].text + "".join(part.joint + part.text for part in parts[1:])).strip()
