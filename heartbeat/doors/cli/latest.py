"""The slot for a run that starts now: `heartbeat exec --every-slot-once` without `--for`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from heartbeat.config import read_file
from heartbeat.core import slots
from heartbeat.doors.cli.options import config_path
from heartbeat.errors import BadSetting
from heartbeat.model import SECOND
from heartbeat.verbs.jobs import nearest

if TYPE_CHECKING:
    from argparse import Namespace


def latest_slot(args: Namespace, now: int) -> str:
    """In the form of `--for`, with its offset. Raises BadConfig or BadSetting."""
    path, slug = config_path(args), args.slug
    if not path.exists():
        raise BadSetting(f"--every-slot-once needs the slot: name it (--for 2026-11-22), or the jobs; no file {path}")
    jobs = {job.slug: job for job in read_file(path).jobs}
    if slug not in jobs:
        raise BadSetting(f"{path} has no job {slug!r}; the nearest is {nearest(slug, iter(jobs))}")
    job = jobs[slug]
    schedule = slots.schedule_of(job)
    slot = None if schedule.interval_ms is not None else schedule.previous_ms(now + 1)
    if slot is None:
        raise BadSetting(f"{slug!r} has no slot before now: --every-slot-once needs a calendar, no {job.schedule[0]!r}")
    return datetime.fromtimestamp(slot // SECOND, ZoneInfo(job.timezone)).isoformat()
