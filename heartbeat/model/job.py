"""What is declared: the job."""

from __future__ import annotations

from typing import Any

from heartbeat.model.noun import FORMAT, Noun
from heartbeat.model.words import MINUTE, Overlap


class Evidence(Noun, frozen=True, kw_only=True):
    """Where a run's evidence object lies and what it must be.

    key: template such as "backup/{date:%Y-%m-%d}/dump.sql.gz", the date in the job's zone; min_size in bytes.
    """

    key: str
    min_size: int = 0
    content_type: str = ""
    bucket: str = ""


class Bound(Noun, frozen=True, kw_only=True):
    """What a metric reported with a success must be: low <= value <= high; an end that is None is open."""

    metric: str
    low: float | None = None
    high: float | None = None


class LogGroup(Noun, frozen=True, kw_only=True):
    """Where the driver awslogs puts what a container writes: the log group, and the prefix of its streams."""

    group: str
    prefix: str


class Source(Noun, frozen=True, kw_only=True):
    """Whose events on AWS are this job's signals.

    kind: ecs, step_functions, batch, lambda, scheduler or rule; keys: what must fit, as (key, value), sorted; `*` in a
    value stands for anything; log: of `ecs`, where its tasks' output is, None when nobody said.
    """

    kind: str
    keys: tuple[tuple[str, str], ...]
    log: LogGroup | None = None


class Trigger(Noun, frozen=True, kw_only=True):
    """What starts the job's runs.

    kind: http, sqs, step_functions, ecs or aws_lambda; settings: the target's own, as its kind in `config/triggers.py`
    has them, `${…}` as it stands.
    """

    kind: str
    settings: dict[str, Any]


class Job(Noun, frozen=True, kw_only=True, tag=FORMAT):
    """A named piece of recurring work, as declared. Durations are in milliseconds."""

    slug: str
    schedule: tuple[str, ...]
    timezone: str = "UTC"
    dialect: str | None = None
    grace: int = 10 * MINUTE
    early: int = 5 * MINUTE
    max_runtime: int | None = None
    min_runtime: int | None = None
    alert_after: int = 1
    remind_every: int | None = None
    notify: tuple[str, ...] = ()
    description: str = ""
    environment: str = ""
    owner: str = ""
    runbook: str = ""
    tags: tuple[str, ...] = ()
    evidence: Evidence | None = None
    bounds: tuple[Bound, ...] = ()
    enabled: bool = True
    source: str = ""
    """Who owns the definition: the config's name, or "ping" for a job made by `?create=1`."""
    sources: tuple[Source, ...] = ()
    trigger: Trigger | None = None
    overlap: Overlap = Overlap.ALLOW
    at_least_once: bool = False
    """A start that may not have arrived is made again, for the same run."""
