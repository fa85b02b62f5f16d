"""pause, resume, ack: what people do to a job, or to several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.core.explain import open_slot
from heartbeat.doors.api.json_shapes import job_facts
from heartbeat.doors.api.until import end_of
from heartbeat.doors.cli.commands import Command, Invocation
from heartbeat.doors.cli.options import add_span, add_store, me, open_store
from heartbeat.doors.cli.screen import Cell, counted
from heartbeat.doors.cli.selectors import add_jobs, is_name, load
from heartbeat.errors import BadSetting
from heartbeat.model import Status
from heartbeat.text.times import ago, and_ago, moment
from heartbeat.verbs.operate import acknowledge, pause_job, resume_job

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

    from heartbeat.model import Snapshot
    from heartbeat.store.protocol import Store

    Done = tuple[Snapshot, str]
    """The job as it is now, and the words for it."""


def _pause_arguments(parser: ArgumentParser) -> None:
    _jobs_arguments(parser)
    add_span(parser)
    parser.add_argument("--reason", default="", metavar="TEXT", help="shown with the job")


def _ack_arguments(parser: ArgumentParser) -> None:
    _jobs_arguments(parser)
    parser.add_argument("--by", metavar="NAME", help="who is looking after it (you)")


def _jobs_arguments(parser: ArgumentParser) -> None:
    add_jobs(parser)
    add_store(parser)


def _pause(call: Invocation) -> int:
    args, now = call.args, call.now

    def pause(store: Store, found: Snapshot) -> tuple[Snapshot, str]:
        slug, zone = found.job.slug, found.job.timezone
        until = end_of(args.for_, args.until, now, zone)
        end = f"until {moment(until, now, zone)} ({ago(until, now)})" if until else "until it is resumed"
        after = pause_job(store, slug, now, until=until, reason=args.reason)
        return after, f"{slug} is paused {end}: nothing is expected of it"

    return _each(call, lambda _: True, pause)


def _resume(call: Invocation) -> int:
    now = call.now

    def resume(store: Store, found: Snapshot) -> tuple[Snapshot, str]:
        after = resume_job(store, found.job.slug, now)
        return after, f"{found.job.slug} is expected again{_expected(after, now)}"

    return _each(call, lambda found: found.state.status is Status.PAUSED, resume)


def _expected(found: Snapshot, now: int) -> str:
    when = and_ago(open_slot(found), now, found.job.timezone)
    return f", next {when}" if when else ""


def _ack(call: Invocation) -> int:
    now, by = call.now, call.args.by or me()

    def ack(store: Store, found: Snapshot) -> tuple[Snapshot, str]:
        after = acknowledge(store, found.job.slug, now, by=by)
        incident = after.state.incident
        since = f", down since {and_ago(incident.opened_at, now, found.job.timezone)}" if incident else ""
        return after, f"{by} looks after {found.job.slug}{since}; no more reminders"

    return _each(call, lambda found: found.state.incident is not None, ack)


def _each(call: Invocation, fits: Callable[[Snapshot], bool], act: Callable[[Store, Snapshot], Done]) -> int:
    """Do it to the job that is named, or to those of several for which there is something to do."""
    named, now = call.args.jobs, call.now
    with open_store(call.args) as store:
        found = load(store, named)
        chosen = found if is_name(named) else [each for each in found if fits(each)]
        if not chosen:
            raise BadSetting(f"of {counted(len(found), 'job')} there is none to {call.args.command}")
        done = [act(store, each) for each in chosen]
    facts = [job_facts(after, (), now) for after, _ in done]
    styles = ["magenta" if after.state.status is Status.PAUSED else "green" for after, _ in done]
    lines = [Cell(text, style) for (_, text), style in zip(done, styles, strict=True)]
    return call.tell(facts[0] if is_name(named) else {"jobs": facts}, *lines)


COMMANDS = {
    "pause": Command(
        about="Expect nothing of a job: its slots are excused, nobody is told, an open incident is closed without a\n"
        "word. A time without an offset is read in the job's time zone.\n\n"
        "  heartbeat pause daily-report --for 2h --reason 'moving the database'\n"
        "  heartbeat pause tag:db 'export-*' --until 22:00",
        arguments=_pause_arguments,
        run=_pause,
    ),
    "resume": Command(
        about="Expect a paused job again from now on. The next success counts as its first.",
        arguments=_jobs_arguments,
        run=_resume,
    ),
    "ack": Command(
        about="Say that somebody is looking after a job that is down: no more reminders. You still hear of a recovery.",
        arguments=_ack_arguments,
        run=_ack,
    ),
}
