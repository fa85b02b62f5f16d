"""key show and key rotate: the key in ping URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.doors.cli.options import here
from heartbeat.doors.cli.screen import Cell
from heartbeat.errors import BadSchedule, BadSetting
from heartbeat.model import DAY
from heartbeat.schedule.duration import format_duration, parse_duration
from heartbeat.text.times import iso
from heartbeat.verbs import ping_keys

if TYPE_CHECKING:
    from heartbeat.doors.cli.commands import Invocation
    from heartbeat.store.protocol import Store
    from heartbeat.verbs.ping_keys import PingKeys

KEEP = 7 * DAY
KEEP_MAX = 366 * DAY
SOON = (
    "A running service takes it up within a second;",
    "functions on AWS may take an old key up to ten minutes longer",
)


def show(call: Invocation, store: Store) -> int:
    """Print the newest key, and until when those before it are valid."""
    found = ping_keys.read(store, call.now)
    lines = [Cell(found.newest, "bold"), *_before(found)] if found.newest else [Cell(_NONE)]
    if found.given:
        lines = [Cell(f"the service takes {found.given} from its environment (HEARTBEAT_PING_KEY), none from here")]
    return call.tell(_facts(found), *lines)


_NONE = "there is no ping key yet; `heartbeat serve` makes one when it starts, `heartbeat key rotate` makes one now"


def rotate(call: Invocation, store: Store) -> int:
    """Make a new one, and say how long the old one goes on being taken."""
    keep = _keep(call.args.keep)
    found = ping_keys.rotate(store, call.now, keep)
    told = _before(found) or [Cell("no other key opens anything any more", "yellow")]
    return call.tell(_facts(found), Cell(found.newest, "bold"), *told, *(Cell(line, "dim") for line in SOON))


def _keep(text: str | None) -> int:
    try:
        keep = KEEP if text is None else parse_duration(text)
    except BadSchedule as problem:
        raise BadSetting(f"--keep: {problem}") from None
    if keep > KEEP_MAX:
        raise BadSetting(f"--keep {text}: at most {format_duration(KEEP_MAX)}; a key that never ends is not rotated")
    return keep


def _before(found: PingKeys) -> list[Cell]:
    return [Cell(f"{old.key} is taken until {here(old.until)}") for old in found.before]


def _facts(found: PingKeys) -> dict[str, object]:
    before = [{"key": old.key, "until": iso(old.until)} for old in found.before]
    return {"key": found.newest or None, "before": before, "given": found.given}


def help_of_keep() -> str:
    """What --keep says."""
    return f"rotate: how long the old key is taken, such as 12h or 0s ({format_duration(KEEP)})"
