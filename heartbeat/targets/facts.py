"""What every target is told about a run, in one form: `{"job", "run_id", "slot", "input"}`.

Every attempt looks the same: a target that knows the run by its id may refuse one that differs.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from heartbeat.model import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from heartbeat.targets.protocol import StartCall


def facts(call: StartCall) -> dict[str, Any]:
    """slot: ISO 8601 in the job's zone, None for a run without a slot; input: only when there is some."""
    found = {"job": call.slug, "run_id": call.run_id, "slot": slot_of(call)}
    return {**found, "input": json.loads(call.input)} if call.input else found


def slot_of(call: StartCall) -> str | None:
    """The slot as a ping's `for` writes it."""
    if call.slot is None:
        return None
    return datetime.fromtimestamp(call.slot / SECOND, ZoneInfo(call.timezone)).isoformat(timespec="seconds")


def document(call: StartCall, settings: Mapping[str, Any]) -> str:
    """JSON for a target that takes a document: the declared one, overlaid by the input, and ours as `heartbeat`."""
    given = json.loads(call.input) if call.input else {}
    over = given if isinstance(given, dict) else {"input": given}
    return json.dumps({**settings, **over, "heartbeat": facts(call)}, ensure_ascii=False)


def environment(call: StartCall) -> dict[str, str]:
    """The same for a process. The clients take the run's id from here."""
    found = {"HEARTBEAT_JOB": call.slug, "HEARTBEAT_RUN_ID": call.run_id, "HEARTBEAT_SLOT": slot_of(call) or ""}
    return {**found, "HEARTBEAT_INPUT": call.input} if call.input else found
