"""key: the key in ping URLs, and who may use the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.doors.cli import ping_key
from heartbeat.doors.cli.commands import Command, Exit, Invocation
from heartbeat.doors.cli.options import add_store, here, open_store
from heartbeat.doors.cli.screen import Cell
from heartbeat.errors import BadSetting
from heartbeat.text.times import iso
from heartbeat.verbs import api_keys

if TYPE_CHECKING:
    from argparse import ArgumentParser

PING = {"show": ping_key.show, "rotate": ping_key.rotate}


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("act", choices=("show", "rotate", "add", "list", "remove"), help="what to do")
    parser.add_argument("name", nargs="?", metavar="NAME", help="add, remove: who or what uses the key")
    parser.add_argument("--read-only", action="store_true", help="add: the key may look, and nothing else")
    parser.add_argument("--keep", metavar="DURATION", help=ping_key.help_of_keep())
    add_store(parser)


def _run(call: Invocation) -> int:
    args = call.args
    if (args.act in {"list", *PING}) is bool(args.name):
        raise BadSetting("write `key show`, `key rotate`, `key add NAME`, `key remove NAME` or `key list`")
    with open_store(args) as store:
        if args.act in PING:
            return PING[args.act](call, store)
        if args.act == "add":
            rights = api_keys.Rights.READ if args.read_only else api_keys.Rights.WRITE
            token = api_keys.add(store, args.name, rights, call.now)
            hint = Cell("It is shown this once; send it as Authorization: Bearer hbm_…", "dim")
            call.tell({"name": args.name, "rights": rights, "key": token}, Cell(token, "bold"), hint)
        elif args.act == "remove":
            api_keys.remove(store, args.name)
            gone = f"the key of {args.name} opens nothing any more"
            call.tell({"name": args.name, "removed": True}, gone)
        else:
            _list(call, api_keys.holders(store))
    return Exit.FINE


def _list(call: Invocation, found: list[api_keys.Holder]) -> None:
    if call.args.json:
        call.screen.json({"keys": [{"name": h.name, "rights": h.rights, "created": iso(h.created)} for h in found]})
        return
    for holder in found:
        call.screen.say(f"{holder.name}: {holder.rights}, made {here(holder.created)}")
    if not found:
        call.screen.say("nobody has a key; `heartbeat key add NAME` makes one")


COMMANDS = {
    "key": Command(
        about="The ping key is in the URLs that jobs call: `show` prints it, `rotate` makes a new one and says\n"
        "how long the old one goes on being taken. Management keys open the API (docs/api.md): `add`, `list`,\n"
        "`remove`. Such a key is shown once, when it is made; its hash is kept.\n\n"
        "  heartbeat key rotate --keep 30d\n"
        "  heartbeat key add grafana --read-only\n"
        "  heartbeat --store dynamodb://TABLE key list",
        arguments=_arguments,
        run=_run,
    )
}
