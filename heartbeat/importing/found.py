"""What an import found: the jobs, and the fate of every line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What happened to a line. Each line has one."""

    JOB = "job"
    KEPT = "kept"
    LISTED = "listed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedJob:
    """A job for jobs.yaml. grace: milliseconds, None for the default; where: files and lines."""

    slug: str
    schedules: tuple[str, ...]
    timezone: str
    where: str
    dialect: str = ""
    grace: int | None = None
    description: str = ""
    enabled: bool = True
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line before and after. reason: why it is listed; slug: its job's."""

    number: int
    old: str
    new: str
    fate: Fate
    slug: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A file: its name, all its lines, and whether the last one ends with a newline."""

    name: str
    lines: tuple[Line, ...]
    ends: bool = True

    @property
    def changed(self) -> bool:
        """Whether any line differs now."""
        return any(line.old != line.new for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A sentence about a place: `FILE:LINE`, or a file, or a unit."""

    where: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A whole import. listed: what did not become a job, and why; remarks: what else people should know."""

    jobs: tuple[ImportedJob, ...]
    sheets: tuple[Sheet, ...]
    listed: tuple[Remark, ...]
    remarks: tuple[Remark, ...]
