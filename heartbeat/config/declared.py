"""What a jobs file says, and its compiled form (JSON) for places that read no YAML."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads the types at run time
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from heartbeat.errors import BadConfig
from heartbeat.model import Job  # noqa: TC001 - the same


class Config(Struct, frozen=True, kw_only=True):
    """What a file says.

    name: who owns its jobs (Job.source); channels: {name: {kind: settings}}, `${…}` unresolved; service: who hears
    about the service itself; fallback: who hears what another channel does not take, empty: all others; digest:
    depends on the meaning, not on how it is written; warnings: each with file, line and column.
    """

    name: str
    jobs: tuple[Job, ...]
    channels: Mapping[str, Mapping[str, Any]]
    service: tuple[str, ...]
    fallback: tuple[str, ...]
    digest: str
    warnings: tuple[str, ...]


def compiled(config: Config) -> bytes:
    """The configuration as JSON; references such as `${env:NAME}` stay unresolved."""
    return msgspec.json.encode(config)


def load(path: str | Path) -> Config:
    """A compiled configuration. Raises BadConfig when the file is missing or from another version."""
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Config)
    except (OSError, msgspec.DecodeError) as problem:
        told = problem.strerror if isinstance(problem, OSError) else problem
        raise BadConfig((f"{path}: no compiled jobs file ({told}); build the function again",)) from None
