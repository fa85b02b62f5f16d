"""doctor: is everything set up right? What is wrong, in words, and what to do."""

from __future__ import annotations

import sys
from contextlib import closing, redirect_stdout
from typing import TYPE_CHECKING

from heartbeat import settings
from heartbeat.config.files import are_there
from heartbeat.doors.cli.commands import Command, Exit, Invocation, remedy
from heartbeat.doors.cli.options import (
    add_config,
    add_evidence,
    add_store,
    config_path,
    evidence_folder,
    is_there,
    open_store,
    place,
    shown,
)
from heartbeat.doors.cli.probes import OK, PROBLEM, SKIPPED, WARNING, Check, check_health, check_server, check_store
from heartbeat.doors.cli.screen import Cell, counted
from heartbeat.errors import BadConfig, BadSetting, ChannelFailed, HeartbeatError
from heartbeat.model import Alert, Event
from heartbeat.store.address import Table
from heartbeat.store.address import open_store as open_address
from heartbeat.verbs import channel_state
from heartbeat.verbs.service_state import CLOCK

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator
    from pathlib import Path

    from heartbeat.config import Config
    from heartbeat.store.protocol import Store

NAMES_MAX = 1_000
STYLES = {OK: "green", WARNING: "yellow", PROBLEM: "bold red", SKIPPED: "dim"}


def _arguments(parser: ArgumentParser) -> None:
    add_config(parser)
    add_store(parser)
    add_evidence(parser)
    parser.add_argument("--url", help="the server (HEARTBEAT_URL)")
    parser.add_argument("--show-key", action="store_true", help="with --stack: show the ping key")
    parser.add_argument("--send-test", action="store_true", help="send a test alert through every channel")


def _run(call: Invocation) -> int:
    found: list[Check] = []
    for check in _stack(call) if call.args.stack else _here(call):
        found.append(check)
        if not call.args.json:
            call.screen.say(Cell(f"{check.found:<9}", STYLES[check.found]), f"{check.name}: {check.text}")
    if all(check.found is SKIPPED for check in found):
        raise BadSetting(
            "nothing was found to look at: go to the folder of jobs.yaml, or give --config, --db, --url or --stack"
        )
    problems = sum(check.found is PROBLEM for check in found)
    if call.args.json:
        checks = [{"name": check.name, "found": check.found, "text": check.text} for check in found]
        call.screen.json({"ok": not problems, "checks": checks})
    else:
        call.screen.say(
            Cell(counted(problems, "problem"), "bold red") if problems else Cell("nothing is wrong", "green")
        )
    return Exit.WRONG if problems else Exit.FINE


def _stack(call: Invocation) -> Iterator[Check]:
    from heartbeat.doors.cli import stack  # noqa: PLC0415 - only who has one needs it

    aws = stack.connect(call.args.region)
    found = stack.find(aws, call.args.stack)
    status = stack.check_status(found)
    yield status
    if status.found is not OK:
        return
    try:
        with closing(open_address(Table(name=found.outputs["TableName"], region=aws.region), call.clock)) as store:
            yield from _table(call, store, found.name)
            with call.screen.doing("pinging"):
                pinged = list(stack.check_ping(store, found.outputs["PingUrl"], call.now))
            yield from pinged
            key = stack.key_of(store) if call.args.show_key else "$HEARTBEAT_PING_KEY"
            yield Check("ping URL", OK, f'curl -fsS "{found.outputs["PingUrl"]}ping/{key}/JOB"')
    except HeartbeatError as problem:
        yield Check("table", PROBLEM, str(problem))
    yield from check_health(found.outputs["WebUrl"])
    yield from stack.check_aws(aws, found, send_test=call.args.send_test)


def _table(call: Invocation, store: Store, name: str) -> Iterator[Check]:
    yield from check_store(store, call.now, f"the function {name}-checker")
    jobs = len(store.names("", NAMES_MAX))
    text = f"{counted(jobs, 'job')}{' or more' if jobs == NAMES_MAX else ''}"
    yield Check("table", OK if jobs else WARNING, f"{text} in it; the first sweep after a deployment makes them")


def _here(call: Invocation) -> Iterator[Check]:
    config = None
    if are_there(config_path(call.args)) or call.args.config:
        config, checks = _read(config_path(call.args))
        yield from checks
        yield from _channels(call, config) if config else ()
    else:
        yield Check("config", SKIPPED, f"there is no {config_path(call.args)}; name it with --config")
    yield from _evidence(call, config)
    yield from _database(call, config)
    with call.screen.doing("asking the server"):
        answers = list(check_server(call.args.url, call.now))
    yield from answers


