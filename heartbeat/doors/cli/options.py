"""Options that several commands share, and what they mean."""

from __future__ import annotations

import os
from argparse import SUPPRESS, Action
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

from heartbeat.errors import BadSetting
from heartbeat.settings import JOBS_FILE, Settings
from heartbeat.store import address

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ActionsContainer
    from collections.abc import Iterator

    from heartbeat.store.address import Table
    from heartbeat.store.protocol import Store


def add_db(parser: _ActionsContainer) -> None:
    """--db."""
    parser.add_argument("--db", metavar="FILE", help=f"the database (HEARTBEAT_DB, else {Settings().db})")


def add_store(parser: ArgumentParser) -> _ActionsContainer:
    """--store, --db and --stack, of which only one may be given; returns their group."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--store",
        metavar="PLACE",
        help="where the jobs are kept: dynamodb://TABLE, or a file (HEARTBEAT_STORE, else --db)",
    )
    add_db(either)
    either.add_argument("--stack", metavar="NAME", help="the jobs of this stack on AWS, with your credentials")
    parser.add_argument("--region", help="where the stack is (AWS_REGION)")
    return either


def add_old(parser: _ActionsContainer, old: str, dest: str) -> None:
    """An option's earlier name, still read."""
    parser.add_argument(old, dest=dest, help=SUPPRESS)


def add_job(parser: ArgumentParser) -> None:
    """JOB, and where it is kept."""
    parser.add_argument("job", metavar="JOB", help="the job's name")
    add_store(parser)


def add_config(parser: ArgumentParser) -> None:
    """--config."""
    text = f"the jobs: a file, a folder of them, or several by more options (HEARTBEAT_CONFIG, else {JOBS_FILE})"
    parser.add_argument("--config", metavar="FILE", action=Several, help=text)


class Several(Action):
    """An option that may be given more than once: several files as one value, as in PATH."""

    def __call__(self, _parser: object, args: Namespace, value: object, _option: object = None) -> None:
        """Add this one."""
        before = getattr(args, self.dest) or ""
        setattr(args, self.dest, f"{before}{os.pathsep}{value}" if before else str(value))


def add_evidence(parser: ArgumentParser) -> None:
    """--evidence."""
    parser.add_argument("--evidence", metavar="DIR", help="the folder to look for evidence in (HEARTBEAT_EVIDENCE)")


def evidence_folder(folder: Path | None) -> None:
    """Refuse a folder in which no evidence can be found: every job with evidence would be told as missed."""
    if folder is None:
        return
    given = f"the folder for evidence, {folder} (--evidence, HEARTBEAT_EVIDENCE),"
    if not folder.exists():
        raise BadSetting(f"{given} does not exist; make it, or name another")
    if not folder.is_dir():
        raise BadSetting(f"{given} is no folder; name the folder that the files are in")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise BadSetting(f"{given} cannot be read by {me()}; permit it, or run this as somebody who may")


def add_span(parser: ArgumentParser) -> None:
    """--for and --until."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--for", dest="for_", metavar="DURATION", help="for this long: 90s, 15m, 1h30m, 2d")
    either.add_argument(
        "--until", metavar="TIME", help="until then: 22:00, 2026-11-22T18:00, or with an offset (+09:00, Z)"
    )


def place(args: Namespace) -> Table | Path:
    """The place of the store to use."""
    if getattr(args, "stack", None) and not args.store:  # `exec --sqs` has no such option
        from heartbeat.doors.cli.stack import address_of  # noqa: PLC0415 - only who has a stack needs it

        args.store = address_of(args.stack, args.region)
    given = args.store or args.db or os.environ.get("HEARTBEAT_STORE") or os.environ.get("HEARTBEAT_DB")
    return address.read(given) if given else Settings().db


def is_there(found: Table | Path) -> bool:
    """Whether there is something at this place; for a table we would have to ask."""
    return not isinstance(found, Path) or found.exists()


def shown(found: Table | Path) -> str:
    """A place in words."""
    return str(found) if isinstance(found, Path) else f"the table {found.name}"


def config_path(args: Namespace) -> Path:
    """The jobs file to use."""
    return Path(args.config or os.environ.get("HEARTBEAT_CONFIG") or JOBS_FILE)


@contextmanager
def open_store(args: Namespace, *, create: bool = False) -> Iterator[Store]:
    """The store, closed at the end. Only a command meant to create a database does so: a path may be mistyped."""
    found = place(args)
    if not create and not is_there(found):
        raise BadSetting(
            f"there is no database {found}; name it with --db or HEARTBEAT_DB, or make it with `heartbeat apply`"
        )
    with closing(address.open_store(found, args.clock)) as store:
        yield store


def here(at: int) -> str:
    """An instant on this machine's clock."""
    return f"{datetime.fromtimestamp(at / 1000, UTC).astimezone():%Y-%m-%d %H:%M %Z}"


def me() -> str:
    """The caller's name."""
    try:
        return getuser()
    except (KeyError, OSError):  # in a container: a number without a name
        return "somebody"
