"""What a trigger's target is. The docstrings are the contract."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from heartbeat.model import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class StartCall(Struct, frozen=True, kw_only=True):
    """One call.

    run_id: the same in every call for one run; slot: milliseconds, None for a run without a slot; timezone: the
    job's, for whoever writes the slot's date; input: JSON given by hand, "" for none; attempt: from 1.
    """

    slug: str
    run_id: str
    slot: int | None
    timezone: str
    input: str = ""
    attempt: int = 1


class TargetAnswer(Struct, frozen=True, kw_only=True):
    """The target accepted it. text: its answer, for people; ok: how the run ended, None when that comes later.

    output: what the run left in the answer.
    """

    text: str
    ok: bool | None = None
    output: str = ""


class Target(Protocol):
    """Where runs are started. Thread-safe."""

    @property
    def timeout(self) -> int:
        """The longest that one call may take, in milliseconds."""

    @property
    def repeatable(self) -> int:
        """Milliseconds after the first call for a run in which a second one starts nothing. 0: it starts another."""

    def start(self, call: StartCall, sent: Callable[[], None]) -> TargetAnswer:
        """Start a run. Raises StartFailed, which says whether it may have started anyway.

        A target whose answer is the run's end calls `sent` once the work has begun, before it waits.
        """


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
