"""The samples of tests/data/events, and what it takes to read one."""

import json
from datetime import datetime
from pathlib import Path

from heartbeat.ingest.events import Matcher, read
from heartbeat.model import Job, Source

FOLDER = Path(__file__).parents[1] / "data" / "events"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def at(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000)


NOW = at("2026-11-21T20:00:00Z")


def sample(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def changed(name, *path, to):
    """A sample with another value at a path; None takes it out."""
    event = sample(name)
    below = event
    for key in path[:-1]:
        below = below[key]
    if to is None:
        below.pop(path[-1], None)
    else:
        below[path[-1]] = to
    return event


def job(slug="nightly", **sources):
    """A job with one source of each kind: `ecs={"family": "nightly"}`; `lambda_` for lambda."""
    kinds = {kind.rstrip("_"): tuple(sorted(keys.items())) for kind, keys in sources.items()}
    return Job(
        slug=slug, schedule=("0 3 * * *",), sources=tuple(Source(kind=kind, keys=keys) for kind, keys in kinds.items())
    )


def heard(event, *jobs, now=NOW):
    return read(sample(event) if isinstance(event, str) else event, Matcher(jobs), now)


EVERYTHING = job(
    "all",
    ecs={"cluster": "*"},
    step_functions={"state_machine": "*"},
    batch={"queue": "*"},
    lambda_={"function": "*"},
    scheduler={"schedule": "*"},
    rule={"rule": "*"},
)
DEAD = job("dead", lambda_={"dead_letters": "*"})
SERVICE = job("service", ecs={"group": "service:*"})
