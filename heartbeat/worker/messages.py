"""A queue's message as a run of a job. The message says which run; a redelivered message is the same run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from heartbeat.ingest.written import parsed

if TYPE_CHECKING:
    from collections.abc import Mapping

SLUG = re.compile("[-_a-z0-9]{1,100}")
_INSTANT = re.compile("[-+:.0-9TWZ ]{1,40}")
_RUNS = UUID("b0e6c2a4-5b0a-5a39-8f0e-6d1f3f5f7a10")
_FACTS = {"Heartbeat-Job": "job", "Heartbeat-Run": "run_id", "Heartbeat-Slot": "slot"}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """One message, ours until its visibility ends.

    receipt: the handle of this one delivery; job: "" when neither the message nor the caller names one; run_id: a
    uuid; slot: ISO 8601, "" for a run without one; count: how often it was delivered, this time included; since:
    when it was delivered, in seconds of a clock that only goes forward.
    """

    id: str
    receipt: str
    queue: str
    body: str = ""
    job: str = ""
    run_id: str
    slot: str = ""
    count: int = 1
    since: float = 0.0

    @property
    def environment(self) -> dict[str, str]:
        """What a command is told. The clients read the job and the run from here."""
        return {
            "HEARTBEAT_JOB": self.job,
            "HEARTBEAT_RUN_ID": self.run_id,
            "HEARTBEAT_SLOT": self.slot,
            "HEARTBEAT_MESSAGE_ID": self.id,
            "HEARTBEAT_RECEIPT_HANDLE": self.receipt,
            "HEARTBEAT_QUEUE": self.queue,
        }


def read(raw: Mapping[str, Any], *, queue: str, job: str, since: float) -> QueueMessage:
    """raw: as boto3 returns it; job: for a message that names none."""
    facts = _attributes(raw) or _body(raw["Body"])
    return QueueMessage(
        id=raw["MessageId"],
        receipt=raw["ReceiptHandle"],
        queue=queue,
        body=raw["Body"],
        job=facts.get("job", job),
        run_id=run_of(raw["MessageId"], facts.get("run_id", "")),
        slot=slot_of(facts.get("slot", "")),
        count=int(raw.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
        since=since,
    )


def run_of(message: str, named: str) -> str:
    """The run's id: the one named, or else one that is the same for every delivery of this message."""
    try:
        return str(UUID(named))
    except ValueError:
        return str(uuid5(_RUNS, message))


def slot_of(text: str) -> str:
    """The slot, if this names one. Python allows anything between day and time, a command's environment does not."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return ""
    return text if _INSTANT.fullmatch(text) else ""


def _attributes(raw: Mapping[str, Any]) -> dict[str, str]:
    given = raw.get("MessageAttributes", {})
    return _ours({ours: given.get(name, {}).get("StringValue", "") for name, ours in _FACTS.items()})


def _body(text: str) -> dict[str, str]:
    """Only a body that names its run is Heartbeat's: many others call something a job."""
    try:
        value = parsed(text)
    except ValueError:
        return {}
    if not isinstance(value, dict) or not isinstance(value.get("run_id"), str):
        return {}
    return _ours({name: value.get(name) for name in _FACTS.values()})


def _ours(facts: Mapping[str, object]) -> dict[str, str]:
    job = facts["job"]
    if not isinstance(job, str) or not SLUG.fullmatch(job):
        return {}
    return {name: text for name, text in facts.items() if isinstance(text, str)}
