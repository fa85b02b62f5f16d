"""run, rerun, runs: start a run by hand, and see how runs went."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from heartbeat.core import slots
from heartbeat.core.run_history import BAD, RunEnd
from heartbeat.core.start_orders import Held, Order
from heartbeat.doors.api.json_shapes import run_facts, runs_of, started_facts
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.options import add_old, add_store, me, open_store
from heartbeat.doors.cli.run_output import ID_SHOWN, show_output
from heartbeat.doors.cli.screen import Cell, Column
from heartbeat.errors import BadSetting, WorldError
from heartbeat.model import Phase
from heartbeat.text.times import duration, iso, moment
from heartbeat.verbs.jobs import everything, snapshot_of
from heartbeat.verbs.trigger import Starter

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator

    from heartbeat.core.run_history import Record
    from heartbeat.doors.cli.stack import Aws, Stack
    from heartbeat.model import Job, Snapshot, Trigger
    from heartbeat.store.protocol import Store
    from heartbeat.targets.protocol import Target

    Start = Callable[[Order], dict[str, Any]]
    """Carries out an order; returns the result in the form of `started_facts`."""

COUNT_MAX = 500
ID_MIN = 6
STYLES = {RunEnd.DONE: "green", RunEnd.LATE: "yellow", RunEnd.RUNNING: "cyan"}
COLUMNS = (
    Column("run"),
    Column("slot", rank=4),
    Column("end", least=12),
    Column("triggered", rank=2),
    Column("took", rank=3),
    Column("remarks", rank=1, least=12),
)
WORDS = {
    Phase.STARTED: "was started",
    Phase.AGAIN: "was refused for now, and will be tried again",
    Phase.FAILED: "was not started",
    Phase.UNKNOWN: "may have been started or not",
}
WHY_NOT = {
    Held.SKIPPED: "was skipped: another run of the job is under way",
    Held.QUEUED: "waits for another run of the job to end (overlap: queue)",
    Held.DROPPED: "was dropped",
    Held.NO_TRIGGER: "was not started: jobs.yaml has no `trigger` for this job, so Heartbeat cannot start it",
}


def _run_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="the job's name")
    parser.add_argument("--slot", metavar="SLOT", help="the slot it is for, like 2026-11-22T09:00 (none)")
    add_old(parser, "--for", "slot")
    parser.add_argument("--input", metavar="JSON", help="passed to the job along with what jobs.yaml says")
    add_store(parser)


def _rerun_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="its id, or at least the first 6 letters of it")
    parser.add_argument("--job", metavar="JOB", help="the run's job, if the run is not among its latest 16")
    add_store(parser)


def _runs_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="the job's name")
    parser.add_argument("-n", type=int, default=10, metavar="COUNT", help="how many (10)")
    add_store(parser)


def _target(trigger: Trigger) -> Target:
    from heartbeat.targets.build import build  # noqa: PLC0415 - who only looks starts nothing, and needs no HTTP

    return build(trigger)


@contextmanager
def starter(call: Invocation) -> Iterator[tuple[Store, Start]]:
    """The jobs, and what starts one. Raises BadSetting."""
    if not call.args.stack:
        with open_store(call.args) as store:
            local = Starter(store, _target, lambda: call.now)
            yield store, lambda order: started_facts(local.start(order))
        return
    from heartbeat.doors.cli import stack  # noqa: PLC0415 - only who has a stack needs it

    aws = stack.connect(call.args.region)
    found = stack.find(aws, call.args.stack)
    if "TriggerFunctionArn" not in found.outputs:
        raise BadSetting(f"the stack {found.name} has no trigger function; deploy it again with this version")
    with open_store(call.args) as store:
        yield store, lambda order: _by_function(aws, found, order)


def _by_function(aws: Aws, stack: Stack, order: Order) -> dict[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the same

    asked = {"heartbeat": "run", "job": order.slug, "by": order.by, "for": iso(order.slot)}
    if order.input:
        asked["input"] = json.loads(order.input)
    try:
        answer = aws.client("lambda").invoke(
            FunctionName=stack.outputs["TriggerFunctionArn"], Payload=json.dumps(asked).encode()
        )
        told = json.loads(answer["Payload"].read())
    except (BotoCoreError, ClientError) as problem:
        raise WorldError(f"the trigger function of {stack.name} was not called: {problem}") from None
    if "FunctionError" in answer:
        raise WorldError(f"the trigger function of {stack.name} failed: {told.get('errorMessage', told)}")
    if "error" in told:
        raise BadSetting(told["error"])
    run: dict[str, Any] = told["runs"][0]
    return run


def _run(call: Invocation) -> int:
    args = call.args
    with starter(call) as (store, start):
        found = snapshot_of(store, args.job)
        slot = _slot(found, args.slot, call.now) if args.slot else None
        order = Order(slug=args.job, slot=slot, run_id=str(uuid4()), by=me(), input=_input(args.input))
        return _say(call, start(order))


def _rerun(call: Invocation) -> int:
    args = call.args
    if len(args.run) < ID_MIN:
        raise BadSetting(f"{args.run!r} is too short to name a run; write at least {ID_MIN} letters of its id")
    with starter(call) as (store, start):
        before = _known(store, args.run, args.job)
        return _say(call, start(Order(**before, run_id=str(uuid4()), by=me())))


def _say(call: Invocation, started: dict[str, Any]) -> int:
    phase, held = started["phase"], started["held"]
    if held == Held.NO_TRIGGER:
        raise BadSetting(_told(started))
    call.tell(started, Cell(_told(started), "green" if phase == Phase.STARTED else "red"))
    if phase in {Phase.STARTED, Phase.QUEUED}:
        return Exit.FINE
    return Exit.WRONG if held is not None else Exit.WORLD


def _told(started: dict[str, Any]) -> str:
    phase, held = started["phase"], started["held"]
    words = WORDS.get(phase) if held is None else WHY_NOT.get(held)
    said = f": {started['said']}" if started["said"] else ""
    return f"run {started['run_id']} of {started['job']} {words or f'was not started: {held}'}{said}"


def _slot(found: Snapshot, text: str, now: int) -> int:
    try:
        slot = slots.named(found.job, text, now)
    except ValueError:
        raise BadSetting(f"--slot {text!r} is not a date; write 2026-11-22 or 2026-11-22T09:00") from None
    if slot is None:
        raise BadSetting(
            f"--slot {text!r} names no slot of {found.job.slug}; `heartbeat next {found.job.slug}` lists them"
        )
    return slot


def _input(text: str | None) -> str:
    if not text:
        return ""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError as problem:
        raise BadSetting(f"--input is not JSON ({problem}); write it like '{{\"rows\": 3}}'") from None


def _known(store: Store, run: str, slug: str | None) -> dict[str, Any]:
    """A run's job, slot and input."""
    jobs = [snapshot_of(store, slug)] if slug else [each for each in everything(store) if each.state.starts]
    starts = [(each, start) for each in jobs for start in each.state.starts if start.run_id.startswith(run)]
    if len(starts) == 1:
        found, start = starts[0]
        return {"slug": found.job.slug, "slot": start.slot, "input": start.input}
    if starts:
        raise BadSetting(f"{run!r} matches {len(starts)} runs; write more of the id")
    if slug is None:
        raise BadSetting(f"no job remembers a run {run!r}; if it is an older one, name its job: --job JOB")
    older = [r for r in runs_of(store, jobs[0]) if r.id.startswith(run)]
    if not older:
        raise BadSetting(f"{slug} has no run {run!r}; `heartbeat runs {slug}` lists them")
    return {"slug": slug, "slot": older[0].slot}


