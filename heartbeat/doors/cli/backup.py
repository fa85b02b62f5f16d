"""backup and restore: take copies of the database, and put them back without mixing two."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from heartbeat.doors.cli.commands import Command, Invocation
from heartbeat.doors.cli.options import add_store, is_there, place
from heartbeat.doors.cli.screen import Cell
from heartbeat.errors import BadSetting
from heartbeat.store.address import check_file

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def _backup_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the copy to make")
    parser.add_argument("--force", action="store_true", help="overwrite an existing file")
    add_store(parser)


def _restore_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the copy to put in the database's place")
    add_store(parser)


def _database(args: Namespace) -> Path:
    found = place(args)
    if not isinstance(found, Path):
        raise BadSetting(f"{found.name} is a table: AWS keeps copies of it (point-in-time recovery, on-demand backups)")
    return found


def _backup(call: Invocation) -> int:
    from heartbeat.store.sqlite.copy import backup  # noqa: PLC0415 - only with a file, and not on Windows

    db, file = _database(call.args), Path(call.args.file)
    for path in (db, file):
        check_file(path)
    if not is_there(db):
        raise BadSetting(f"there is no database {db}; name it with --db or HEARTBEAT_DB")
    jobs = backup(db, file, force=call.args.force)
    facts = {"database": str(db), "file": str(file), "jobs": jobs, "bytes": file.stat().st_size}
    text = f"{file} is a copy of {db}: {_jobs(jobs)}, {facts['bytes']:,} bytes, checked"
    return call.tell(facts, Cell(text, "green"))


def _restore(call: Invocation) -> int:
    from heartbeat.store.sqlite.copy import restore  # noqa: PLC0415 - the same

    db, file = _database(call.args), Path(call.args.file)
    for path in (db, file):
        check_file(path)
    stamp = datetime.fromtimestamp(call.now / 1000, UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    aside, was_there = db.with_name(f"{db.name}.replaced-{stamp}Z"), is_there(db)
    jobs = restore(file, db, aside)
    kept = str(aside) if was_there else None
    facts = {"database": str(db), "file": str(file), "jobs": jobs, "kept_aside": kept}
    before = f"; the old one is now {kept}" if kept else ""
    return call.tell(facts, Cell(f"{db} is what {file} was: {_jobs(jobs)}, checked{before}", "green"))


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"


COMMANDS = {
    "backup": Command(
        about="Copy the database into one file that only you can read, while the server runs or not; the copy is\n"
        "checked before it gets its name.\n\n"
        "  heartbeat backup /var/backups/heartbeat.db",
        arguments=_backup_arguments,
        run=_backup,
    ),
    "restore": Command(
        about="Put a copy in the database's place. Stop the server first; one whose database was deleted may\n"
        "run, and goes on with the copy by itself. The copy is checked before, and the file that was there is kept\n"
        "beside it, with its -wal.\n\n"
        "  heartbeat restore /var/backups/heartbeat.db",
        arguments=_restore_arguments,
        run=_restore,
    ),
}
