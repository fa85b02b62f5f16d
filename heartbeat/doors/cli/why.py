"""explain: what heartbeat/explain.py found, for a person or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heartbeat import documents
from heartbeat.doors.cli.commands import Call, Command, Exit
from heartbeat.doors.cli.facts import delivery_facts, iso, job_facts, signal_facts, silence_facts
from heartbeat.doors.cli.options import add_store, open_store, snapshot_of
from heartbeat.doors.cli.page import Page
from heartbeat.explain import Explanation, explain

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from heartbeat.explain import RunStory, SlotStory
    from heartbeat.model import Entry
    from heartbeat.store.protocol import Store

HISTORY = 200
"""Entries that are looked at."""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("job", metavar="JOB", help="the job's name")
    add_store(parser)


def _run(call: Call) -> int:
    now = call.now
    with open_store(call.args) as store:
        found = explained(store, call.args.job, now)
        clock = documents.clock(store, now)
    if call.args.json:
        call.screen.json(_as_json(found, now))
    else:
        Page(call, found, clock, now).show()
    return Exit.FINE


def explained(store: Store, slug: str, now: int) -> Explanation:
    """The explanation of a job. Raises UnknownJob."""
    snapshot = snapshot_of(store, slug)
    told = store.deliveries(snapshot.state.incident.id) if snapshot.state.incident else []
    return explain(snapshot, store.history(slug, HISTORY), told, documents.silences(store), now)


def _as_json(found: Explanation, now: int) -> dict[str, Any]:
    return job_facts(found.snapshot, found.silences, now) | {
        "because": found.because,
        "rule": found.rule,
        "hint": found.hint,
        "slots": [_slot_facts(story) for story in found.slots],
        "notes": [_note_facts(entry) for entry in found.notes],
        "runs": [_run_facts(each) for each in found.runs],
        "told": [delivery_facts(delivery) for delivery in found.told],
        "silences": [silence_facts(silence, now) for silence in found.silences],
        "coming": [{"at": iso(each.at), "what": each.what} for each in found.coming],
        "looked_at": iso(found.snapshot.due),
    }


def _slot_facts(story: SlotStory) -> dict[str, Any]:
    return {
        "slot": iso(story.slot),
        "verdict": story.verdict,
        "reason": story.reason,
        "words": story.words,
        "remark": story.remark,
        "at": iso(story.at),
        "signals": [signal_facts(signal) for signal in story.signals],
    }


def _note_facts(entry: Entry) -> dict[str, Any]:
    signal = None if entry.signal is None else signal_facts(entry.signal)
    return {"at": iso(entry.at), "remark": entry.remark, "signal": signal}


def _run_facts(each: RunStory) -> dict[str, Any]:
    run = each.run
    when = {"slot": iso(run.slot), "started_at": iso(run.started_at), "limit": iso(each.limit)}
    return {"id": run.id, **when, "expired": run.expired}


COMMANDS = {
    "explain": Command(
        about="Say why a job is in its state: what its latest slots came to and why, which signal went to which slot,\n"
        "what runs are open, who was told of the incident, and what happens next if nothing is heard.\n\n"
        "  heartbeat explain daily-report",
        arguments=_arguments,
        run=_run,
    )
}
