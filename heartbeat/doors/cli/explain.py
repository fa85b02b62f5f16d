"""explain: what heartbeat/explain.py found, for a person or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.doors.api.json_shapes import explained, explanation_facts
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.explain_text import Page
from heartbeat.doors.cli.options import add_store, open_store, snapshot_of
from heartbeat.verbs import service_state

if TYPE_CHECKING:
    from argparse import ArgumentParser


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="the job's name")
    add_store(parser)


def _run(call: Invocation) -> int:
    now = call.now
    with open_store(call.args) as store:
        found = explained(store, snapshot_of(store, call.args.job), now)
        clock = service_state.clock(store, now)
    if call.args.json:
        call.screen.json(explanation_facts(found, now))
    else:
        Page(call, found, clock, now).show()
    return Exit.FINE


COMMANDS = {
    "explain": Command(
        about="Say why a job is in its state: what its latest slots came to and why, which signal went to which slot,\n"
        "what runs are open, who was told of the incident, and what happens next if nothing is heard.\n\n"
        "  heartbeat explain daily-report",
        arguments=_arguments,
        run=_run,
    )
}
