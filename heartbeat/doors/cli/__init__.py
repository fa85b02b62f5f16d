"""The command line: `heartbeat COMMAND …`.

A command's module is loaded on demand, so `ping` and `exec` load the client and nothing of the service.
"""

from __future__ import annotations

import gc
import os
import sys
import time

from heartbeat.doors.cli.commands import COMMANDS, EXTRAS, Exit, Invocation, load, remedy
from heartbeat.doors.cli.parser import overview, parse
from heartbeat.errors import CallerError, WorldError

TYPE_CHECKING = False  # see commands.py
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None, *, clock: Callable[[], int] | None = None) -> int:
    """Run one command and return the exit status. clock: milliseconds since the epoch."""
    try:
        return _run(list(sys.argv[1:] if argv is None else argv), clock or _now)
    except CallerError as problem:
        return _complain(str(problem), Exit.CALLER)
    except WorldError as problem:
        return _complain(str(problem), Exit.WORLD)
    except ModuleNotFoundError as problem:
        if (problem.name or "").partition(".")[0] not in EXTRAS:
            raise
        return _complain(f"this needs {problem.name}, which is not installed: {remedy(problem)}", Exit.CALLER)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains again when it ends
        return Exit.PIPE_CLOSED


def _now() -> int:
    return time.time_ns() // 1_000_000


def _complain(text: str, status: int) -> int:
    from heartbeat.doors.cli.screen import Screen  # noqa: PLC0415 - see `Invocation.screen`

    screen = Screen()
    for line in text.splitlines():
        screen.complain(line)
    return status


def _run(argv: list[str], clock: Callable[[], int]) -> int:
    gc.set_threshold(200_000, 50, 100)  # a command reads much and leaves few cycles
    match argv:
        case ["help", str(name), *_] if name in COMMANDS:
            argv = [name, "--help"]
        case [] | ["-h" | "--help" | "help", *_]:
            return _say(overview(whole=bool(argv)))
        case ["-V" | "--version", *_]:
            from heartbeat.telemetry import our_version  # noqa: PLC0415 - no other command is to wait for it

            return _say(f"heartbeat {our_version()}\n")
    argv = _command_first(argv)
    command = load(argv[0])
    try:
        args = parse(f"heartbeat {argv[0]}", command, argv[1:])
    except SystemExit as asked:  # --help has been printed
        return int(asked.code or 0)
    args.clock = clock
    return command.run(Invocation(args, clock))


def _command_first(argv: list[str]) -> list[str]:
    """`--store PLACE` may come before the command."""
    match argv:
        case ["--store", str(where), str(name), *rest]:
            return [name, "--store", where, *rest]
        case [str(option), str(name), *rest] if option.startswith("--store="):
            return [name, option, *rest]
    return argv


def _say(text: str) -> int:
    sys.stdout.write(text)
    return Exit.FINE