def _read(path: Path) -> tuple[Config | None, list[Check]]:
    from heartbeat.config import read_file  # noqa: PLC0415 - a machine that only pings has no YAML

    try:
        config = read_file(path)
    except BadConfig as bad:
        return None, [Check("config", PROBLEM, problem) for problem in bad.problems]
    fine = Check("config", OK, f"{path} can be used, with {counted(len(config.jobs), 'job')}")
    return config, [fine, *(Check("config", WARNING, warning) for warning in config.warnings)]


def _channels(call: Invocation, config: Config) -> Iterator[Check]:
    for name in config.channels:
        try:
            yield _channel(call, config, name)
        except HeartbeatError as problem:
            yield Check(f"channel {name}", PROBLEM, str(problem))
        except ModuleNotFoundError as problem:
            yield Check(f"channel {name}", PROBLEM, f"needs {problem.name}: {remedy(problem)}")


def _channel(call: Invocation, config: Config, name: str) -> Check:
    from heartbeat.channels.build import build  # noqa: PLC0415 - see _read

    channel, now = build(name, config.channels[name]), call.now
    if not call.args.send_test:
        return Check(f"channel {name}", OK, "its settings can be read; --send-test sends a test alert")
    alert = Alert(id=f"test/{now}", event=Event.TEST, at=now, incident=f"test/{now}", text="sent by heartbeat doctor")
    try:
        with redirect_stdout(sys.stderr if call.args.json else sys.stdout):  # a console channel prints
            channel.send([alert], key=f"test/{now}@{name}", now=now, receipt="")
    except ChannelFailed as problem:
        return Check(f"channel {name}", PROBLEM, f"did not take a test alert: {problem}")
    except Exception as problem:  # noqa: BLE001 - a door: the other checks go on; its text may hold a secret
        return Check(f"channel {name}", PROBLEM, f"a bug in the channel: {type(problem).__name__}")
    _is_well(call, config, name)
    return Check(f"channel {name}", OK, "took a test alert; see whether it arrived")


def _is_well(call: Invocation, config: Config, name: str) -> None:
    """After fixing a channel, nobody should have to wait for the next alert to see that it works."""
    if not is_there(place(call.args)):
        return
    others = config.fallback or [each for each in config.channels if each != name]
    with open_store(call.args) as store:
        channel_state.recover(store, channel_state.read(store, name), call.now, others)


def _evidence(call: Invocation, config: Config | None) -> Iterator[Check]:
    jobs = [job.slug for job in config.jobs if job.evidence] if config else []
    try:
        folder = settings.read(evidence=call.args.evidence).evidence
    except BadSetting as problem:
        yield Check("settings", PROBLEM, str(problem))
        return
    if folder:
        try:
            evidence_folder(folder)
            yield Check("evidence", OK, f"the folder {folder} can be read")
        except BadSetting as problem:
            yield Check("evidence", PROBLEM, str(problem))
    elif jobs:
        what = f"{counted(len(jobs), 'job')} with evidence, and no folder to look in"
        yield Check("evidence", WARNING, f"{what}: set HEARTBEAT_EVIDENCE, or give --evidence, as to the server")


def _database(call: Invocation, config: Config | None) -> Iterator[Check]:
    try:
        found = place(call.args)
        if not is_there(found) and not call.args.db:
            yield Check("database", SKIPPED, f"there is no {found}; name it with --db")
            return
        with open_store(call.args) as store:
            store.document(CLOCK)
            yield Check("database", OK, f"{shown(found)} opens")
            yield from _applied(store, config) if config else ()
            if isinstance(found, Table):
                yield from check_store(store, call.now, "the function …-checker of its stack")
            else:
                yield from check_store(store, call.now)
    except HeartbeatError as problem:
        yield Check("database", PROBLEM, str(problem))


def _applied(store: Store, config: Config) -> Iterator[Check]:
    from heartbeat.verbs.apply import plan_for  # noqa: PLC0415 - see _read

    todo = plan_for(store, config)
    if not todo.empty:
        changes = len(todo.added) + len(todo.changed) + len(todo.removed)
        yield Check("database", WARNING, f"`heartbeat plan` shows {counted(changes, 'change')} of the config to apply")


COMMANDS = {
    "doctor": Command(
        about="Check everything that can be set up wrong: the file of jobs, the channels and their secrets, the\n"
        "database, the clock, the server and the ping key. What is not there is skipped. Nothing is changed.\n\n"
        "  heartbeat doctor --send-test     and send a test alert through every channel\n"
        "  heartbeat doctor --url https://heartbeat.example.org\n"
        "  heartbeat doctor --stack heartbeat     a stack on AWS: pings it, looks at its table, alarms and queues",
        arguments=_arguments,
        run=_run,
    )
}
