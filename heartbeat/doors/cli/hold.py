"""pause, resume, ack, silence: what people do to a job, or to what is told of it."""

from __future__ import annotations

from getpass import getuser
from typing import TYPE_CHECKING
from uuid import uuid4

from heartbeat import documents
from heartbeat.doors.cli.commands import Call, Command, Exit
from heartbeat.doors.cli.facts import job_facts, silence_facts
from heartbeat.doors.cli.options import add_db, add_span, here, open_store, snapshot_of, span_end
from heartbeat.doors.display import Cell, counted
from heartbeat.errors import BadSetting
from heartbeat.explain import open_slot
from heartbeat.manage import acknowledge, everything, pause_job, resume_job, silence, unsilence
from heartbeat.model import Silence, Status
from heartbeat.outbox import matches
from heartbeat.timewords import ago, and_ago, moment

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from heartbeat.model import Snapshot
    from heartbeat.store.protocol import Store

ID_LENGTH = 8


def _job_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="the job's name")
    add_db(parser)


def _pause_arguments(parser: ArgumentParser) -> None:
    _job_arguments(parser)
    add_span(parser)
    parser.add_argument("--reason", default="", metavar="TEXT", help="shown with the job")


def _ack_arguments(parser: ArgumentParser) -> None:
    _job_arguments(parser)
    parser.add_argument("--by", metavar="NAME", help="who looks after it (you)")


def _silence_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("selector", nargs="?", metavar="SELECTOR", help="a job's name, with * and ?, or tag:NAME")
    add_span(parser)
    parser.add_argument("--reason", default="", metavar="TEXT", help="why")
    parser.add_argument("--author", metavar="NAME", help="who is silencing (you)")
    parser.add_argument("--list", action="store_true", help="show the silences that hold, and those to come")
    parser.add_argument("--end", metavar="ID", help="end a silence now; what it held back is told")
    add_db(parser)


def _me() -> str:
    try:
        return getuser()
    except (KeyError, OSError):  # a container's number without a name
        return "somebody"


def _pause(call: Call) -> int:
    args, now = call.args, call.now
    with open_store(args) as store:
        until = span_end(args, now, snapshot_of(store, args.job).job.timezone)
        found = pause_job(store, args.job, now, until=until, reason=args.reason)
    end = f"until {moment(until, now, found.job.timezone)} ({ago(until, now)})" if until else "until it is resumed"
    return _tell(call, found, now, f"{args.job} is paused {end}: nothing is expected of it")


def _resume(call: Call) -> int:
    now = call.now
    with open_store(call.args) as store:
        found = resume_job(store, call.args.job, now)
    return _tell(call, found, now, f"{call.args.job} is expected again{_expected(found, now)}")


def _expected(found: Snapshot, now: int) -> str:
    when = and_ago(open_slot(found), now, found.job.timezone)
    return f", next {when}" if when else ""


def _ack(call: Call) -> int:
    now, by = call.now, call.args.by or _me()
    with open_store(call.args) as store:
        found = acknowledge(store, call.args.job, now, by=by)
    incident = found.state.incident
    since = f", down since {and_ago(incident.opened_at, now, found.job.timezone)}" if incident else ""
    return _tell(call, found, now, f"{by} looks after {call.args.job}{since}; no more reminders")


def _tell(call: Call, found: Snapshot, now: int, text: str) -> int:
    if call.args.json:
        call.screen.json(job_facts(found, (), now))
    else:
        call.screen.say(Cell(text, "magenta" if found.state.status is Status.PAUSED else "green"))
    return Exit.FINE


def _silence(call: Call) -> int:
    args = call.args
    asked = [bool(args.selector), args.list, bool(args.end)]
    if sum(asked) != 1:
        raise BadSetting("say what to silence, as in `heartbeat silence 'db-*' --for 2h`, or --list, or --end ID")
    with open_store(args) as store:
        if args.list:
            return _list(call, store)
        return _end(call, store) if args.end else _begin(call, store)


def _list(call: Call, store: Store) -> int:
    now = call.now
    kept = [each for each in documents.silences(store) if each.end > now]
    if call.args.json:
        call.screen.json([silence_facts(each, now) for each in kept])
    elif not kept:
        call.screen.say("no silence holds, and none is to come")
    else:
        rows = [[s.id, s.selector, here(s.end), ago(s.end, now), s.author, s.reason] for s in kept]
        call.screen.table(("id", "selector", "until", "ends", "author", "reason"), rows)
    return Exit.FINE


def _end(call: Call, store: Store) -> int:
    now = call.now
    gone = unsilence(store, call.args.end, now)
    if call.args.json:
        call.screen.json(silence_facts(gone, now) | {"active": False})
    else:
        text = f"{gone.selector} is no longer silenced; what was held back is told by the next sweep"
        call.screen.say(Cell(text, "green"))
    return Exit.FINE


def _begin(call: Call, store: Store) -> int:
    args, now = call.args, call.now
    end = span_end(args, now, None)
    if end is None:
        raise BadSetting("a silence always ends: say --for 2h, or --until with a time and its offset")
    new = Silence(
        id=uuid4().hex[:ID_LENGTH],
        selector=args.selector,
        start=now,
        end=end,
        reason=args.reason,
        author=args.author or _me(),
    )
    held = [found.job.slug for found in everything(store) if matches(new, found.job)]
    silence(store, new)
    if args.json:
        call.screen.json(silence_facts(new, now) | {"jobs": held})
        return Exit.FINE
    text = f"{new.selector} is silenced until {here(end)} ({ago(end, now)}), {_jobs(len(held))}"
    call.screen.say(Cell(text, "magenta"))
    call.screen.say(Cell(f"end it before with: heartbeat silence --end {new.id}", "dim"))
    return Exit.FINE


def _jobs(count: int) -> str:
    if not count:
        return "which is no job now; a tag is written tag:NAME"
    return counted(count, "job")


COMMANDS = {
    "pause": Command(
        about="Expect nothing of a job: its slots are excused, nobody is told, an open incident is closed without a\n"
        "word. A time without an offset is read in the job's time zone.\n\n"
        "  heartbeat pause daily-report --for 2h --reason 'moving the database'",
        arguments=_pause_arguments,
        run=_pause,
    ),
    "resume": Command(
        about="Expect a paused job again from now on. The next success counts as its first.",
        arguments=_job_arguments,
        run=_resume,
    ),
    "ack": Command(
        about="Say that somebody looks after a job that is down: no more reminders. The recovery is told as ever.",
        arguments=_ack_arguments,
        run=_ack,
    ),
    "silence": Command(
        about="Tell nobody about some jobs for a while. They are judged and recorded as ever; what is still wrong\n"
        "when the silence ends is told then.\n\n"
        "  heartbeat silence 'db-*' --for 2h --reason 'disk swap'\n"
        "  heartbeat silence tag:nightly --until 2026-11-23T06:00+09:00\n"
        "  heartbeat silence --list\n"
        "  heartbeat silence --end ID",
        arguments=_silence_arguments,
        run=_silence,
    ),
}
