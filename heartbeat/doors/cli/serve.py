"""serve: the server."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from heartbeat import settings
from heartbeat.doors.cli.commands import Command, Invocation
from heartbeat.doors.cli.options import add_config, add_db, add_evidence, evidence_folder
from heartbeat.outbound.urls import check_url
from heartbeat.store.address import check_file

if TYPE_CHECKING:
    from argparse import ArgumentParser

OPTIONS = ("db", "config", "host", "port", "url", "log", "evidence")


def _arguments(parser: ArgumentParser) -> None:
    usual = settings.Settings()
    add_config(parser)
    add_db(parser)
    add_evidence(parser)
    parser.add_argument("--host", help=f"the address to listen on ({usual.host}; 0.0.0.0 for all)")
    parser.add_argument("--port", help=f"the port to listen on ({usual.port})")
    parser.add_argument("--url", help="how jobs reach this server, when that is not host and port")
    parser.add_argument("--log", metavar="STYLE", help="text, or json for machines")


def _run(call: Invocation) -> int:
    from heartbeat.doors.server.wiring import serve  # noqa: PLC0415 - it loads the whole service

    if find_spec("uvicorn") is None:  # only the HTTP process loads it
        raise ModuleNotFoundError("No module named 'uvicorn'", name="uvicorn")
    given = {name: getattr(call.args, name) for name in OPTIONS}
    found = settings.read(**given)
    check_file(found.db)
    evidence_folder(found.evidence)
    if call.args.url:
        check_url("--url", call.args.url)
    return serve(found)


COMMANDS = {
    "serve": Command(
        about="Run the server: it takes pings, watches the clock and sends the alerts, on one SQLite file.\n"
        "Stop it with Ctrl-C or SIGTERM; no ping that was answered is lost. Changes to the jobs file are applied\n"
        "as they come. Every option has a variable, HEARTBEAT_DB for --db and so on.\n\n"
        "  heartbeat serve --config jobs.yaml",
        arguments=_arguments,
        run=_run,
        shows=False,
    )
}
