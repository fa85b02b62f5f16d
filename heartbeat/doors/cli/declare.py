"""check, plan, apply: from jobs.yaml to the jobs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from heartbeat.config import Config, Plan, plan, read_file, render
from heartbeat.config.files import together
from heartbeat.config.markdown import markdown
from heartbeat.config.objections import ADOPT, REMOVALS, refusal
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.options import add_config, add_store, config_path, is_there, open_store, place
from heartbeat.doors.cli.screen import Cell, counted
from heartbeat.errors import BadConfig, HeartbeatError
from heartbeat.verbs.agreed import Consent, apply_agreed, weighed

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence
    from pathlib import Path

FORMATS = ("text", "markdown")
FINDING = re.compile(r"(.*?):(\d+):(\d+): (.*)", re.DOTALL)
CHANGES = 2
"""The exit status of `plan --exit-code` that says so, as of terraform's -detailed-exitcode."""


def _file_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="*", metavar="FILE", help="the same as --config")
    add_config(parser)


def _check_arguments(parser: ArgumentParser) -> None:
    _file_arguments(parser)
    parser.add_argument("--strict", action="store_true", help="warnings count too: exit status 1")


def _plan_arguments(parser: ArgumentParser) -> None:
    _file_arguments(parser)
    add_store(parser)
    parser.add_argument("--exit-code", action="store_true", help="0: nothing to do, 2: changes, 1: any error")
    parser.add_argument("--format", choices=FORMATS, default=FORMATS[0], help="markdown: for a review's comment")


def _apply_arguments(parser: ArgumentParser) -> None:
    _file_arguments(parser)
    add_store(parser)
    parser.add_argument(REMOVALS, action="store_true", help="though it removes all or most of a file's jobs")
    parser.add_argument(ADOPT, action="store_true", help="though it takes over jobs that another file declared")


def _path(call: Invocation) -> Path:
    call.args.config = together(call.args.file) or call.args.config
    return config_path(call.args)


def _check(call: Invocation) -> int:
    path = _path(call)
    config, errors = _read(path, call.now)
    warnings = config.warnings if config else ()
    if call.args.json:
        call.screen.json(_checked(path, config, errors, warnings))
    else:
        _say_checked(call, path, config, errors, warnings)
    if errors:
        return Exit.CALLER
    return Exit.WRONG if warnings and call.args.strict else Exit.FINE


def _read(path: Path, now: int) -> tuple[Config | None, tuple[str, ...]]:
    try:
        return read_file(path, now), ()
    except BadConfig as bad:
        return None, bad.problems


def _say_checked(
    call: Invocation, path: Path, config: Config | None, errors: Sequence[str], warnings: Sequence[str]
) -> None:
    for text in errors:
        call.screen.say(Cell("error", "bold red"), f"    {text}")
    for text in warnings:
        call.screen.say(Cell("warning", "yellow"), f"  {text}")
    if config is None:
        call.screen.say(Cell(f"{path}: {counted(len(errors), 'error')}", "bold red"))
        return
    counts = [counted(len(config.jobs), "job"), counted(len(config.channels), "channel")]
    tail = f"; {counted(len(warnings), 'warning')}" if warnings else ""
    call.screen.say(Cell(f"{path}: fine, {', '.join(counts)}{tail}", "yellow" if warnings else "green"))


def _checked(path: Path, config: Config | None, errors: Sequence[str], warnings: Sequence[str]) -> dict[str, Any]:
    return {
        "file": str(path),
        "ok": config is not None,
        "errors": [_finding(text) for text in errors],
        "warnings": [_finding(text) for text in warnings],
        "jobs": sorted(job.slug for job in config.jobs) if config else [],
        "channels": sorted(config.channels) if config else [],
    }


def _finding(text: str) -> dict[str, Any]:
    found = FINDING.fullmatch(text)
    file, line, column, message = found.groups() if found else ("", 1, 1, text)
    return {"file": file, "line": int(line), "column": int(column), "message": message.strip()}


def _plan(call: Invocation) -> int:
    try:
        changes = _show_plan(call)
    except HeartbeatError as problem:
        if not call.args.exit_code:
            raise
        for line in str(problem).splitlines():
            call.screen.complain(line)
        return Exit.WRONG
    return CHANGES if changes and call.args.exit_code else Exit.FINE


def _show_plan(call: Invocation) -> bool:
    path = _path(call)
    config = read_file(path, call.now)
    if is_there(place(call.args)):
        with open_store(call.args) as store:
            todo, found = weighed(store, config)
    else:  # looking creates nothing
        todo, found = plan(config, {}), ()
    against = refusal(config, found, str(path)).splitlines() if found else []
    if call.args.json:
        call.screen.json({"applied": False} | _as_json(todo) | {"refused": against})
    elif call.args.format == "markdown":
        call.screen.ready_made(markdown(todo, against))
    else:
        call.screen.ready_made(render(todo, color=call.screen.colour))
        for line in against:
            call.screen.say(Cell(line, "yellow"))
    return not todo.empty


def _apply(call: Invocation) -> int:
    path = _path(call)
    config = read_file(path, call.now)
    for warning in config.warnings:
        call.screen.complain(f"warning: {warning}")
    consent = Consent(removals=call.args.allow_removals, adopt=call.args.adopt)
    with open_store(call.args, create=True) as store, call.screen.doing("applying"):
        done = apply_agreed(store, config, call.now, consent, given=str(path))
    if call.args.json:
        call.screen.json({"applied": True} | _as_json(done))
        return Exit.FINE
    call.screen.ready_made(render(done, color=call.screen.colour))
    if not done.empty:
        call.screen.say(Cell("done", "green"))
    return Exit.FINE


def _as_json(todo: Plan) -> dict[str, Any]:
    return {
        "added": [job.slug for job in todo.added],
        "changed": [
            {
                "job": changed.new.slug,
                "adopted_from": changed.adopted_from or None,
                "differences": [asdict(each) for each in changed.differences],
            }
            for changed in todo.changed
        ],
        "removed": [job.slug for job in todo.removed],
        "unchanged": [job.slug for job in todo.unchanged],
    }


COMMANDS = {
    "check": Command(
        about="Read jobs.yaml and show every mistake (it cannot be used) and every doubt (it can, but is it meant?),\n"
        "each with its line and column. Nothing is changed; no database is needed.\n\n"
        "  heartbeat check jobs.yaml --strict      in CI: doubts fail too (exit status 1, mistakes 2)",
        arguments=_check_arguments,
        run=_check,
    ),
    "plan": Command(
        about="Show as a diff what `heartbeat apply` would do: + new, ~ changed, - removed.\n"
        "Only jobs that this file once declared are ever removed. What `apply` would refuse is said below.\n\n"
        "  heartbeat plan --exit-code            in CI: 0 nothing to do, 2 changes, 1 any error\n"
        "  heartbeat plan --format markdown      as a comment of a review",
        arguments=_plan_arguments,
        run=_plan,
    ),
    "apply": Command(
        about="Make the jobs what jobs.yaml says, and show what was done. Pauses, silences, incidents and history\n"
        "stay as they are. Applying twice does nothing the second time. A file that would remove all or most of its\n"
        "jobs, or take over another file's, is refused until an option says that it is meant.",
        arguments=_apply_arguments,
        run=_apply,
    ),
}
