"""`python -m heartbeat.config.compile jobs.yaml jobs.json`: compile a file, or list everything wrong with it.

Compiled files are for AWS, so a triggered job's schedule must be one that EventBridge can express. A third argument is
the time, in seconds since the epoch, for who wants to be warned of schedules that are over.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from heartbeat.config.declared import compiled
from heartbeat.config.reader import read_file
from heartbeat.errors import BadConfig, BadSchedule
from heartbeat.model import SECOND
from heartbeat.schedule import parse
from heartbeat.schedule.to_eventbridge import schedules_for

if TYPE_CHECKING:
    from heartbeat.model import Job


def main(source: str, target: str, seconds: str = "") -> int:
    """Compile one file into another; returns the exit status."""
    try:
        config = read_file(source, int(seconds) * SECOND if seconds else None)
    except BadConfig as bad:
        sys.stderr.writelines(f"{problem}\n" for problem in bad.problems)
        return 2
    unsaid = [problem for job in config.jobs if job.trigger is not None and (problem := _unsaid(job))]
    if unsaid:
        sys.stderr.writelines(unsaid)
        return 2
    sys.stderr.writelines(f"warning: {warning}\n" for warning in config.warnings)
    Path(target).write_bytes(compiled(config))
    return 0


def _unsaid(job: Job) -> str:
    try:
        schedules_for(parse(job.schedule, job.timezone, dialect=job.dialect))
    except BadSchedule as problem:
        return f"jobs.{job.slug}.schedule: {problem}\n"
    return ""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
