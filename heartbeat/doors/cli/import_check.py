"""import --check: what a jobs.yaml and its source no longer agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heartbeat.config import read_file
from heartbeat.doors.cli.commands import Exit, Invocation
from heartbeat.doors.cli.options import config_path
from heartbeat.doors.cli.screen import Cell, counted
from heartbeat.errors import BadSetting
from heartbeat.importing.drift import drift_between

if TYPE_CHECKING:
    from heartbeat.importing.found import Imported

_PAINT = {"+": "green", "-": "red", "~": "yellow"}
_KINDS = {"+": "missing", "-": "gone", "~": "changed"}


def check(call: Invocation, found: Imported) -> int:
    """Say every difference; exit status 1 if there is one."""
    if call.args.diff or call.args.output:
        raise BadSetting("--check only looks: leave out --diff and --output")
    path = config_path(call.args)
    drifted = drift_between(found.jobs, read_file(path).jobs, prefix=call.args.prefix)
    if call.args.json:
        told = [{"job": each.job, "kind": _KINDS[each.mark], "text": each.text} for each in drifted]
        listed = [{"where": each.where, "text": each.text} for each in found.listed]
        call.screen.json({"file": str(path), "drift": told, "not_imported": listed})
    else:
        for each in drifted:
            call.screen.say(Cell(f"{each.mark} {each.job}", _PAINT[each.mark]), f": {each.text}")
        state = counted(len(drifted), "difference") if drifted else "nothing has drifted"
        call.screen.say(f"{path}: {state}, {counted(len(found.jobs), 'job')} in the source")
    return Exit.WRONG if drifted else Exit.FINE
