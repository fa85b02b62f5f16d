"""A run is started once, whoever asks for it, how often, and whatever ends in the middle of it: counted at the target.

The stories are told in the order of this file, on the stack of all stories about starts. The jobs of these stories
have a slot that has come just now.
"""

import json
import threading
import time

import pytest
from stack import until

RULE = "arn:aws:events:eu-west-1:000000000000:rule/"
SHORT = 30_000
"""Milliseconds: no row of the timer wheel is written for an earlier instant."""
CUT_OFF = {
    "unsent": (0, "unknown", 1),
    "unsent-keyed": (1, "triggered", 2),
    "unheard": (1, "unknown", 1),
    "unheard-keyed": (2, "triggered", 2),
}
"""Jobs whose starter is killed: requests that the app reads in all, the record's end, and its attempts."""


def scheduled(stack, job):
    """What EventBridge Scheduler sends."""
    return {"heartbeat": "start", "job": job, "at": stack.slot}


def fire(stack, job):
    """Call the trigger function as EventBridge Scheduler does: Lambda calls it again when it is ended."""
    payload = json.dumps(scheduled(stack, job)).encode()
    stack.cloud.client("lambda").invoke(FunctionName=f"{stack.name}-trigger", InvocationType="Event", Payload=payload)


def at_once(stack, *events):
    """Call the trigger function with each of these events at the same moment; the runs that it answers."""
    answers, together = [], threading.Barrier(len(events))

    def call(event):
        together.wait()
        answers.extend(stack.invoke("trigger", event)["runs"])

    threads = [threading.Thread(target=call, args=(event,)) for event in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def phases(stack, *jobs):
    return [str(start.phase) for job in jobs for start in stack.state(job).starts]


def record(stack, job):
    """The one record of the job's slot, as a person reads it."""
    status, text = stack.cloud.heartbeat("runs", job, "--json", "--store", f"dynamodb://{stack.table}")
    (found,) = (run for run in json.loads(text)["runs"] if run["slot"])
    assert status == 0
    return found


def end_of_lease_comes(stack, job):
    """A claim is good for a minute and more. Nobody waits for that here: it ends as soon as the timer wheel takes."""
    from msgspec.structs import replace  # noqa: PLC0415 - only this story looks inside

    from heartbeat.core.judgment import Judgment  # noqa: PLC0415 - the same
    from heartbeat.verbs.jobs import amend  # noqa: PLC0415 - the same

    def decide(snapshot):
        case = Judgment(snapshot, now := round(time.time() * 1000), None)
        (start,) = snapshot.state.starts
        assert start.until > now + SHORT
        case.set(starts=(replace(start, until=now + SHORT),))
        return case.change()

    amend(stack.store(), job, decide)


def test_killed_between_the_claim_and_the_answer(unswept, app):
    """Two before a word was sent (TLS has not begun), two after the app has read the request."""
    app.silent.update({"unheard", "unheard-keyed"})
    for job in CUT_OFF:
        fire(unswept, job)
    assert until(lambda: app.connected == 2 and len(app.seen) == 2)
    assert phases(unswept, *CUT_OFF) == ["claimed"] * 4
    unswept.kill("trigger")
    app.silent.clear()
    app.speaks.set()
    assert [run["held"] for run in at_once(unswept, *(scheduled(unswept, job) for job in CUT_OFF))] == ["busy"] * 4
    assert (app.connected, sorted(told["job"] for told in app.seen)) == (2, ["unheard", "unheard-keyed"])
    for job in CUT_OFF:
        end_of_lease_comes(unswept, job)


def test_the_same_slot_by_a_schedule_a_rule_and_by_hand_is_one_request(triggers, app):
    rule = {"resources": [f"{RULE}doubled"], "time": triggers.slot}
    first = at_once(triggers, scheduled(triggers, "doubled"), scheduled(triggers, "doubled"), rule)
    again = [triggers.invoke("trigger", event)["runs"][0] for event in (scheduled(triggers, "doubled"), rule)]
    (told,) = app.of("doubled")
    assert {run["run_id"] for run in first + again} == {told["run_id"]}
    assert [run["held"] for run in first].count(None) == 1
    assert [run["held"] for run in again] == ["done", "done"]
    assert (told["slot"], record(triggers, "doubled")["attempts"]) == (triggers.slot, 1)
    assert triggers.ping(f"doubled?rid={told['run_id']}") == (200, "OK")
    assert record(triggers, "doubled")["end"] == "done"
    assert triggers.invoke("trigger", rule)["runs"][0]["held"] == "done"
    assert len(app.of("doubled")) == 1


def test_two_that_claim_at_the_same_moment_are_one_request(triggers, app, faults):
    """A claim takes a while to be written: all have read that nobody has claimed it before the first one has."""
    faults.seen.clear()
    faults.slow, faults.delay = frozenset({"UpdateItem"}), 1.5
    runs = at_once(triggers, *[scheduled(triggers, "raced")] * 3)
    faults.slow = frozenset()
    assert faults.seen.count("UpdateItem") >= 3  # two claims at least, and what became of the call
    (told,) = app.of("raced")
    assert {run["run_id"] for run in runs} == {told["run_id"]}
    assert [run["held"] for run in runs].count(None) == 1
    assert (record(triggers, "raced")["attempts"], phases(triggers, "raced")) == (1, ["started"])


def test_an_app_that_never_answers_is_called_again_only_if_it_knows_the_run(triggers, app):
    app.silent.update({"mute", "mute-keyed"})
    fire(triggers, "mute")
    fire(triggers, "mute-keyed")
    assert until(lambda: app.of("mute") and app.of("mute-keyed"))
    app.silent.discard("mute-keyed")
    assert until(lambda: phases(triggers, "mute", "mute-keyed") == ["unknown", "started"])
    assert triggers.invoke("trigger", scheduled(triggers, "mute"))["runs"][0]["held"] == "unknown"
    triggers.sweep()
    triggers.sweep()
    assert (len(app.of("mute")), record(triggers, "mute")["end"]) == (1, "unknown")
    assert "did not answer" in record(triggers, "mute")["answer"]
    assert (len(app.of("mute-keyed")), app.begun("mute-keyed")) == (2, 1)
    found = record(triggers, "mute-keyed")
    assert (found["attempts"], found["answer"], found["end"]) == (2, "202 Accepted", "triggered")


@pytest.mark.parametrize("job", CUT_OFF)
def test_what_a_killed_one_left_is_settled_by_the_sweep(triggers, app, job):
    """Without a key nobody can know, and it is not called again; by its key it is, and the work begins once."""
    assert until(lambda: triggers.sweep() and "claimed" not in phases(triggers, job), seconds=45, every=1)
    triggers.sweep()
    triggers.invoke("trigger", scheduled(triggers, job))
    found = record(triggers, job)
    assert (len(app.of(job)), found["end"], found["attempts"]) == CUT_OFF[job]
    assert app.begun(job) == (0 if job == "unsent" else 1)
    if found["end"] == "unknown":
        assert found["answer"].startswith("whoever started it ended before saying what became of it")