def _runs(call: Invocation) -> int:
    args = call.args
    if not 1 <= args.n <= COUNT_MAX:
        raise BadSetting(f"-n {args.n} is not from 1 to {COUNT_MAX}")
    with starter(call) as (store, _):
        found = snapshot_of(store, args.job)
        made = runs_of(store, found)[: args.n]
    if call.args.json:
        call.screen.json({"job": args.job, "runs": [run_facts(record) for record in made]})
    elif made:
        call.screen.list(COLUMNS, [_row(record, call.now, found.job) for record in made])
        show_output(call.screen, found, made, call.now, seen="runs")
    else:
        call.screen.say(f"{args.job} has no runs yet")
    return Exit.FINE


def _row(record: Record, now: int, job: Job) -> list[str | Cell]:
    zone = job.timezone
    # For `every`, the slot is the latest time at which the run was due.
    at_times = slots.schedule_of(job).interval_ms is None
    return [
        record.id[:ID_SHOWN],
        moment(record.slot, now, zone) if at_times else "",
        ended(record),
        moment(record.triggered_at, now, zone, zone_too=False),
        "" if record.duration is None else duration(record.duration),
        remarks(record),
    ]


def ended(record: Record) -> Cell:
    """How it ended, or how far it has got."""
    return Cell(record.end, "red" if record.end in BAD else STYLES.get(record.end, "dim"))


def remarks(record: Record) -> str:
    """Who started it by hand, how often the target was called and what it answered, and the exit status."""
    status = f"exit status {record.exit_status}" if record.exit_status else ""
    attempts = f"{record.attempts} attempts" if record.attempts > 1 else ""
    by = f"by {record.by}" if record.by else ""
    return ", ".join(filter(None, [by, attempts, status, record.answer]))


COMMANDS = {
    "run": Command(
        about="Start a job now, by its trigger, as its schedule does: the run has an id, and its outcome is\n"
        "recorded. It takes no slot from the schedule; with --slot it is the run of that slot.\n\n"
        "  heartbeat run settle\n"
        "  heartbeat run settle --stack heartbeat\n"
        "  heartbeat run settle --slot 2026-11-22 --input '{\"dry\": true}'",
        arguments=_run_arguments,
        run=_run,
    ),
    "rerun": Command(
        about="Start the same run once more, for the same slot and with the same input, under a new id.\n\n"
        "  heartbeat runs settle\n"
        "  heartbeat rerun 3f0c9a1b",
        arguments=_rerun_arguments,
        run=_rerun,
    ),
    "runs": Command(
        about="Show a job's latest runs: when they were due and started, how they ended, what the target answered.\n\n"
        "  heartbeat runs settle",
        arguments=_runs_arguments,
        run=_runs,
    ),
}
