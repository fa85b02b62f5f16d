"""The commands, and what one consists of."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum
from importlib import import_module
from typing import TYPE_CHECKING

from heartbeat.errors import BadSetting

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One call of a command."""

    args: Namespace
    screen: Screen
    clock: Callable[[], int]

    @property
    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self.clock()

    def tell(self, facts: object, *lines: Cell) -> Exit:
        """What was done, as a JSON document if one is asked for, else in lines."""
        if self.args.json:
            self.screen.json(facts)
        else:
            for line in lines:
                self.screen.say(line)
        return Exit.FINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """about: the beginning of its help; shows: it prints something of its own, so --json and --no-color apply."""

    about: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Invocation], int]
    shows: bool = True


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """A command's place in the overview, and its module."""

    group: str
    module: str
    words: str


COMMANDS: dict[str, CommandEntry] = {
    "status": CommandEntry("look", "status", "every job: its state, when it last ran, when it is expected"),
    "explain": CommandEntry("look", "explain", "one job: why it is in its state, and what happens next"),
    "runs": CommandEntry("look", "runs", "one job: its latest runs, from the scheduled time to the end"),
    "next": CommandEntry("look", "next", "when a schedule fires, in words and as dates"),
    "check": CommandEntry("declare", "declare", "read jobs.yaml: every mistake and doubt, with line and column"),
    "plan": CommandEntry("declare", "declare", "what `apply` would change"),
    "apply": CommandEntry("declare", "declare", "make the jobs what jobs.yaml says"),
    "import": CommandEntry("declare", "import_jobs", "make a jobs.yaml from this machine's crontab or systemd timers"),
    "pause": CommandEntry("act", "pause_ack", "expect nothing of a job for a while"),
    "resume": CommandEntry("act", "pause_ack", "expect it again"),
    "ack": CommandEntry("act", "pause_ack", "say that somebody is looking after a job that is down: no more reminders"),
    "silence": CommandEntry("act", "silence", "tell nobody about some jobs for a while"),
    "run": CommandEntry("act", "runs", "start a job now, or for a slot; it must have a trigger"),
    "rerun": CommandEntry("act", "runs", "start the same run once more, as another one"),
    "ping": CommandEntry("tell", "ping_exec", "tell the server that a job ran, began or failed"),
    "exec": CommandEntry("tell", "ping_exec", "run a command as a run of a job"),
    "worker": CommandEntry("tell", "worker", "take messages from an SQS queue, each as a run of its job"),
    "serve": CommandEntry("run", "serve", "the server: pings, clock and alerts in one process"),
    "tick": CommandEntry("run", "tick", "look once and send what waits, for those who have no server"),
    "key": CommandEntry("run", "key", "who may use the API: make, list and remove management keys"),
    "backup": CommandEntry("run", "backup", "copy the database, while the server runs or not"),
    "restore": CommandEntry("run", "backup", "put a copy in its place, with the server stopped"),
    "doctor": CommandEntry("run", "doctor", "is everything set up right? what is wrong, and what to do"),
}


def load(name: str) -> Command:
    """The command with this name."""
    place = COMMANDS.get(name)
    if place is None:
        near = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else "`heartbeat` alone lists them"
        if name.startswith("-"):
            hint = "the command comes first, as in `heartbeat status --json`"
        raise BadSetting(f"{name!r} is not a command; {hint}")
    commands: dict[str, Command] = import_module(f"heartbeat.doors.cli.{place.module}").COMMANDS
    return commands[name]


def remedy(missing: ModuleNotFoundError) -> str:
    """What to install if this module is missing."""
    extra = "aws" if (missing.name or "").partition(".")[0] in _AWS else "serve"
    return f"pip install 'heartbeat[{extra}]'"
