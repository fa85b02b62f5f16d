"""This machine's timers: unit files in a folder, or units by name as systemd knows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from heartbeat.errors import BadSetting
from heartbeat.importing.machine import answer, read, text_of
from heartbeat.importing.timers import Timer, service_of

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDERS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""systemd.unit(5): where systemd looks for units, in this order."""


def all_timers(*, user: bool) -> list[str]:
    """The names of all timers that systemd has loaded. Raises BadSetting if there is no systemd."""
    status, out, said = answer(*_systemctl(user), "list-units", "--type=timer", "--all", "--plain", "--no-legend")
    if status:
        raise BadSetting(
            f"systemctl: {said or 'it does not answer'}; name the files, as in /etc/systemd/system/*.timer"
        )
    return [line.split()[0] for line in text_of(out).splitlines() if line.strip()]


def timer(wanted: str, *, user: bool) -> Timer:
    """A timer from its file or by its name, with its service. Raises BadSetting if there is none."""
    path = Path(wanted)
    if "/" in wanted or path.is_file():
        text, beside = _with_drop_ins(path), [str(path.parent)]
    else:
        wanted = wanted if wanted.endswith(".timer") else f"{wanted}.timer"
        found, beside = _unit(wanted, (), user=user), []
        if found is None:
            raise BadSetting(f"{wanted}: no such timer; `systemctl list-timers --all` lists them, or name its file")
        text = found
    name = Path(wanted).name
    if not name.endswith(".timer"):
        raise BadSetting(f"{wanted} is no timer: its name does not end with .timer")
    return Timer(name=name, text=text, service=_unit(service_of(name, text), beside, user=user))


def _systemctl(user: bool) -> tuple[str, ...]:
    return ("systemctl", "--no-pager", "--user") if user else ("systemctl", "--no-pager")


def _unit(name: str, beside: Sequence[str], *, user: bool) -> str | None:
    """A unit's text with its drop-ins: beside the timer, else from systemd, else from the unit folders."""
    found = _in_folders(name, beside)
    if found is not None:
        return found
    status, out, _ = answer(*_systemctl(user), "cat", "--", name)
    return text_of(out) if not status and out.strip() else _in_folders(name, FOLDERS)


def _in_folders(name: str, folders: Sequence[str]) -> str | None:
    template = f"{name.partition('@')[0]}@.{name.rpartition('.')[2]}" if "@" in name else name
    for each in dict.fromkeys((name, template)):
        for folder in folders:
            if (Path(folder) / each).is_file():
                return _with_drop_ins(Path(folder) / each)
    return None


def _with_drop_ins(path: Path) -> str:
    parts = [path, *sorted(path.parent.glob(f"{path.name}.d/*.conf"))]
    return "\n".join(read(part) for part in parts)
