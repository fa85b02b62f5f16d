"""pause, resume, ack: what people do to a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.core.explain import open_slot
from heartbeat.doors.api.json_shapes import job_facts
from heartbeat.doors.api.until import end_of
from heartbeat.doors.cli.commands import Command, Invocation
from heartbeat.doors.cli.options import add_job, add_span, me, open_store
from heartbeat.doors.cli.screen import Cell
from heartbeat.model import Status
from heartbeat.text.times import ago, and_ago, moment
from heartbeat.verbs.jobs import snapshot_of
from heartbeat.verbs.operate import acknowledge, pause_job, resume_job

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from heartbeat.model import Snapshot


def _pause_arguments(parser: ArgumentParser) -> None:
    add_job(parser)
    add_span(parser)
    parser.add_argument("--reason", default="", metavar="TEXT", help="shown with the job")


def _ack_arguments(parser: ArgumentParser) -> None:
    add_job(parser)
    parser.add_argument("--by", metavar="NAME", help="who is looking after it (you)")


def _pause(call: Invocation) -> int:
    args, now = call.args, call.now
    with open_store(args) as store:
        until = end_of(args.for_, args.until, now, snapshot_of(store, args.job).job.timezone)
        found = pause_job(store, args.job, now, until=until, reason=args.reason)
    end = f"until {moment(until, now, found.job.timezone)} ({ago(until, now)})" if until else "until it is resumed"
    return _tell(call, found, now, f"{args.job} is paused {end}: nothing is expected of it")


def _resume(call: Invocation) -> int:
    now = call.now
    with open_store(call.args) as store:
        found = resume_job(store, call.args.job, now)
    return _tell(call, found, now, f"{call.args.job} is expected again{_expected(found, now)}")


def _expected(found: Snapshot, now: int) -> str:
    when = and_ago(open_slot(found), now, found.job.timezone)
    return f", next {when}" if when else ""


def _ack(call: Invocation) -> int:
    now, by = call.now, call.args.by or me()
    with open_store(call.args) as store:
        found = acknowledge(store, call.args.job, now, by=by)
    incident = found.state.incident
    since = f", down since {and_ago(incident.opened_at, now, found.job.timezone)}" if incident else ""
    return _tell(call, found, now, f"{by} looks after {call.args.job}{since}; no more reminders")


def _tell(call: Invocation, found: Snapshot, now: int, text: str) -> int:
    style = "magenta" if found.state.status is Status.PAUSED else "green"
    return call.tell(job_facts(found, (), now), Cell(text, style))


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
        arguments=add_job,
        run=_resume,
    ),
    "ack": Command(
        about="Say that somebody is looking after a job that is down: no more reminders. You still hear of a recovery.",
        arguments=_ack_arguments,
        run=_ack,
    ),
}
