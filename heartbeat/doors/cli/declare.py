"""check, plan, apply: from jobs.yaml to the jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from heartbeat.config import Config, Plan, plan, read_file, render
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.options import add_config, add_store, config_path, is_there, open_store, place
from heartbeat.doors.cli.screen import Cell, counted
from heartbeat.errors import BadConfig
from heartbeat.verbs.apply import apply, plan_for

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence
    from pathlib import Path


def _file_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", help="the same as --config")
    add_config(parser)


def _check_arguments(parser: ArgumentParser) -> None:
    _file_arguments(parser)
    parser.add_argument("--strict", action="store_true", help="warnings count too: exit status 1")


def _apply_arguments(parser: ArgumentParser) -> None:
    _file_arguments(parser)
    add_store(parser)


def _path(call: Invocation) -> Path:
    call.args.config = call.args.file or call.args.config
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
        "errors": [_finding(path, text) for text in errors],
        "warnings": [_finding(path, text) for text in warnings],
        "jobs": sorted(job.slug for job in config.jobs) if config else [],
        "channels": sorted(config.channels) if config else [],
    }


def _finding(path: Path, text: str) -> dict[str, Any]:
    line, column, message = text.removeprefix(f"{path}:").split(":", 2)
    return {"line": int(line), "column": int(column), "message": message.strip()}


def _plan(call: Invocation) -> int:
    config = read_file(_path(call), call.now)
    if is_there(place(call.args)):
        with open_store(call.args) as store:
            todo = plan_for(store, config)
    else:  # looking creates nothing
        todo = plan(config, {})
    _show(call, todo, applied=False)
    return Exit.FINE


def _apply(call: Invocation) -> int:
    config = read_file(_path(call), call.now)
    for warning in config.warnings:
        call.screen.complain(f"warning: {warning}")
    with open_store(call.args, create=True) as store, call.screen.doing("applying"):
        done = apply(store, config, call.now)
    _show(call, done, applied=True)
    return Exit.FINE


def _show(call: Invocation, todo: Plan, *, applied: bool) -> None:
    if call.args.json:
        call.screen.json({"applied": applied} | _as_json(todo))
        return
    call.screen.ready_made(render(todo, color=call.screen.colour))
    if applied and not todo.empty:
        call.screen.say(Cell("done", "green"))


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
        "Only jobs that this file once declared are ever removed.",
        arguments=_apply_arguments,
        run=_plan,
    ),
    "apply": Command(
        about="Make the jobs what jobs.yaml says, and show what was done. Pauses, silences, incidents and history\n"
        "stay as they are. Applying twice does nothing the second time.",
        arguments=_apply_arguments,
        run=_apply,
    ),
}
