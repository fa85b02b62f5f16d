"""Crontabs to jobs, line by line."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from heartbeat.errors import BadSchedule
from heartbeat.importing.crontab import CrontabEntry, Setting, Unreadable, described, grace_for, read_line, read_time
from heartbeat.importing.flavour import UNKNOWN
from heartbeat.importing.found import Fate, Imported, ImportedJob, Line, Remark, Sheet
from heartbeat.importing.guard import has_hidden_guard, without_failing_guard
from heartbeat.importing.naming import Names, name_of
from heartbeat.importing.shell import Unwrappable, given, quoted, split_input, wrap
from heartbeat.importing.telling import telling
from heartbeat.importing.users import lines_with_users
from heartbeat.model import MINUTE
from heartbeat.schedule import parse
from heartbeat.schedule.zones import zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heartbeat.importing.flavour import Flavour
    from heartbeat.importing.telling import Telling

PATH = "/usr/bin:/bin"
"""cron: the PATH when the crontab sets none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crontab:
    """A crontab's text. name: its path, for people and for the diff.

    system: whether its lines have a user's name behind the time; None: each line shows it.
    """

    name: str
    text: str
    system: bool | None = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """Which cron runs the lines.

    zone: the machine's; fixed: the user named it, so nothing in a crontab changes it; flavour: its rules;
    program: how to call `heartbeat`, empty to go by the PATH; found: the absolute path of ours, or empty.
    """

    zone: str
    fixed: bool = False
    known: bool = True
    flavour: Flavour = UNKNOWN
    program: str = ""
    found: str = ""


def read_crontabs(tables: Sequence[Crontab], cron: Cron, *, prefix: str = "") -> Imported:
    """Every job in the crontabs, every line and its fate, and what else people should know."""
    taken = {told.slug for table in tables for line in table.text.split("\n") if (told := _told(line)) and told.slug}
    book = _Book(cron=cron, names=Names(taken, prefix=prefix))
    sheets = tuple(_CrontabReader(table, book).read() for table in tables)
    listed = tuple(
        Remark(where=f"{sheet.name}:{line.number}", text=line.reason)
        for sheet in sheets
        for line in sheet.lines
        if line.fate is Fate.LISTED
    )
    return Imported(jobs=tuple(book.jobs.values()), sheets=sheets, listed=listed, remarks=tuple(book.remarks))


def _told(line: str) -> Telling | None:
    return None if line.lstrip().startswith("#") else telling(line)


@dataclass(slots=True, kw_only=True)
class _Book:
    """What all crontabs in an import share."""

    cron: Cron
    names: Names
    jobs: dict[str, ImportedJob] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def add(self, job: ImportedJob) -> None:
        """Add a job, or more times for a known one. Raises Unreadable when they cannot be one job."""
        known = self.jobs.get(job.slug)
        if known is None:
            self.jobs[job.slug] = job
            return
        schedules = tuple(dict.fromkeys((*known.schedules, *job.schedules)))
        if known.timezone != job.timezone:
            raise Unreadable(f"{job.slug} is at {known.where} too, in another time zone: give it a name of its own")
        try:
            parse(schedules, known.timezone)
        except BadSchedule as bad:
            raise Unreadable(f"{job.slug} is at {known.where} too: {bad.problem}; {bad.remedy}") from None
        grace = min((each for each in (known.grace, job.grace) if each), default=None)
        self.jobs[job.slug] = replace(known, schedules=schedules, grace=grace, where=f"{known.where}, {job.where}")


