"""systemd timers to jobs, and the drop-in files with which their services report how they ended."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heartbeat.errors import BadSchedule
from heartbeat.importing.crontab import LONGEST, Unreadable
from heartbeat.importing.drift import same_times
from heartbeat.importing.found import Imported, ImportedJob, Remark
from heartbeat.importing.lateness import FROM_A_CHANGE, FROM_A_START, INTERVALS, grace_of, remarks_on
from heartbeat.importing.naming import Names
from heartbeat.importing.telling import telling
from heartbeat.importing.unit import Unit, timespan
from heartbeat.schedule import Schedule, format_duration, parse
from heartbeat.text.sanitize import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

WRAPPABLE = frozenset({"", "simple", "exec", "oneshot"})
"""Types of service whose first process can be `heartbeat exec`."""
WALLS = (
    *("PrivateNetwork", "RestrictAddressFamilies", "IPAddressDeny"),
    *("RootDirectory", "RootImage", "SystemCallFilter", "NoExecPaths"),
)
"""Service settings that may keep `heartbeat` from reaching the server, or even from starting."""
SEARCHED = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""systemd: where it looks for a program without a path."""
_EXEC = re.compile(r"(?P<before>[-:+!]*)(?P<command>[^-:+!@|\s].*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A timer's unit with its drop-ins, and its service's. service: None if unreadable; name: `backup.timer`."""

    name: str
    text: str
    service: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """Which systemd runs the units.

    zone: the machine's; folder: where drop-ins go; settings: the file with HEARTBEAT_URL and HEARTBEAT_PING_KEY;
    program: how to call `heartbeat`, empty for what systemd needs; found: the absolute path of ours, or empty.
    """

    zone: str
    folder: str = "/etc/systemd/system"
    settings: str = "/etc/heartbeat/env"
    program: str = ""
    found: str = ""

    @property
    def environment(self) -> str:
        """The lines that load the settings, which do not belong in a unit, because anybody may read those."""
        return f"# HEARTBEAT_URL=… and HEARTBEAT_PING_KEY=… stand there\nEnvironmentFile=-{self.settings}\n"

    @property
    def heartbeat(self) -> str:
        """What to write for `heartbeat`."""
        if self.program:
            return self.program
        known = not self.found or posixpath.dirname(self.found) in SEARCHED
        return "heartbeat" if known else self.found


def service_of(name: str, text: str) -> str:
    """The unit that a timer starts."""
    return Unit(text).last("Timer", "Unit") or f"{name.removesuffix('.timer')}.service"


def read_timers(timers: Sequence[Timer], manager: Manager, *, prefix: str = "") -> tuple[Imported, dict[str, str]]:
    """The jobs, and the files to create: each one's text by path."""
    names = Names(prefix=prefix)
    jobs: list[ImportedJob] = []
    files: dict[str, str] = {}
    listed: list[Remark] = []
    remarks: list[Remark] = []
    for timer in timers:
        try:
            job = _job(timer, manager, names)
        except Unreadable as why:
            listed.append(Remark(where=timer.name, text=str(why)))
            continue
        made, said = _drop_ins(timer, job.slug, manager)
        jobs.append(job)
        files |= made
        remarks += [Remark(where=timer.name, text=text) for text in (*job.remarks, *said)]
    return Imported(jobs=tuple(jobs), sheets=(), listed=tuple(listed), remarks=tuple(remarks)), files


def _job(timer: Timer, manager: Manager, names: Names) -> ImportedJob:
    unit = Unit(timer.text)
    if "@." in timer.name:
        raise Unreadable(f"it is a template; name an instance, such as {timer.name.replace('@.', '@main.')}")
    if not unit.has("Timer"):
        raise Unreadable("it has no section [Timer]")
    started = service_of(timer.name, timer.text)
    if not started.endswith(".service"):
        raise Unreadable(f"it starts {started}, which is no service: nothing in it could tell how it ended")
    schedule, dialect = _schedule(unit, manager.zone)
    service = Unit(timer.service or "")
    wish = timer.name.removesuffix(".timer")
    command = service.last("Service", "ExecStart")
    told = telling(command)
    return ImportedJob(
        slug=told.slug if told and told.slug else names.new(wish.replace("@", "-")),
        schedules=schedule.texts,
        timezone=manager.zone,
        where=timer.name,
        dialect=dialect,
        grace=grace_of(unit, schedule),
        description=_description(service, unit),
        remarks=tuple(remarks_on(unit, service)),
    )


def _description(service: Unit, timer: Unit) -> str:
    text = one_line(service.last("Unit", "Description") or timer.last("Unit", "Description"))
    return text if len(text) <= LONGEST and "%" not in text else ""


def _schedule(unit: Unit, zone: str) -> tuple[Schedule, str]:
    """The schedule, and its dialect if the form does not show it."""
    calendars = unit.all("Timer", "OnCalendar")
    intervals = [(key, each) for key in INTERVALS for each in unit.all("Timer", key)]
    if calendars and intervals:
        raise Unreadable(f"it has OnCalendar and {intervals[0][0]}: an interval cannot be joined with another schedule")
    if intervals:
        return _interval(intervals, zone), ""
    if calendars:
        return _calendar(calendars, zone)
    starts = [key for key in (*FROM_A_START, *FROM_A_CHANGE) if unit.all("Timer", key)]
    if starts:
        raise Unreadable(f"{starts[0]}: it runs once after something happened, at no time that could be expected")
    raise Unreadable("it names no time: no OnCalendar and no OnUnitActiveSec")


def _calendar(texts: Sequence[str], zone: str) -> tuple[Schedule, str]:
    once = tuple(dict.fromkeys(" ".join(text.split()) for text in texts))
    try:
        meant = parse(once, zone, "oncalendar")
    except BadSchedule as bad:
        raise Unreadable(f"OnCalendar: {bad}") from None
    try:
        alike = same_times(parse(once, zone), meant)
    except BadSchedule:
        alike = False
    return meant, "" if alike else "oncalendar"


def _interval(found: Sequence[tuple[str, str]], zone: str) -> Schedule:
    lengths = []
    for key, text in found:
        ms = timespan(text)
        if not ms or ms % 1000:
            raise Unreadable(f"{key}={text}: no length in whole seconds; write it like 15min or 1h 30min")
        lengths.append(ms)
    return parse(f"every {format_duration(min(lengths))}", zone)


def _drop_ins(timer: Timer, slug: str, manager: Manager) -> tuple[dict[str, str], list[str]]:
    """The files that make the service report, and what to say about it."""
    name = service_of(timer.name, timer.text)
    place = f"{manager.folder}/{name}.d/heartbeat.conf"
    if timer.service is None:
        return _beside(place, slug, manager), [f"{name} cannot be read: its end is told, not its beginning or output"]
    service = Unit(timer.service)
    commands = service.all("Service", "ExecStart")
    if any(telling(command) for command in commands):
        return {}, [f"{name} tells by itself: it stays as it is"]
    why = _not_wrappable(service, commands)
    if why:
        return _beside(place, slug, manager), [f"{name}: {why}, so its end is told, but not its beginning and output"]
    form = _EXEC.fullmatch(commands[0])
    wrapped = f"{form['before']}{manager.heartbeat} exec {slug} -- {form['command']}" if form else commands[0]
    return {place: f"[Service]\n{manager.environment}ExecStart=\nExecStart={wrapped}\n"}, []


def _not_wrappable(service: Unit, commands: Sequence[str]) -> str:
    kind = service.last("Service", "Type")
    walls = [key for key in WALLS if service.all("Service", key) and service.last("Service", key).lower() != "no"]
    if kind not in WRAPPABLE:
        return f"Type={kind} must see the program itself"
    if len(commands) != 1 or re.search(r"\s;\s", commands[0]):
        return f"it has {'several commands' if commands else 'no ExecStart'}"
    if commands[0].lstrip("@:+!").startswith("-") or service.all("Service", "SuccessExitStatus"):
        return "systemd takes some of its exit statuses for a success"
    if not _EXEC.fullmatch(commands[0]):
        return "its ExecStart has a prefix that cannot be kept"
    if walls:
        return f"{walls[0]} may keep it from the server"
    return ""


def _beside(place: str, slug: str, manager: Manager) -> dict[str, str]:
    """Our own units, which systemd (249 and later) starts when the service has ended."""
    files = {place: f"[Unit]\nOnSuccess=heartbeat-success@{slug}.service\nOnFailure=heartbeat-failure@{slug}.service\n"}
    for end, flag in (("success", ""), ("failure", " --fail")):
        files[f"{manager.folder}/heartbeat-{end}@.service"] = (
            f"[Unit]\nDescription=Tell Heartbeat of the {end} of %i\n[Service]\nType=oneshot\n{manager.environment}"
            f"ExecStart={manager.heartbeat} ping %i{flag}\n"
        )
    return files
