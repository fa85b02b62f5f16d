"""The commands, and what one consists of. No dataclasses: `exec` would wait for them as long as for all the rest."""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property
from importlib import import_module

from heartbeat.errors import BadSetting

TYPE_CHECKING = False  # the module typing is slow to load, too
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from heartbeat.doors.cli.screen import Cell, Screen

EXTRAS = frozenset({"boto3", "botocore", "dateutil", "msgspec", "rich", "slack_sdk", "urllib3", "uvicorn", "yaml"})
"""What the base install lacks."""
_AWS = frozenset({"boto3", "botocore"})


class Exit(IntEnum):
    """The exit statuses."""

    FINE = 0
    WRONG = 1
    CALLER = 2
    WORLD = 3
    INTERRUPTED = 130
    PIPE_CLOSED = 141


class Invocation:
    """One call of a command."""

    def __init__(self, args: Namespace, clock: Callable[[], int]) -> None:
        self.args, self.clock = args, clock

    @property
    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self.clock()

    @cached_property
    def screen(self) -> Screen:
        """Loaded with the first thing to show: most pings show none."""
        from heartbeat.doors.cli.screen import Screen  # noqa: PLC0415 - see above

        return Screen(colour=False if self.args.no_color else None)

    def tell(self, facts: object, *lines: str | Cell) -> Exit:
        """What was done, as a JSON document if one is asked for, else in lines."""
        if self.args.json:
            self.screen.json(facts)
        else:
            for line in lines:
                self.screen.say(line)
        return Exit.FINE


class Command:
    """about: the beginning of its help; shows: it prints something of its own, so --json and --no-color apply."""

    def __init__(
        self,
        *,
        about: str,
        arguments: Callable[[ArgumentParser], None],
        run: Callable[[Invocation], int],
        shows: bool = True,
    ) -> None:
        self.about, self.arguments, self.run, self.shows = about, arguments, run, shows


COMMANDS = {
    "status": ("look", "status", "every job: its state, when it last ran, when it is expected"),
    "explain": ("look", "explain", "one job: why it is in its state, and what happens next"),
    "runs": ("look", "runs", "one job: its latest runs, from the scheduled time to the end"),
    "next": ("look", "next", "when a schedule fires, in words and as dates"),
    "check": ("declare", "declare", "read jobs.yaml: every mistake and doubt, with line and column"),
    "plan": ("declare", "declare", "what `apply` would change"),
    "apply": ("declare", "declare", "make the jobs what jobs.yaml says"),
    "import": ("declare", "import_jobs", "make a jobs.yaml from crontabs, timers, or another scheduler's file"),
    "pause": ("act", "pause_ack", "expect nothing of a job for a while"),
    "resume": ("act", "pause_ack", "expect it again"),
    "ack": ("act", "pause_ack", "say that somebody is looking after a job that is down: no more reminders"),
    "silence": ("act", "silence", "tell nobody about some jobs for a while"),
    "run": ("act", "runs", "start a job now, or for a slot; it must have a trigger"),
    "rerun": ("act", "runs", "start the same run once more, as another one"),
    "ping": ("tell", "ping_exec", "tell the server that a job ran, began or failed"),
    "exec": ("tell", "ping_exec", "run a command as a run of a job"),
    "worker": ("tell", "worker", "take messages from an SQS queue, each as a run of its job"),
    "serve": ("run", "serve", "the server: pings, clock and alerts in one process"),
    "systemd": ("run", "systemd", "a unit that runs the server, complete and shut in"),
    "tick": ("run", "tick", "look once and send what waits, for those who have no server"),
    "key": ("run", "key", "the ping key: show, rotate; keys to the API: add, list, remove"),
    "backup": ("run", "backup", "copy the database, while the server runs or not"),
    "restore": ("run", "backup", "put a copy in its place, with the server stopped"),
    "doctor": ("run", "doctor", "is everything set up right? what is wrong, and what to do"),
}
"""Each command's group in the overview, its module, and its line of help."""


def load(name: str) -> Command:
    """The command with this name."""
    if name not in COMMANDS:
        from difflib import get_close_matches  # noqa: PLC0415 - for mistakes alone

        near = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else "`heartbeat` alone lists them"
        if name.startswith("-"):
            hint = "the command comes first, as in `heartbeat status --json`"
        raise BadSetting(f"{name!r} is not a command; {hint}")
    commands: dict[str, Command] = import_module(f"heartbeat.doors.cli.{COMMANDS[name][1]}").COMMANDS
    return commands[name]


def remedy(missing: ModuleNotFoundError) -> str:
    """What to install if this module is missing."""
    from heartbeat.distribution import install  # noqa: PLC0415 - for mistakes alone

    return install("aws" if (missing.name or "").partition(".")[0] in _AWS else "serve")
