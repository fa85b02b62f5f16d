"""next: when a schedule fires, in words and as dates, and how clock changes affect it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from heartbeat.core import slots
from heartbeat.doors.api.until import instant
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.options import add_store, config_path, is_there, open_store, place
from heartbeat.doors.cli.screen import Cell
from heartbeat.errors import BadSchedule, BadSetting
from heartbeat.schedule import parse
from heartbeat.schedule.remarks import remarks
from heartbeat.text.times import ago, iso
from heartbeat.verbs.jobs import nearest, snapshot_of

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from heartbeat.schedule import Schedule

COUNT_MAX = 1_000
_SLUG = re.compile(r"[a-z0-9_-]+")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("schedule", nargs="+", metavar="SCHEDULE|JOB", help="an expression (several: their union)")
    parser.add_argument("--tz", metavar="ZONE", help="the time zone, like Europe/Berlin (UTC)")
    parser.add_argument("--dialect", metavar="NAME", help="how to read it, where its form does not say so: kubernetes")
    parser.add_argument("-n", type=int, default=10, metavar="COUNT", help="how many (10)")
    parser.add_argument("--from", dest="from_", metavar="TIME", help="after this instant (now), like 2026-03-28T12:00")
    parser.add_argument("--describe", action="store_true", help="only say it in words")
    add_store(parser)


def _run(call: Invocation) -> int:
    args = call.args
    if not 1 <= args.n <= COUNT_MAX:
        raise BadSetting(f"-n {args.n} is not from 1 to {COUNT_MAX}")
    schedule, last = _schedule(call)
    after = instant(args.from_, schedule.timezone) if args.from_ else last
    found = [] if args.describe else _upcoming(schedule, after, args.n)
    if args.json:
        call.screen.json(_as_json(schedule, after, found))
    else:
        _show(call, schedule, after, found)
    return Exit.FINE


def _schedule(call: Invocation) -> tuple[Schedule, int]:
    """The schedule, and the instant to start after."""
    args, name = call.args, call.args.schedule[0]
    plain = len(args.schedule) == 1 and not args.tz and not args.dialect and _SLUG.fullmatch(name)
    if plain and is_there(place(args)):
        with open_store(args) as store:
            known = store.load([name]).get(name)
        if known is not None:
            every = slots.schedule_of(known.job).interval_ms is not None
            return slots.schedule_of(known.job), slots.heartbeat_cursor(known.state) if every else call.now
    try:
        return parse(args.schedule, args.tz or "UTC", args.dialect), call.now
    except BadSchedule:
        if not plain or not is_there(place(args)):
            raise
    with open_store(args) as store:  # a name, not a schedule: suggest the nearest job
        return slots.schedule_of(snapshot_of(store, name).job), call.now


def _upcoming(schedule: Schedule, after: int, count: int) -> list[tuple[int, str]]:
    """The slots, and anything remarkable about each."""
    found: list[tuple[int, str]] = []
    before, slot = (None if schedule.interval_ms else after), schedule.next_ms(after)
    while slot is not None and len(found) < count:
        found.append((slot, "" if before is None else remarks(schedule, slot, before) or ""))
        before, slot = (None if schedule.interval_ms else slot), schedule.next_ms(slot)
    return found


def _local(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at / 1000, zone)


def _show(call: Invocation, schedule: Schedule, after: int, found: list[tuple[int, str]]) -> None:
    call.screen.say(Cell(schedule.describe(), "bold"))
    if call.args.describe:
        return
    zone, now = ZoneInfo(schedule.timezone), call.now
    if found:
        call.screen.say()
        rows = [[_clock(_local(at, zone)), _clock(_local(at, ZoneInfo("UTC"))), ago(at, now), odd] for at, odd in found]
        call.screen.table(("local time", "utc", "when", "remarks"), rows)
    if len(found) < call.args.n:
        call.screen.say(Cell("and never again" if found else f"never after {iso(after)}", "yellow"))


def _clock(local: datetime) -> str:
    return f"{local:%a %Y-%m-%d %H:%M:%S %Z}" if local.second else f"{local:%a %Y-%m-%d %H:%M %Z}"


def _as_json(schedule: Schedule, after: int, found: list[tuple[int, str]]) -> dict[str, Any]:
    zone = ZoneInfo(schedule.timezone)
    return {
        "schedule": list(schedule.texts),
        "timezone": schedule.timezone,
        "dialect": schedule.dialect,
        "in_words": schedule.describe(),
        "after": iso(after),
        "slots": [{"at": iso(at), "local": _local(at, zone).isoformat(), "remark": odd} for at, odd in found],
    }


def latest_slot(args: Namespace, now: int) -> str:
    """The slot of a run that starts now (`exec --every-slot-once`), as `--for` has it. Raises BadConfig, BadSetting."""
    from heartbeat.config import read_file  # noqa: PLC0415 - the command itself reads no YAML
    from heartbeat.config.files import are_there  # noqa: PLC0415 - the same

    path, slug = config_path(args), args.slug
    if not are_there(path):
        raise BadSetting(f"--every-slot-once needs the slot: name it (--for 2026-11-22), or the jobs; no file {path}")
    jobs = {job.slug: job for job in read_file(path).jobs}
    if slug not in jobs:
        raise BadSetting(f"{path} has no job {slug!r}; the nearest is {nearest(slug, iter(jobs))}")
    job = jobs[slug]
    schedule = slots.schedule_of(job)
    slot = None if schedule.interval_ms is not None else schedule.previous_ms(now + 1)
    if slot is None:
        raise BadSetting(f"{slug!r} has no slot before now: --every-slot-once needs a calendar, no {job.schedule[0]!r}")
    return datetime.fromtimestamp(slot // 1000, ZoneInfo(job.timezone)).isoformat()


COMMANDS = {
    "next": Command(
        about="Say in words what a schedule means, when it fires next, and how clock changes affect it.\n\n"
        "  heartbeat next '30 2 * * *' --tz Europe/Berlin --from 2026-03-27\n"
        "  heartbeat next 'RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18' --tz Asia/Tokyo\n"
        "  heartbeat next daily-report       a job of the database, in its own zone",
        arguments=_arguments,
        run=_run,
    )
}