class _CrontabReader:
    """One crontab, read from top to bottom: a setting applies to the lines after it."""

    def __init__(self, table: Crontab, book: _Book) -> None:
        self._table, self._book, self._cron = table, book, book.cron
        self._set: dict[str, str] = {}
        self._zone, self._zone_trouble = book.cron.zone, ""
        self._above: list[str] = []
        self._said: set[str] = set()
        self._users = lines_with_users(table.text) if table.system is None else frozenset()
        self._delay = 0

    def read(self) -> Sheet:
        """Every line of the crontab and its fate."""
        texts = self._table.text.split("\n")
        if texts[-1] == "":
            texts.pop()
        lines = tuple(self._line(number, text) for number, text in enumerate(texts, 1))
        self._remark_on_file(lines)
        return Sheet(name=self._table.name, lines=lines, ends=self._table.text.endswith("\n"))

    def _line(self, number: int, text: str) -> Line:
        slug = reason = ""
        new, fate = text, Fate.KEPT
        try:
            said = read_line(text, system=bool(self._table.system) or number in self._users)
            if isinstance(said, CrontabEntry):
                new, slug = self._job(number, said)
                fate = Fate.JOB
            elif said:
                self._setting(number, said)
        except (Unreadable, Unwrappable) as why:
            fate, reason = Fate.LISTED, str(why)
        comment = fate is Fate.KEPT and text.lstrip().startswith("#")
        self._above = [*self._above, text] if comment else []
        return Line(number=number, old=text, new=new, fate=fate, slug=slug, reason=reason)

    def _job(self, number: int, entry: CrontabEntry) -> tuple[str, str]:
        """The new line, and the job's name."""
        if self._zone_trouble:
            raise Unreadable(self._zone_trouble)
        schedule = read_time(entry.time, self._zone, self._cron.flavour)
        command = given(split_input(entry.command)[0])
        told = telling(command)
        if told and not told.slug and not told.host:
            raise Unreadable("it calls heartbeat itself, but the job's name cannot be read")
        slug = told.slug if told and told.slug else self._book.names.new(name_of(command))
        new = entry.command if told else self._wrapped(entry.command, slug, number)
        job = ImportedJob(
            slug=slug,
            schedules=schedule.texts,
            timezone=self._zone,
            where=f"{self._table.name}:{number}" + (f" as {entry.user}" if entry.user else ""),
            grace=grace_for(schedule, late=self._delay),
            description=described(self._above),
        )
        self._book.add(job)
        if told and without_failing_guard(command) != command:
            self._remark(
                number, f"{slug} is heard of only when its guard says yes: a day on which it says no is missed"
            )
        if told and told.host:
            self._remark(number, f"{slug} pings {told.host} by itself: the line stays; have its URL point to Heartbeat")
        return f"{entry.before}{new}", slug

    def _wrapped(self, command: str, slug: str, number: int) -> str:
        new = wrap(command, slug, shell=self._set.get("SHELL") or "/bin/sh", program=self._program(number))
        length = len(new.encode("utf-8", "surrogateescape"))
        most = self._cron.flavour.command_max
        if length > most:
            raise Unwrappable(
                f"with `heartbeat exec {slug} --` before it the command has {length} bytes, and cron takes "
                f"{most}: put it into a script"
            )
        self._remark_on_guard(command, number)
        if "HEARTBEAT_URL" not in self._set:
            self._once(
                number,
                "no HEARTBEAT_URL is set above: the commands run, and tell nobody; put HEARTBEAT_URL=… and "
                "HEARTBEAT_PING_KEY=… at the top",
            )
        return new

    def _remark_on_guard(self, command: str, number: int) -> None:
        before = split_input(command)[0]
        if without_failing_guard(before) != before:
            self._once(
                number, "when a guard such as [ … ] says that there is nothing to do, the run counts as a success"
            )
        elif has_hidden_guard(before):
            self._remark(number, "when its guard says no, the line ends as a failure; write it as if …; then …; fi")

    def _program(self, number: int) -> str:
        """`heartbeat`, or its full path if cron would not find it: then the job itself would not run."""
        if self._cron.program:
            return self._cron.program
        path = self._set.get("PATH", PATH)
        if not self._cron.found:
            self._once(number, f"heartbeat is not installed here; cron looks for it in {path}")
            return "heartbeat"
        folder = posixpath.dirname(self._cron.found)
        return "heartbeat" if folder in path.split(":") else quoted(self._cron.found)

    def _setting(self, number: int, setting: Setting) -> None:
        self._set[setting.name] = setting.value
        if setting.name == "CRON_TZ" and not self._cron.fixed:
            self._cron_tz(number, setting.value)
        elif setting.name == "TZ" and not self._cron.fixed:
            self._tz(number, setting.value)
        elif setting.name == "RANDOM_DELAY" and self._cron.flavour.random_delay and setting.value.isdecimal():
            self._delay = int(setting.value) * MINUTE
            self._remark(number, "RANDOM_DELAY: grace holds it too, for the lines below")

    def _cron_tz(self, number: int, value: str) -> None:
        if self._cron.flavour.cron_tz is False:
            self._remark(
                number,
                f"this machine's cron does not know CRON_TZ (Debian's does not): the times are read in {self._zone}; "
                "if another cron runs them, say --cron cronie",
            )
            return
        self._move(number, "CRON_TZ", value)
        if self._cron.flavour.cron_tz is None:
            self._remark(
                number, "CRON_TZ holds for cronie and FreeBSD's cron; if Debian's runs these lines, say --cron debian"
            )

    def _tz(self, number: int, value: str) -> None:
        if self._cron.known:
            self._remark(number, f"TZ is for the commands; cron itself goes by {self._zone}, and so do the schedules")
            return
        self._remark(
            number, "this machine's time zone is not known, so the schedules are read in TZ; or say --timezone"
        )
        self._move(number, "TZ", value)

    def _move(self, number: int, name: str, value: str) -> None:
        try:
            self._zone, self._zone_trouble = zone(value.removeprefix(":")).name, ""
        except BadSchedule as bad:
            self._zone_trouble = f"{name}={value} in line {number} {bad.problem}; {bad.remedy}"

    def _remark(self, number: int, text: str) -> None:
        self._book.remarks.append(Remark(where=f"{self._table.name}:{number}", text=text))

    def _once(self, number: int, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._remark(number, text)

    def _remark_on_file(self, lines: Sequence[Line]) -> None:
        if self._users:
            self._remark(
                min(self._users),
                f"{_counted(len(self._users))} a user's name behind the time, as in /etc/crontab; if not, say --user",
            )
        if any(line.fate is Fate.JOB and line.old.endswith("\r") for line in lines):
            self._remark(1, "lines end in CR LF: cron gives the CR to the commands, as part of the last word")
        if lines and not self._table.text.endswith("\n") and not re.fullmatch(r"[ \t]*", lines[-1].old):
            self._remark(len(lines), f"the last line has no end: {self._cron.flavour.unended}")


def _counted(lines: int) -> str:
    return "1 line is read with" if lines == 1 else f"{lines} lines are read with"
