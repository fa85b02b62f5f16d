"""ping and exec: what a job says. Of Heartbeat they load the client and these few lines."""

from __future__ import annotations

import argparse
import sys

from heartbeat import client
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.errors import BadSetting, WorldError

TYPE_CHECKING = False  # see commands.py
if TYPE_CHECKING:
    from heartbeat.client import Kind

STATUS_MAX = 255
EXEC = ("argv", "slug", "start", "output", "limit", "lock", "every_slot_once", "run_id", "for_", "create")
KINDS: tuple[Kind, ...] = ("start", "fail", "log")


def _ping_arguments(parser: argparse.ArgumentParser) -> None:
    flag = parser.add_argument
    flag("slug", metavar="JOB", help="the job's name, its uuid, or its whole ping URL")
    what = parser.add_mutually_exclusive_group()
    for kind, words in zip(KINDS, ("it begins", "it failed", "a note; changes no verdict"), strict=True):
        what.add_argument(f"--{kind}", dest="kind", action="store_const", const=kind, default="success", help=words)
    what.add_argument("--exit-status", type=_status, metavar="N", help="0 is success, anything else a failure")
    flag("--body", metavar="TEXT", help="kept with the ping, the last 10,000 bytes; - reads standard input")
    flag("--rid", metavar="UUID", help="the run's id, the same at its start and its end")
    flag("--for", dest="for_", metavar="SLOT", help="the slot it is for, like 2026-11-22 or 2026-11-22T09:00")
    flag("--create", action="store_true", help="create the job if there is none with this name")


def _status(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or int(text) > STATUS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not an exit status; write a number from 0 to 255")
    return int(text)


def _ping(call: Invocation) -> int:
    args = call.args
    if args.body == "-" and sys.stdin.isatty():
        raise BadSetting("--body - reads standard input, but that is a terminal; write `command | heartbeat ping …`")
    body = sys.stdin.buffer.read() if args.body == "-" else args.body
    try:
        client.ping(
            args.slug,
            body,
            kind=args.kind,
            exit_status=args.exit_status,
            run_id=args.rid,
            for_=args.for_,
            create=args.create,
            raise_errors=True,
        )
    except client.PingError as problem:
        raise WorldError(f"the ping was not delivered: {problem}") from None
    if args.json:
        call.screen.json({"delivered": True, "job": args.slug})
    elif sys.stdout.isatty():
        from heartbeat.doors.cli.screen import Cell  # noqa: PLC0415 - slow to load, and for people alone

        call.screen.say(Cell("delivered", "green"))
    return Exit.FINE


def _exec_arguments(parser: argparse.ArgumentParser) -> None:
    client.add_arguments(parser)
    parser.add_argument("--config", metavar="FILE", help="the jobs, for --every-slot-once (HEARTBEAT_CONFIG)")
    parser.add_argument("--sqs", action="store_true", help="work on the SQS message that the environment names")
    parser.add_argument("--visibility", default="5m", metavar="TIME", help="with --sqs: how long it stays hidden")


def _exec(call: Invocation) -> int:
    args = call.args
    if args.sqs:
        from heartbeat.doors.cli.worker import received  # noqa: PLC0415 - it needs what the base install has not

        return received(call)
    if args.every_slot_once and not args.for_:
        from heartbeat.doors.cli.next import latest_slot  # noqa: PLC0415 - it loads all that a schedule needs

        args.for_ = latest_slot(args, call.now)
    try:
        return client.run_command(**{name: getattr(args, name) for name in EXEC})
    except ValueError as problem:
        raise BadSetting(str(problem)) from None


COMMANDS = {
    "ping": Command(
        about="Tell the server that a job ran. HEARTBEAT_URL and HEARTBEAT_PING_KEY say where to.\n\n"
        "  backup.sh && heartbeat ping backup\n"
        "  backup.sh; heartbeat ping backup --exit-status $?\n"
        "  report.sh 2>&1 | heartbeat ping daily-report --body -\n\n"
        "If a ping is not delivered, you get one line on standard error and exit status 3; add `|| true`\n"
        "where that must not end a script.",
        arguments=_ping_arguments,
        run=_ping,
    ),
    "exec": Command(
        about="Run a command as a run of a job: report its start, run it, report how it ended, with the end of its\n"
        "output. The command runs whether or not the server is up; its exit status is this one's.\n\n"
        "  heartbeat exec daily-report -- bin/report --all",
        arguments=_exec_arguments,
        run=_exec,
        shows=False,
    ),
}
