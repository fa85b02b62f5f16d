"""worker: take messages from a queue, and work on each as a run of its job."""

from __future__ import annotations

import os
from argparse import Namespace
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from heartbeat.client import span
from heartbeat.doors.cli.commands import Command, Invocation
from heartbeat.doors.cli.options import add_store, open_store
from heartbeat.errors import BadSetting
from heartbeat.schedule import parse_duration

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator

    from heartbeat.worker.messages import QueueMessage
    from heartbeat.worker.run_claims import RunStanding

WAIT_MAX = 20


def _arguments(parser: ArgumentParser) -> None:
    flag = parser.add_argument
    flag("--queue", required=True, metavar="URL", help="the SQS queue")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="one message, or none if none comes; then end")
    how.add_argument("--until-empty", action="store_true", help="end when two looks in a row find nothing")
    flag("--job", metavar="JOB", default="", help="the job of messages that do not name one")
    flag("--visibility", default="5m", metavar="TIME", help="how long to hide a message at a time (5m)")
    flag("--backoff", default="30s", metavar="TIME", help="a failed message comes back after this long (30s), doubled")
    flag("--wait", type=int, default=WAIT_MAX, metavar="SECONDS", help="how long one look waits for a message (20)")
    flag("--timeout", dest="limit", type=span, metavar="TIME", help="stop the command after this long: exit status 124")
    flag("--spot", action="store_true", help="hand the message back when this spot instance is taken away")
    add_store(parser)
    flag("argv", metavar="command", nargs="A...", help="the command and its arguments, after --")


def _run(call: Invocation) -> int:
    from heartbeat.worker.worker import Terms, work_command  # noqa: PLC0415 - it needs what the base install has not

    args = call.args
    if find_spec("boto3") is None:
        raise ModuleNotFoundError("No module named 'boto3'", name="boto3")
    if not 0 <= args.wait <= WAIT_MAX:
        raise BadSetting(f"--wait {args.wait} is not from 0 to {WAIT_MAX}")
    terms = Terms(
        once=args.once,
        until_empty=args.until_empty,
        visibility=parse_duration(args.visibility) / 1000,
        wait=args.wait,
        backoff=parse_duration(args.backoff) / 1000,
        job=args.job,
        spot=args.spot,
        limit=args.limit,
    )
    with _asking(args) as ask:
        return work_command(args.queue, args.argv, terms, ask=ask)


def received(call: Invocation) -> int:
    """`exec --sqs`: run the command for the message that the environment names."""
    from heartbeat.worker.worker import Terms, run_received  # noqa: PLC0415 - see above

    args = Namespace(**(vars(call.args) | {"store": None, "db": None, "clock": call.clock}))
    terms = Terms(visibility=parse_duration(args.visibility) / 1000, limit=args.limit)
    with _asking(args) as ask:
        return run_received(args.argv, slug=args.slug, terms=terms, ask=ask)


@contextmanager
def _asking(args: Namespace) -> Iterator[Callable[[QueueMessage], RunStanding] | None]:
    """Who knows about runs: the store, if one is named; None: whoever the environment names."""
    from heartbeat.worker import run_claims  # noqa: PLC0415 - see above

    named = (args.store, args.db, os.environ.get("HEARTBEAT_STORE"), os.environ.get("HEARTBEAT_DB"))
    if not any(named):
        yield None
        return
    with open_store(args) as store:
        yield run_claims.of_store(store)


COMMANDS = {
    "worker": Command(
        about="Take messages from an SQS queue, one by one, and run a command for each as a run of its job: the body\n"
        "is its standard input; HEARTBEAT_JOB, HEARTBEAT_RUN_ID and HEARTBEAT_SLOT say which run it is. The message\n"
        "is deleted when the command ends with 0; otherwise it comes back, later each time. Exit status 75 of the\n"
        "command means: not now, try again later. SIGTERM hands the message back.\n\n"
        "  heartbeat worker --queue https://sqs.eu-west-1.amazonaws.com/123456789012/jobs -- bin/work\n\n"
        "HEARTBEAT_API and HEARTBEAT_API_KEY, or the store of --store, say where to ask whether a run is done or\n"
        "under way on another machine. Without them only this machine's runs are known.",
        arguments=_arguments,
        run=_run,
        shows=False,
    )
}
