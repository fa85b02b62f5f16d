"""silence: tell nobody about some jobs for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from heartbeat.core.addressing import matches
from heartbeat.doors.api.json_shapes import silence_facts
from heartbeat.doors.api.until import HERE, end_of
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.options import add_old, add_span, add_store, here, me, open_store
from heartbeat.doors.cli.screen import Cell, Column, counted
from heartbeat.doors.cli.selectors import fits, meant
from heartbeat.errors import BadSetting
from heartbeat.model import Silence
from heartbeat.text.times import ago, moment
from heartbeat.verbs import service_state
from heartbeat.verbs.jobs import everything
from heartbeat.verbs.operate import silence, unsilence

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from heartbeat.store.protocol import Store

ID_LENGTH = 8
COLUMNS = (
    Column("id"),
    Column("selector", least=12, middle=True),
    Column("until", rank=1),
    Column("ends"),
    Column("by", rank=2),
    Column("reason", rank=3, least=12),
)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("selector", nargs="?", metavar="SELECTOR", help="a job's name, with * and ?, tag:NAME, or all")
    add_span(parser)
    parser.add_argument("--reason", default="", metavar="TEXT", help="why")
    parser.add_argument("--by", metavar="NAME", help="who is silencing (you)")
    add_old(parser, "--author", "by")
    parser.add_argument("--list", action="store_true", help="show current and future silences")
    parser.add_argument("--end", metavar="ID", help="end a silence now; what it held back is reported")
    add_store(parser)


def _run(call: Invocation) -> int:
    args = call.args
    asked = [bool(args.selector), args.list, bool(args.end)]
    if sum(asked) != 1:
        raise BadSetting("say what to silence, as in `heartbeat silence 'db-*' --for 2h`, or --list, or --end ID")
    with open_store(args) as store:
        if args.list:
            return _list(call, store)
        return _end(call, store) if args.end else _begin(call, store)


def _list(call: Invocation, store: Store) -> int:
    now = call.now
    kept = [each for each in service_state.silences(store) if each.end > now]
    if call.args.json:
        call.screen.json({"silences": [silence_facts(each, now) for each in kept]})
    elif not kept:
        call.screen.say("there are no current or future silences")
    else:
        rows: list[list[str | Cell]] = [
            [s.id, s.selector, here(s.end), ago(s.end, now), s.author, s.reason] for s in kept
        ]
        call.screen.list(COLUMNS, rows)
    return Exit.FINE


def _end(call: Invocation, store: Store) -> int:
    now = call.now
    gone = unsilence(store, call.args.end, now)
    text = f"{gone.selector} is no longer silenced; the next sweep reports what was held back"
    return call.tell(silence_facts(gone, now) | {"active": False}, Cell(text, "green"))


def _begin(call: Invocation, store: Store) -> int:
    args, now = call.args, call.now
    jobs = list(everything(store))
    selector = meant(args.selector, {found.job.slug for found in jobs})
    zones = {found.job.timezone for found in jobs if fits(selector, found.job)}
    zone = zones.pop() if len(zones) == 1 else HERE
    end = end_of(args.for_, args.until, now, zone)
    if end is None:
        raise BadSetting("a silence always ends: say --for 2h, or --until 22:00")
    new = Silence(
        id=uuid4().hex[:ID_LENGTH], selector=selector, start=now, end=end, reason=args.reason, author=args.by or me()
    )
    held = [found.job.slug for found in jobs if matches(new, found)]
    silence(store, new)
    until = here(end) if zone == HERE else moment(end, now, zone)
    text = f"{new.selector} is silenced until {until} ({ago(end, now)}), {_jobs(len(held))}"
    hint = Cell(f"end it earlier with: heartbeat silence --end {new.id}", "dim")
    return call.tell(silence_facts(new, now) | {"jobs": held}, Cell(text, "magenta"), hint)


def _jobs(count: int) -> str:
    if not count:
        return "which matches no job now; write a tag as tag:NAME"
    return counted(count, "job")


COMMANDS = {
    "silence": Command(
        about="Tell nobody about some jobs for a while. They are judged and recorded as usual; what is still wrong\n"
        "when the silence ends is reported then.\n\n"
        "  heartbeat silence 'db-*' --for 2h --reason 'disk swap'\n"
        "  heartbeat silence tag:nightly --until 2026-11-23T06:00+09:00\n"
        "  heartbeat silence all --until 22:00   in the jobs' zone, or in this machine's where they have several\n"
        "  heartbeat silence --list\n"
        "  heartbeat silence --end ID",
        arguments=_arguments,
        run=_run,
    )
}
