"""What this machine says about itself: its crontabs, its timers, its time zone, its cron."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from heartbeat.errors import BadSchedule, BadSetting
from heartbeat.importing.cron import Crontab
from heartbeat.importing.flavour import UNKNOWN, flavour_of
from heartbeat.importing.timers import Timer, service_of
from heartbeat.schedule.zones import zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from heartbeat.importing.flavour import Flavour

SIZE_MAX = 5_000_000
"""Maximum bytes of a crontab or unit; a larger file is something else."""
PATIENCE = 20
"""Seconds to wait for a program that lists what is there."""
_DAEMONS = ("/usr/sbin/cron", "/usr/sbin/crond")
_SYSTEM = ("/etc/crontab", "/etc/cron.d")
_LOCALTIME = "/etc/localtime"
UNITS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""systemd.unit(5): where systemd looks for units, in this order."""


def answer(*argv: str) -> tuple[int, bytes, str]:
    """Exit status, standard output and the last line of standard error; 127 if the program does not exist."""
    try:
        done = subprocess.run(argv, capture_output=True, timeout=PATIENCE, check=False)  # noqa: S603 - fixed programs
    except (OSError, subprocess.TimeoutExpired) as problem:
        return 127, b"", str(problem)
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return done.returncode, done.stdout, said[-1] if said else ""


def own_crontab() -> Crontab:
    """The user's crontab. Raises BadSetting when there is none."""
    status, out, said = answer("crontab", "-l")
    if status:
        raise BadSetting(f"crontab -l: {said or 'there is none'}; name a file, or - for standard input")
    return Crontab(name="crontab", text=text_of(out))


def crontabs(path: str, *, system: bool | None, flavour: Flavour) -> Iterator[Crontab]:
    """The crontab in a file, or those in a folder such as /etc/cron.d. system: None to go by the path."""
    place = Path(path)
    at_home = any(os.path.abspath(path) == each or _below(path, each) for each in _SYSTEM)  # noqa: PTH100 - no links
    if not place.is_dir():
        yield Crontab(name=label(path), text=read(place), system=True if system is None and at_home else system)
        return
    for file in sorted(place.iterdir()):
        if file.is_file() and flavour.reads(file.name):
            yield Crontab(name=label(str(file)), text=read(file), system=system is not False)


def passed_over(path: str, flavour: Flavour) -> list[str]:
    """The files in a folder of crontabs that cron itself does not read."""
    place = Path(path)
    if not place.is_dir():
        return []
    names = sorted(file.name for file in place.iterdir() if file.is_file())
    return [name for name in names if not flavour.reads(name) and name != ".placeholder"]


def _below(path: str, folder: str) -> bool:
    return os.path.abspath(path).startswith(f"{folder}/")  # noqa: PTH100 - links are not followed: the name counts


def label(path: str) -> str:
    """A file's name for a diff: below this folder, or from the root. Raises BadSetting."""
    if not path.isprintable():
        raise BadSetting(f"{path!r}: such a name cannot stand in a diff; copy the file to another name")
    relative = os.path.relpath(path)
    return os.path.abspath(path) if relative.startswith("..") or os.path.isabs(path) else relative  # noqa: PTH100, PTH117 - texts, not files


def read(place: Path) -> str:
    """A file's text; bytes that are not UTF-8 are kept. Raises BadSetting."""
    try:
        with place.open("rb") as file:
            raw = file.read(SIZE_MAX + 1)
    except OSError as problem:
        raise BadSetting(f"{place}: {problem.strerror}") from None
    if len(raw) > SIZE_MAX:
        raise BadSetting(f"{place}: larger than {SIZE_MAX:,} bytes, so it is something else")
    return text_of(raw)


def text_of(raw: bytes) -> str:
    """Bytes as text, from which the same bytes can be restored."""
    return raw.decode("utf-8", "surrogateescape")


def time_zone() -> tuple[str, str]:
    """This machine's zone and how we know it; the second is empty for a guess, UTC."""
    for name, source in _zones():
        if name:
            try:
                return zone(name).name, source
            except BadSchedule:
                continue
    return "UTC", ""


def _zones() -> Iterator[tuple[str, str]]:
    status, out, _ = answer("timedatectl", "show", "-p", "Timezone", "--value")
    yield ("" if status else out.decode(errors="replace").strip()), "timedatectl"
    yield os.environ.get("TZ", "").removeprefix(":"), "the variable TZ"
    target = os.path.realpath(_LOCALTIME)
    yield target.partition("/zoneinfo/")[2], _LOCALTIME
    try:
        yield Path("/etc/timezone").read_text(encoding="utf-8").strip(), "/etc/timezone"
    except (OSError, UnicodeDecodeError):
        return


def which_cron(daemons: Sequence[str] = _DAEMONS) -> Flavour:
    """Which cron this machine has, by the words in its program."""
    for name in daemons:
        try:
            return flavour_of(Path(name).read_bytes())
        except OSError:
            continue
    return UNKNOWN


def own_program() -> str:
    """The absolute path of `heartbeat`; empty if unknown."""
    called = sys.argv[0] if Path(sys.argv[0]).name == "heartbeat" else ""
    found = shutil.which("heartbeat") or called
    return os.path.abspath(found) if found else ""  # noqa: PTH100 - a link such as /usr/local/bin/heartbeat is right


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
    return text_of(out) if not status and out.strip() else _in_folders(name, UNITS)


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
