"""Arguments and help texts."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from functools import partial
from itertools import chain, groupby, repeat

from heartbeat.doors.cli.commands import COMMANDS
from heartbeat.errors import BadSetting

TYPE_CHECKING = False  # see commands.py
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from heartbeat.doors.cli.commands import Command

EXITS = """exit status:
  0  fine
  1  something is wrong with the jobs
  2  the command cannot be carried out as given: a wrong option, a broken file, an unknown job
  3  the world is in the way (a locked database, a server that is down): the same command may succeed later"""

RAW = frozenset({"body", "config", "db", "evidence", "file", "store"})
"""Paths and job output: they may be any bytes."""


class Parser(ArgumentParser):
    """Complains in one line, like everything here."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise BadSetting(f"{message}; see `{self.prog} --help`")


def parse(prog: str, command: Command, argv: Sequence[str]) -> Namespace:
    """The arguments of one command."""
    epilog = EXITS if command.shows else None
    width = None if {"-h", "--help"} & {*argv} else 80  # to look for it would load what unpacks archives
    form = partial(RawDescriptionHelpFormatter, width=width)
    parser = Parser(prog=prog, description=command.about, epilog=epilog, formatter_class=form, allow_abbrev=False)
    parser.set_defaults(json=False, no_color=False)
    command.arguments(parser)
    if command.shows:
        shown = parser.add_argument_group("output")
        shown.add_argument("--json", action="store_true", help="one JSON document on standard output")
        shown.add_argument("--no-color", action="store_true", help="no colours (as does the variable NO_COLOR)")
    # Options may stand anywhere, also before the files; but what `exec` runs has options of its own.
    args = parser.parse_intermixed_args(argv) if command.shows else parser.parse_args(argv)
    if command.shows:  # what `exec` passes on may be any bytes
        _check_texts(args)
    return args


def _check_texts(args: Namespace) -> None:
    """Refuse what is not text: no store can keep it, and no page can show it."""
    for name, value in vars(args).items():
        if isinstance(value, str) and name not in RAW:
            try:
                value.encode()
            except UnicodeEncodeError:
                raise BadSetting(f"{value!r} is not written in UTF-8") from None


def overview(*, whole: bool) -> str:
    """What plain `heartbeat` prints; whole: what `heartbeat --help` prints."""
    lines = ["heartbeat: tells you when a recurring job did not run", ""]
    for group, entries in groupby(COMMANDS.items(), key=lambda entry: entry[1][0]):
        heads = chain([group], repeat(""))
        lines += [f"  {next(heads):<9}{name:<9}{words}" for name, (_, _, words) in entries]
    lines += ["", *(_whole() if whole else _START)]
    return "\n".join(lines) + "\n"


_START = ["Start with:  heartbeat serve --config jobs.yaml", "Learn with:  heartbeat COMMAND --help"]


def _whole() -> list[str]:
    from heartbeat.settings import JOBS_FILE, Settings  # noqa: PLC0415 - ping and exec need none of it

    return [
        "heartbeat COMMAND --help tells more; heartbeat --version",
        "",
        "environment:",
        f"  HEARTBEAT_DB        the database (--db), by default {Settings().db}",
        "  HEARTBEAT_STORE     another place for it (--store): dynamodb://TABLE",
        f"  HEARTBEAT_CONFIG    the jobs (--config), by default {JOBS_FILE}",
        "  HEARTBEAT_URL       the server, for ping, exec and doctor",
        "  HEARTBEAT_PING_KEY  the key in ping URLs",
        "  NO_COLOR            no colours",
        "",
        EXITS,
    ]
